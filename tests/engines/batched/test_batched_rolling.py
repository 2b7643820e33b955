"""Moving windows by aggregation against statsmodels window by window, and against hard data."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.engines.batched import gate, ols, rolling
from modelrun.engines.batched.columns import Columns


def _data(seed: int, n: int, p: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    return x, x @ rng.normal(size=p) + rng.normal(size=n)


@pytest.mark.parametrize("use_t", [True, False])
def test_every_rolling_window_meets_the_contract(linear_contract: Any, use_t: bool) -> None:
    x, y = _data(0, 150, 4)
    keep = np.random.default_rng(1).random(150) > 0.1
    starts = np.arange(0, 115, 3)
    fits = rolling.fit(
        Columns.of_matrix(x), y, starts, starts + 35, origins=0, block=35, keep=keep, use_t=use_t
    )
    assert not gate.hand_over(fits.reasons).any()
    for index, start in enumerate(starts):
        rows = np.flatnonzero(keep[start : start + 35]) + start
        linear_contract(fits, index, sm.OLS(y[rows], x[rows]).fit(use_t=use_t))


def test_growing_windows_meet_the_contract(linear_contract: Any) -> None:
    x, y = _data(2, 90, 3)
    stops = np.arange(10, 91, 8)
    fits = rolling.fit(Columns.of_matrix(x), y, np.zeros_like(stops), stops, origins=0, block=10)
    for index, stop in enumerate(stops):
        linear_contract(fits, index, sm.OLS(y[:stop], x[:stop]).fit())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), block=st.integers(1, 40), p=st.integers(1, 5))
def test_windows_of_any_length_in_several_segments_equal_the_direct_kernel(
    seed: int, block: int, p: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = _data(seed, 200, p)
    position = int(rng.integers(0, p))
    x[:, [0, position]] = x[:, [position, 0]]
    origins = np.repeat([0, 80, 120], 15)
    starts = origins + np.sort(rng.integers(0, 30, 45).reshape(3, 15), axis=1).ravel()
    stops = np.minimum(starts + rng.integers(p + 3, 40, 45), 200)
    design = Columns.of_matrix(x)
    moving = rolling.fit(design, y, starts, stops, origins=origins, block=block)
    direct = ols.fit(design, y, starts, stops)
    good = ~gate.hand_over(direct.reasons)
    assert (moving.status[good] == gate.Status.OK).all()
    for ours, theirs in zip(
        moving.coefficients.arrays(), direct.coefficients.arrays(), strict=True
    ):
        np.testing.assert_allclose(ours[good], theirs[good], rtol=1e-8, atol=1e-10)
    columns = ["nobs", "df_model", "df_resid", "ssr", "tss", "r_squared", "log_lik", "bic"]
    for name in columns:
        np.testing.assert_allclose(
            moving.statistic(name)[good], direct.statistic(name)[good], rtol=1e-9, atol=1e-10
        )


def test_bits_do_not_depend_on_which_windows_a_call_holds() -> None:
    x, y = _data(5, 300, 4)
    design = Columns.of_matrix(x)
    starts = np.arange(0, 260)
    whole = rolling.fit(design, y, starts, starts + 40, origins=0, block=40)
    for part in (slice(0, 7), slice(7, 120), slice(120, 121), slice(121, 260)):
        alone = rolling.fit(design, y, starts[part], starts[part] + 40, origins=0, block=40)
        for one, all_ in zip(alone.coefficients.arrays(), whole.coefficients.arrays(), strict=True):
            assert (one == all_[part]).all()


def test_an_outlier_that_left_the_window_leaves_no_trace() -> None:
    rng = np.random.default_rng(6)
    n = 200
    x = rng.normal(size=n) + 1e6
    y = 2 * (x - 1e6) + rng.normal(size=n)
    y[50] = 1e8
    starts = np.arange(60, n - 40)
    fits = rolling.fit(Columns.of([None, x]), y, starts, starts + 40, origins=0, block=40)
    centred = rolling.fit(Columns.of([None, x - 1e6]), y, starts, starts + 40, origins=0, block=40)
    np.testing.assert_allclose(
        fits.coefficients.params[:, 1], centred.coefficients.params[:, 1], rtol=1e-7
    )


def test_windows_without_variation_or_rows_are_classes() -> None:
    rng = np.random.default_rng(7)
    x = np.r_[np.full(20, 2.0), rng.normal(size=20)]
    y = rng.normal(size=40)
    y[39] = np.inf
    keep = np.ones(40, dtype=bool)
    keep[20:30] = False
    fits = rolling.fit(
        Columns.of([None, x]), y, [0, 18, 20, 28], [10, 34, 30, 40],
        origins=0, block=10, keep=keep,
    )  # fmt: skip
    assert list(fits.status) == [
        gate.Status.RANK_DEFICIENT, gate.Status.OK, gate.Status.TOO_SHORT, gate.Status.NON_FINITE,
    ]  # fmt: skip


def test_a_design_without_ones_is_sent_to_the_direct_kernel() -> None:
    with pytest.raises(ValueError, match=r"use ols\.fit"), warnings.catch_warnings():
        rolling.fit(Columns.of([np.zeros(9)]), np.zeros(9), [0], [9], origins=0, block=9)
