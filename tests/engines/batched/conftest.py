"""The gated contract as assertions: how close the kernels must be to statsmodels, per column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from modelrun.engines.batched import available

Contract = Callable[..., None]


def _close(ours: Any, theirs: Any, allowed: Any, what: str) -> None:
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(ours - theirs))
    assert (difference <= allowed).all(), f"{what}: {ours} against {theirs}"


def check_linear(fits: Any, index: int, reference: Any, *, f_test: bool = True) -> None:
    """Compare one fit of ols.fit or rolling.fit with statsmodels' results."""
    ours, at = fits.coefficients, index
    b, se = np.asarray(reference.params), np.asarray(reference.bse)
    t = np.asarray(reference.tvalues)
    scale = np.fmax(np.abs(b), se)  # a uniform HAC kernel can give a negative variance
    interval = np.asarray(reference.conf_int())
    _close(ours.params[at], b, 1e-8 * scale, "estimate")
    _close(ours.bse[at], se, np.nan_to_num(1e-8 * se), "std_error")
    _close(ours.statistic[at], t, 1e-8 * np.fmax(1, np.abs(t)), "statistic")
    _close(ours.low[at], interval[:, 0], 1e-8 * scale, "conf_low")
    _close(ours.high[at], interval[:, 1], 1e-8 * scale, "conf_high")
    p = np.asarray(reference.pvalues)
    _close(ours.p_value[at], p, np.nan_to_num(1e-8 * np.fmax(1, t**2) * p) + 1e-300, "p_value")
    y = np.asarray(reference.model.endog)

    def statistic(name: str) -> float:
        return float(fits.statistic(name)[at])

    n = reference.nobs
    for name, value in (
        ("nobs", n),
        ("df_model", reference.df_model),
        ("df_resid", reference.df_resid),
        ("k_constant", reference.k_constant),
        ("df_inference", getattr(reference, "df_resid_inference", None) or reference.df_resid),
    ):
        assert statistic(name) == value, name
    _close(statistic("sigma"), np.sqrt(reference.scale), 1e-8 * np.sqrt(reference.scale), "sigma")
    _close(statistic("ssr"), reference.ssr, 1e-8 * reference.ssr, "ssr")
    _close(statistic("r_squared"), reference.rsquared, 1e-10, "r_squared")
    _close(statistic("adj_r_squared"), reference.rsquared_adj, 1e-10 * n, "adj_r_squared")
    _close(statistic("log_lik"), reference.llf, 1e-9 * n, "log_lik")
    _close(statistic("aic"), reference.aic, 2e-9 * n, "aic")
    _close(statistic("bic"), reference.bic, 2e-9 * n, "bic")
    if f_test:
        f = reference.fvalue
        _close(statistic("f_value"), f, 1e-8 * max(1.0, abs(f)), "f_value")
        _close(
            statistic("f_p_value"), reference.f_pvalue,
            1e-8 * max(1.0, abs(f)) * n * np.nan_to_num(reference.f_pvalue) + 1e-300, "f_p_value",
        )  # fmt: skip
    if fits.resid is not None and len(fits.status) == 1:
        kept = ~np.isnan(fits.resid)
        _close(fits.resid[kept], reference.resid, 1e-9 * np.abs(y).max(), "resid")
        _close(fits.fitted[kept], reference.fittedvalues, 1e-9 * np.abs(y).max(), "fitted")


@pytest.fixture(scope="session")
def linear_contract() -> Contract:
    """Give the check of a linear fit."""
    if not available():
        pytest.skip(available().reason)
    return check_linear


def check_likelihood(fits: Any, index: int, reference: Any, *, discrete: bool) -> None:
    """Compare one fit of glm.fit or discrete.fit with statsmodels' results."""
    ours, at = fits.coefficients, index
    b, se, t = (np.asarray(v) for v in (reference.params, reference.bse, reference.tvalues))
    scale = np.fmax(np.abs(b), se)
    interval = np.asarray(reference.conf_int())

    def statistic(name: str) -> float:
        return float(fits.statistic(name)[at])

    iterations = (
        reference.mle_retvals["iterations"] if discrete else reference.fit_history["iteration"]
    )
    assert statistic("iterations") == iterations
    assert bool(statistic("converged")) == bool(reference.converged)
    _close(ours.params[at], b, 1e-8 * scale, "estimate")
    _close(ours.bse[at], se, 1e-8 * se, "std_error")
    _close(ours.statistic[at], t, 1e-8 * np.fmax(1, np.abs(t)), "statistic")
    _close(ours.low[at], interval[:, 0], 1e-8 * scale, "conf_low")
    _close(ours.high[at], interval[:, 1], 1e-8 * scale, "conf_high")
    p = np.asarray(reference.pvalues)
    _close(ours.p_value[at], p, 1e-8 * np.fmax(1, t**2) * p + 1e-300, "p_value")
    n = statistic("df_resid") + len(b)
    for name, value in (("df_model", reference.df_model), ("df_resid", reference.df_resid)):
        assert statistic(name) == value, name
    size = max(1.0, abs(reference.llf) / n)
    _close(statistic("log_lik"), reference.llf, 1e-9 * n * size, "log_lik")
    _close(statistic("aic"), reference.aic, 2e-9 * n * size, "aic")
    bic = reference.bic if discrete else reference.bic_llf
    _close(statistic("bic"), bic, 2e-9 * n * size, "bic")
    if not discrete:
        for name, value in (
            ("deviance", reference.deviance),
            ("null_deviance", reference.null_deviance),
            ("pearson_chi2", reference.pearson_chi2),
            ("scale", reference.scale),
        ):
            _close(statistic(name), value, 1e-8 * max(abs(value), 1e-3), name)


@pytest.fixture(scope="session")
def likelihood_contract() -> Contract:
    """Give the check of a GLM or discrete fit."""
    if not available():
        pytest.skip(available().reason)
    return check_likelihood


def check_quantile(fits: Any, index: int, reference: Any, tolerance: float) -> None:
    """Compare one fit of quantreg.fit or bootstrap.quantile with statsmodels' results."""
    b, se = np.asarray(reference.params), np.asarray(reference.bse)
    scale = np.fmax(np.abs(b), se)  # no errors where q is less than its bandwidth
    ours = fits.coefficients
    assert fits.statistic("iterations")[index] == reference.iterations
    assert (np.abs(ours.params[index] - b) <= tolerance * scale).all()
    np.testing.assert_allclose(ours.bse[index], se, rtol=tolerance)
    interval = np.asarray(reference.conf_int())
    np.testing.assert_allclose(ours.low[index] / scale, interval[:, 0] / scale, atol=3 * tolerance)
    t = np.asarray(reference.tvalues)
    np.testing.assert_allclose(
        ours.p_value[index], reference.pvalues, rtol=3 * tolerance * np.nanmax([1, *t**2])
    )
    for name, value in (
        ("pseudo_r_squared", reference.prsquared),
        ("bandwidth", reference.bandwidth),
        ("sparsity", reference.sparsity),
    ):
        np.testing.assert_allclose(fits.statistic(name)[index], value, rtol=10 * tolerance)
    assert fits.statistic("df_model")[index] == reference.df_model
    assert fits.statistic("df_resid")[index] == reference.df_resid


@pytest.fixture(scope="session")
def quantile_contract() -> Contract:
    """Give the check of a quantile regression."""
    if not available():
        pytest.skip(available().reason)
    return check_quantile
