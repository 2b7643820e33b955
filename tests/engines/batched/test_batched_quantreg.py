"""Quantile regression over many slices against statsmodels' iteration."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from modelrun.engines.batched import available, gate, quantreg
from modelrun.engines.batched.columns import Columns

Contract = Callable[..., None]

pytestmark = pytest.mark.skipif(not available(), reason="the compiled kernels are missing")


def _data(seed: int, n: int, p: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    return x, x @ rng.normal(size=p) + rng.standard_t(3, size=n)


def _reference(y: Any, x: Any, **fit: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sm.QuantReg(y, x).fit(**fit)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
def test_iterations_estimates_and_errors_equal_statsmodels_on_ragged_slices(
    q: float, quantile_contract: Contract
) -> None:
    lengths = np.array([60, 90, 250, 41] * 3)
    stops = np.cumsum(lengths)
    starts = stops - lengths
    x, y = _data(1, int(stops[-1]), 4)
    keep = np.random.default_rng(2).random(len(y)) > 0.05
    fits = quantreg.fit(Columns.of_matrix(x), y, starts, stops, q=q, keep=keep)
    again = gate.hand_over(fits.reasons)
    assert again.mean() < 0.2
    for index in np.flatnonzero(~again):
        rows = np.flatnonzero(keep[starts[index] : stops[index]]) + starts[index]
        quantile_contract(fits, index, _reference(y[rows], x[rows], q=q), 1e-6)


@pytest.mark.parametrize("kernel", ["epa", "biw", "cos", "gau", "par"])
@pytest.mark.parametrize("bandwidth", ["hsheather", "bofinger", "chamberlain"])
@pytest.mark.parametrize("vcov", ["robust", "iid"])
def test_every_covariance_equals_statsmodels(
    kernel: Any, bandwidth: Any, vcov: Any, quantile_contract: Contract
) -> None:
    x, y = _data(3, 120, 3)
    fits = quantreg.fit(
        Columns.of_matrix(x), y, [0], [120], q=0.4, kernel=kernel, bandwidth=bandwidth, vcov=vcov
    )
    assert not gate.hand_over(fits.reasons).any()
    reference = _reference(y, x, q=0.4, kernel=kernel, bandwidth=bandwidth, vcov=vcov)
    quantile_contract(fits, 0, reference, 1e-8)


def test_a_fit_that_needs_all_iterations_is_not_converged_and_keeps_its_numbers(
    quantile_contract: Contract,
) -> None:
    x, y = _data(4, 80, 3)
    fits = quantreg.fit(
        Columns.of_matrix(x), y, [0], [80], q=0.5, max_iter=7, want_resid=True, want_fitted=True
    )
    assert fits.status[0] == gate.Status.NOT_CONVERGED
    reference = _reference(y, x, q=0.5, max_iter=7)
    quantile_contract(fits, 0, reference, 1e-8)
    np.testing.assert_allclose(fits.resid, reference.resid, atol=1e-9)
    np.testing.assert_allclose(fits.fitted, reference.fittedvalues, atol=1e-9)


def test_collinear_and_short_slices_are_classes() -> None:
    x = np.random.default_rng(5).normal(size=30)
    fits = quantreg.fit(Columns.of([None, x, 2 * x]), x, [0, 10], [30, 12])
    assert list(fits.status) == [gate.Status.RANK_DEFICIENT, gate.Status.TOO_SHORT]
    assert gate.hand_over(fits.reasons).all()
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        quantreg.fit(Columns.of([None, x]), x, [0], [30], q=1.0)
