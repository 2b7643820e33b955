"""Logit, Probit and Poisson over many slices against statsmodels' Newton method."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.engines.batched import discrete, gate
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import HAC, HC, Cluster
from modelrun.engines.batched.likelihood import Wanted

MODELS: list[discrete.ModelName] = ["Logit", "Probit", "Poisson"]


def _response(rng: Any, model: str, eta: Any) -> Any:
    if model == "Poisson":
        return rng.poisson(np.exp(eta)).astype(float)
    return (rng.random(eta.size) < 1 / (1 + np.exp(-eta))).astype(float)


def _reference(model: str, y: Any, x: Any, extra: Any = None, **fit: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(sm, model)(y, x, **(extra or {})).fit(disp=0, **fit)


@pytest.mark.parametrize("model", MODELS)
def test_ragged_slices_with_offsets_and_missing_rows_meet_the_contract(
    likelihood_contract: Any, model: discrete.ModelName
) -> None:
    rng = np.random.default_rng(1)
    lengths = np.array([50, 120, 33, 250])
    stops = np.cumsum(lengths)
    starts, n = stops - lengths, int(stops[-1])
    x = np.column_stack([np.ones(n), 0.5 * rng.normal(size=(n, 3))])
    offset = 0.2 * rng.normal(size=n)
    y = _response(rng, model, x @ np.array([0.2, 0.7, -0.5, 0.3]))
    keep = rng.random(n) > 0.1
    for extra in ({}, {"offset": offset}):
        fits = discrete.fit(Columns.of_matrix(x), y, starts, stops, model=model, keep=keep, **extra)
        assert not gate.hand_over(fits.reasons).any()
        for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            rows = np.flatnonzero(keep[start:stop]) + start
            part = {name: values[rows] for name, values in extra.items()}
            reference = _reference(model, y[rows], x[rows], part)
            likelihood_contract(fits, index, reference, discrete=True)
            np.testing.assert_allclose(
                fits.statistic("pseudo_r2_mcfadden")[index], reference.prsquared, atol=1e-7
            )
            np.testing.assert_allclose(
                fits.statistic("llr_p_value")[index], reference.llr_pvalue, rtol=1e-4, atol=1e-12
            )


@pytest.mark.parametrize("model", MODELS)
def test_robust_covariances_meet_the_contract(
    likelihood_contract: Any, model: discrete.ModelName
) -> None:
    rng = np.random.default_rng(2)
    n = 200
    x = np.column_stack([np.ones(n), 0.5 * rng.normal(size=(n, 2))])
    y = _response(rng, model, x @ np.array([0.2, 0.7, -0.5]))
    groups = rng.integers(0, 20, n)
    for covariance, fit in (
        (HC("HC0"), {"cov_type": "HC0"}),
        (HC("HC1"), {"cov_type": "HC1"}),
        (HAC(4), {"cov_type": "HAC", "cov_kwds": {"maxlags": 4}}),
        (Cluster.coded(groups), {"cov_type": "cluster", "cov_kwds": {"groups": groups}}),
    ):
        fits = discrete.fit(Columns.of_matrix(x), y, [0], [n], model=model, covariance=covariance)
        likelihood_contract(fits, 0, _reference(model, y, x, **fit), discrete=True)


def test_the_ridge_stops_badly_scaled_columns_early_as_in_statsmodels() -> None:
    rng = np.random.default_rng(3)
    n = 250
    x = np.column_stack([np.ones(n), 1e-5 * rng.normal(size=n)])
    y = (rng.random(n) < 1 / (1 + np.exp(-1e5 * x[:, 1]))).astype(float)
    fits = discrete.fit(Columns.of_matrix(x), y, [0], [n], model="Logit")
    reference = _reference("Logit", y, x)
    assert not reference.converged
    assert fits.status[0] == gate.Status.NOT_CONVERGED
    assert fits.statistic("iterations")[0] == reference.mle_retvals["iterations"]
    np.testing.assert_allclose(fits.coefficients.params[0], reference.params, rtol=1e-8)
    np.testing.assert_allclose(fits.coefficients.bse[0], reference.bse, rtol=1e-8)


def test_separation_is_a_class_of_its_own() -> None:
    rng = np.random.default_rng(4)
    x = np.linspace(-1, 1, 60)
    dummy = (np.arange(60) % 6 == 0).astype(float)
    quasi = np.where(dummy == 1, 1.0, rng.integers(0, 2, 60))
    for column, y, separated in (
        (x, (x > 0).astype(float), True),
        (dummy, quasi, True),
        (x, rng.integers(0, 2, 60).astype(float), False),
    ):
        for model in ("Logit", "Probit"):
            fits = discrete.fit(Columns.of([None, column]), y, [0], [60], model=model)
            assert bool(gate.hand_over(fits.reasons)[0]) == separated, model
            if model == "Logit":
                assert (fits.status[0] == gate.Status.SEPARATED) == separated


def test_impossible_responses_are_handed_over_so_that_statsmodels_says_why() -> None:
    x = np.linspace(-1, 1, 20)
    for model, y in (("Logit", x * 2), ("Probit", np.full(20, 0.5))):
        fits = discrete.fit(Columns.of([None, x]), y, [0], [20], model=model)
        assert gate.hand_over(fits.reasons)[0]


def test_fitted_values_are_probabilities_in_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(70), rng.normal(size=70)])
    y = rng.integers(0, 2, 70).astype(float)
    keep = np.arange(70) % 9 != 2
    fits = discrete.fit(
        Columns.of_matrix(x), y, [0], [70], model="Logit", keep=keep,
        wanted=Wanted(fitted=True, linear=True),
    )  # fmt: skip
    reference = _reference("Logit", y[keep], x[keep])
    np.testing.assert_allclose(fits.fitted[keep], reference.predict(), rtol=1e-10)
    np.testing.assert_allclose(fits.linear[keep], reference.fittedvalues, rtol=1e-9, atol=1e-12)
    assert np.isnan(fits.fitted[~keep]).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(8, 80),
    p=st.integers(1, 4),
    model=st.sampled_from(MODELS),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    nearly=st.sampled_from([0.0, 1e-3, 1e-6]),
)
def test_any_design_meets_the_contract_or_is_handed_over(
    likelihood_contract: Any, seed: int, n: int, p: int, model: discrete.ModelName, scale: float,
    nearly: float,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), 0.5 * rng.normal(size=(n, p))])
    if nearly and p > 1:
        x[:, 2] = x[:, 1] + nearly * x[:, 2]
    y = _response(rng, model, x @ (0.5 * rng.normal(size=p + 1)))
    x[:, -1] *= scale
    fits = discrete.fit(Columns.of_matrix(x), y, [0], [n], model=model)
    if gate.hand_over(fits.reasons)[0]:
        return
    likelihood_contract(fits, 0, _reference(model, y, x), discrete=True)
