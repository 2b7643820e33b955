"""GLM over many slices against statsmodels: iterates, verdicts and every column."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.engines.batched import gate, glm
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import HAC, HC, Cluster, Covariance, Nonrobust
from modelrun.engines.batched.likelihood import Wanted

PAIRS = [
    ("Gaussian", "Identity"),
    ("Gaussian", "Log"),
    ("Poisson", "Log"),
    ("Poisson", "Sqrt"),
    ("Binomial", "Logit"),
    ("Binomial", "Probit"),
    ("Binomial", "CLogLog"),
    ("Gamma", "InversePower"),
    ("Gamma", "Log"),
    ("NegativeBinomial", "Log"),
]


def _response(rng: Any, family: str, link: str, eta: Any) -> Any:
    match family, link:
        case "Gaussian", "Log":
            return np.exp(eta) + 0.1 * rng.normal(size=eta.size)
        case "Gaussian", _:
            return eta + rng.normal(size=eta.size)
        case "Poisson", _:
            return rng.poisson(np.exp(eta)).astype(float)
        case "Binomial", _:
            return (rng.random(eta.size) < 1 / (1 + np.exp(-eta))).astype(float)
        case "Gamma", "InversePower":
            return rng.gamma(20, 1 / np.abs(3 + 0.2 * eta) / 20)
        case "Gamma", _:
            return rng.gamma(4, np.exp(eta) / 4)
        case _:
            return rng.negative_binomial(2, 2 / (2 + np.exp(eta))).astype(float)


def _reference(
    family: str, link: str, y: Any, x: Any, covariance: Covariance | None = None, **extra: Any
) -> Any:
    keywords = {"alpha": 0.7} if family == "NegativeBinomial" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chosen = getattr(sm.families, family)(getattr(sm.families.links, link)(), **keywords)
        model = sm.GLM(y, x, family=chosen, **extra)
        match covariance:
            case None:
                return model.fit()
            case HC(kind):
                return model.fit(cov_type=kind)
            case HAC(maxlags):
                return model.fit(cov_type="HAC", cov_kwds={"maxlags": maxlags})
            case Cluster():
                words = {"groups": covariance.groups.astype(int)}
                return model.fit(cov_type="cluster", cov_kwds=words)


@pytest.mark.parametrize(("family", "link"), PAIRS)
def test_every_family_and_link_meets_the_contract_on_ragged_slices(
    likelihood_contract: Any, family: str, link: str
) -> None:
    rng = np.random.default_rng(3)
    lengths = np.array([60, 35, 200, 81])
    stops = np.cumsum(lengths)
    starts, n = stops - lengths, int(stops[-1])
    x = np.column_stack([np.ones(n), 0.3 * rng.normal(size=(n, 3))])
    y = _response(rng, family, link, x @ np.array([0.4, 0.5, -0.5, 0.2]))
    keep = rng.random(n) > 0.05
    columns = {
        "offset": 0.1 * rng.normal(size=n),
        "freq_weights": rng.integers(1, 4, n).astype(float),
        "var_weights": rng.uniform(0.5, 2, n),
    }
    for names in ([], ["offset"], ["freq_weights", "var_weights"]):
        extra = {name: columns[name] for name in names}
        fits = glm.fit(
            Columns.of_matrix(x), y, starts, stops,
            family=glm.Family(family, link, 0.7), keep=keep, **extra,
        )  # fmt: skip
        assert not gate.hand_over(fits.reasons).any()
        for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
            rows = np.flatnonzero(keep[start:stop]) + start
            part = {name: values[rows] for name, values in extra.items()}
            reference = _reference(family, link, y[rows], x[rows], **part)
            likelihood_contract(fits, index, reference, discrete=False)


@pytest.mark.parametrize(
    ("family", "link"), [pair for pair in PAIRS if glm.supports(glm.Family(*pair), HC("HC0"))]
)
def test_robust_covariances_of_canonical_links_meet_the_contract(
    likelihood_contract: Any, family: str, link: str
) -> None:
    rng = np.random.default_rng(4)
    n = 150
    x = np.column_stack([np.ones(n), 0.3 * rng.normal(size=(n, 2))])
    y = _response(rng, family, link, x @ np.array([0.4, 0.5, -0.5]))
    groups = rng.integers(0, 15, n)
    weights = {
        "freq_weights": rng.integers(1, 4, n).astype(float),
        "var_weights": rng.uniform(0.5, 2, n),
    }
    covariances = (HC("HC0"), HC("HC1"), HAC(3), Cluster.coded(groups))
    for covariance, extra in itertools.product(covariances, ({}, weights)):
        fits = glm.fit(
            Columns.of_matrix(x), y, [0], [n], family=glm.Family(family, link),
            covariance=covariance, **extra,
        )  # fmt: skip
        reference = _reference(family, link, y, x, covariance, **extra)
        likelihood_contract(fits, 0, reference, discrete=False)


def test_exposure_is_an_offset_of_logarithms_and_fitted_values_are_means() -> None:
    rng = np.random.default_rng(5)
    n = 80
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    exposure = rng.uniform(1, 9, n)
    y = rng.poisson(exposure * np.exp(0.3 * x[:, 1])).astype(float)
    fits = glm.fit(
        Columns.of_matrix(x), y, [0], [n], family=glm.Family("Poisson"), exposure=exposure,
        wanted=Wanted(cov=True, fitted=True, linear=True),
    )  # fmt: skip
    reference = _reference("Poisson", "Log", y, x, exposure=exposure)
    np.testing.assert_allclose(fits.coefficients.params[0], reference.params, rtol=1e-10)
    np.testing.assert_allclose(fits.fitted, reference.fittedvalues, rtol=1e-10)
    np.testing.assert_allclose(fits.cov[0], reference.cov_params(), rtol=1e-9)
    np.testing.assert_allclose(
        fits.statistic("pseudo_r2_cox_snell")[0], reference.pseudo_rsquared(), rtol=1e-8
    )


def test_separation_is_detected_where_statsmodels_is_silent() -> None:
    rng = np.random.default_rng(6)
    x = np.linspace(-1, 1, 60)
    complete = (x > 0).astype(float)
    dummy = (np.arange(60) % 6 == 0).astype(float)
    quasi = np.where(dummy == 1, 1.0, rng.integers(0, 2, 60))
    ordinary = (rng.random(60) < 0.5).astype(float)
    zeros = np.where(dummy == 1, 0.0, rng.poisson(2.0, 60))
    binomial, poisson = glm.Family("Binomial"), glm.Family("Poisson")
    for column, y, family, separated in (
        (x, complete, binomial, True),
        (dummy, quasi, binomial, True),
        (x, ordinary, binomial, False),
        (dummy, zeros, poisson, True),
        (x, rng.poisson(2.0, 60).astype(float), poisson, False),
    ):
        fits = glm.fit(Columns.of([None, column]), y, [0], [60], family=family)
        assert bool(fits.statistic("separated")[0]) == separated
        assert bool(gate.hand_over(fits.reasons)[0]) == separated
        assert (fits.status[0] == gate.Status.SEPARATED) == separated


def test_collinear_short_and_impossible_slices_are_classes() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=40)
    y = rng.poisson(2.0, 40).astype(float)
    twin = np.r_[x[:20] * 2, rng.normal(size=20)]
    y[39] = np.inf
    fits = glm.fit(
        Columns.of([None, x, twin]), y, [0, 20, 20, 30], [20, 30, 22, 40],
        family=glm.Family("Poisson"),
    )  # fmt: skip
    assert list(fits.status) == [
        gate.Status.RANK_DEFICIENT, gate.Status.OK, gate.Status.TOO_SHORT, gate.Status.NON_FINITE,
    ]  # fmt: skip


def test_what_is_not_batched_is_refused_with_the_way_out() -> None:
    family = glm.Family("Binomial", "Probit")
    assert not glm.supports(family, HC("HC1"))
    assert glm.supports(family, Nonrobust())
    with pytest.raises(ValueError, match="use statsmodels"):
        glm.fit(Columns.of([None], n=3), [0, 1, 0], [0], [3], family=family, covariance=HC("HC1"))
    with pytest.raises(ValueError, match="exposure goes with the Log link"):
        glm.fit(Columns.of([None], n=3), [0, 1, 0], [0], [3], family=family, exposure=[1, 1, 2])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(8, 80),
    p=st.integers(1, 4),
    pair=st.sampled_from(PAIRS),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    nearly=st.sampled_from([0.0, 1e-3, 1e-6]),
)
def test_any_design_meets_the_contract_or_is_handed_over(
    likelihood_contract: Any, seed: int, n: int, p: int, pair: tuple[str, str], scale: float,
    nearly: float,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), 0.5 * rng.normal(size=(n, p))])
    if nearly and p > 1:
        x[:, 2] = x[:, 1] + nearly * x[:, 2]
    y = _response(rng, *pair, x @ (0.5 * rng.normal(size=p + 1)))
    x[:, -1] *= scale
    fits = glm.fit(
        Columns.of_matrix(x), y, [0], [n], family=glm.Family(*pair, 0.7), wanted=Wanted()
    )
    if gate.hand_over(fits.reasons)[0]:
        return
    likelihood_contract(fits, 0, _reference(*pair, y, x), discrete=False)
