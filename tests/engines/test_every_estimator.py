"""Each family of estimators gives the numbers of its naive fit on real data."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from engines.handmade import CLUSTER, columns_of, rows_of, study_of
from modelrun.engines import naive
from modelrun.engines.estimators import ESTIMATORS

pytestmark = pytest.mark.filterwarnings("ignore")


def load(name: str) -> pd.DataFrame:
    return getattr(sm.datasets, name).load_pandas().data


def fair() -> pd.DataFrame:
    data = load("fair").iloc[1700:2500].copy()
    data["affair"] = (data.affairs > 0).astype(float)
    data["g"] = np.arange(len(data)) // 8
    return data


def randhie() -> pd.DataFrame:
    data = load("randhie").iloc[:600].copy()
    data["weight"] = 1 + data["physlm"]
    return data


GROUPS = {"groups": {"column": "g"}}
COUNTS = "mdvis ~ lncoins + disea"
CASES = {
    "OLS": ("engel", {"formula": "foodexp ~ income"}),
    "OLS-HC3": ("engel", {"formula": "foodexp ~ income", "fit": {"cov_type": "HC3"}}),
    "OLS-HAC": (
        "longley",
        {
            "formula": "TOTEMP ~ GNP + UNEMP",
            "fit": {"cov_type": "HAC", "cov_kwds": {"maxlags": 2, "use_correction": True}},
        },
    ),
    "OLS-cluster": (
        "grunfeld",
        {
            "formula": "invest ~ value + capital",
            "fit": CLUSTER,
        },
    ),
    "OLS-categories": ("grunfeld", {"formula": "invest ~ value + C(firm) + np.log(capital + 1)"}),
    "WLS": ("engel", {"formula": "foodexp ~ income", "init": {"weights": {"column": "income"}}}),
    "GLS": ("engel", {"formula": "foodexp ~ income"}),
    "GLSAR": ("engel", {"formula": "foodexp ~ income", "init": {"rho": 2}}),
    "QuantReg": ("engel", {"formula": "foodexp ~ income", "fit": {"q": 0.25}}),
    "RLM": ("engel", {"formula": "foodexp ~ income", "init": {"M": "TukeyBiweight"}}),
    "GLM-Gamma": (
        "engel",
        {"formula": "foodexp ~ income", "init": {"family": {"family": "Gamma", "link": "Log"}}},
    ),
    "GLM-Binomial": (
        fair,
        {
            "formula": "affair ~ age + children",
            "init": {"family": "Binomial", "freq_weights": {"column": "religious"}},
        },
    ),
    "GLM-Poisson": (
        randhie,
        {
            "formula": COUNTS,
            "init": {"family": "Poisson", "offset": {"column": "weight"}},
            "fit": {"cov_type": "HC1"},
        },
    ),
    "GLMGam": (
        fair,
        {
            "formula": "affair ~ children",
            "init": {
                "family": "Binomial",
                "smoother": {"columns": ["age"], "df": [5], "degree": [3]},
            },
        },
    ),
    "Logit": (fair, {"formula": "affair ~ age + religious"}),
    "Probit": (fair, {"formula": "affair ~ age + religious"}),
    "Poisson": (randhie, {"formula": COUNTS, "init": {"exposure": {"column": "weight"}}}),
    "Poisson-HC0": (randhie, {"formula": COUNTS, "fit": {"cov_type": "HC0"}}),
    "NegativeBinomial": (randhie, {"formula": COUNTS}),
    "NegativeBinomialP": (randhie, {"formula": COUNTS}),
    "GeneralizedPoisson": (randhie, {"formula": COUNTS}),
    "ZeroInflatedPoisson": (randhie, {"formula": COUNTS}),
    "HurdleCountModel": (randhie, {"formula": COUNTS}),
    "TruncatedLFPoisson": (
        lambda: randhie().query("mdvis > 0"),
        {"formula": "mdvis ~ disea"},
    ),
    "MNLogit": ("anes96", {"formula": "PID ~ age + educ"}),
    "ConditionalLogit": (fair, {"formula": "affair ~ 0 + age + children", "init": GROUPS}),
    "ConditionalPoisson": (
        lambda: randhie().assign(g=np.arange(600) // 6),
        {"formula": "mdvis ~ 0 + disea", "init": GROUPS},
    ),
    "GEE": (
        fair,
        {
            "formula": "affair ~ age",
            "init": {**GROUPS, "family": "Binomial", "cov_struct": "Exchangeable"},
        },
    ),
    "OrdinalGEE": (
        lambda: fair().iloc[:80],
        {"formula": "rate_marriage ~ 0 + age", "init": GROUPS},
    ),
    "NominalGEE": (
        lambda: fair().iloc[:80].assign(r=lambda d: (d.rate_marriage > 4).astype(int)),
        {"formula": "r ~ age", "init": GROUPS},
    ),
    "MixedLM": (
        "grunfeld",
        {"formula": "invest ~ value + capital", "init": {"groups": {"column": "firm"}}},
    ),
    "MixedLM-slope": (
        "grunfeld",
        {
            "formula": "invest ~ value",
            "init": {"groups": {"column": "firm"}, "re_formula": "~capital"},
        },
    ),
    "PHReg": (
        fair,
        {"formula": "yrs_married ~ age", "init": {"status": {"column": "affair"}}},
    ),
    "OrderedModel": (
        fair,
        {
            "formula": "rate_marriage ~ age + children",
            "init": {"distr": "logit"},
            "fit": {"method": "bfgs"},
        },
    ),
    "BetaModel": (
        lambda: load("engel").assign(share=lambda d: d.foodexp / 5000),
        {"formula": "share ~ income"},
    ),
    "ARIMA": (
        "nile",
        {"endog": "volume", "time": "year", "init": {"order": [1, 0, 1]}},
    ),
    "ARIMA-exog": (
        lambda: load("sunspots").assign(t=np.arange(309) / 100),
        {"endog": "SUNACTIVITY", "exog": ["t"], "time": "YEAR", "init": {"order": [1, 0, 0]}},
    ),
    "SARIMAX": ("sunspots", {"endog": "SUNACTIVITY", "init": {"order": [2, 0, 0]}}),
    "UnobservedComponents": (
        "nile",
        {"endog": "volume", "time": "year", "init": {"level": "local level"}},
    ),
    "AutoReg": ("sunspots", {"endog": "SUNACTIVITY", "init": {"lags": 2}}),
    "ExponentialSmoothing": ("nile", {"endog": "volume", "init": {"trend": "add"}}),
    "SimpleExpSmoothing": ("nile", {"endog": "volume"}),
    "Holt": ("nile", {"endog": "volume"}),
    "ETSModel": ("nile", {"endog": "volume"}),
}


def case(name: str):
    source, spec = CASES[name]
    data = load(source) if isinstance(source, str) else source()
    return data.reset_index(drop=True), {
        "name": "m",
        "estimator": name.partition("-")[0],
        **spec,
    }


@pytest.mark.parametrize("name", CASES)
def test_gives_the_numbers_of_the_formula_interface(name: str) -> None:
    data, spec = case(name)
    study = study_of(data, spec)
    row = rows_of(study)[0]
    assert row["failure"] is None
    assert row["status"] in {"succeeded", "notConverged"}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = naive.fit(study, study.models[0], 0)
        params = reference.params
        if isinstance(params, dict):
            params = [v for v in params.values() if isinstance(v, float) and np.isfinite(v)]
        ours = columns_of(row)
        expected = np.ravel(np.asarray(params, dtype=float), order="F")
        np.testing.assert_allclose(ours["estimate"], expected, rtol=1e-9, atol=1e-12)
        if not hasattr(reference, "bse"):
            return
        for column, attribute in (
            ("std_error", "bse"),
            ("statistic", "tvalues"),
            ("p_value", "pvalues"),
        ):
            expected = np.ravel(np.asarray(getattr(reference, attribute)), order="F")
            np.testing.assert_allclose(ours[column], expected, rtol=1e-8, atol=1e-300)
        ends = np.asarray(reference.conf_int()).reshape(-1, 2)
        np.testing.assert_allclose(ours["conf_low"], ends[:, 0], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(ours["conf_high"], ends[:, 1], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "name",
    [
        "OLS",
        "OLS-HAC",
        "OLS-HC3",
        "WLS",
        "GLS",
        "Logit",
        "Poisson",
        "GLM-Gamma",
        "MixedLM",
        "ARIMA",
    ],
)
def test_gives_statsmodels_statistics_under_brooms_names(name: str) -> None:
    data, spec = case(name)
    study = study_of(data, spec)
    row = rows_of(study)[0]
    reference = naive.fit(study, study.models[0], 0)
    theirs = {
        "nobs": "nobs",
        "df_residual": "df_resid",
        "r_squared": "rsquared",
        "adj_r_squared": "rsquared_adj",
        "pseudo_r_squared": "prsquared",
        "f_statistic": "fvalue",
        "f_p_value": "f_pvalue",
        "log_lik": "llf",
        "log_lik_null": "llnull",
        "aic": "aic",
        "deviance": "deviance",
        "null_deviance": "null_deviance",
        "pearson_chi2": "pearson_chi2",
        "condition_number": "condition_number",
    }
    compared = 0
    for column, attribute in theirs.items():
        expected = getattr(reference, attribute, None)
        if expected is None or row[column] is None:
            continue
        np.testing.assert_allclose(row[column], expected, rtol=1e-9)
        compared += 1
    assert compared >= 4


def test_every_estimator_of_the_catalogue_can_be_imported() -> None:
    for entry in ESTIMATORS.values():
        assert entry.load() is not None


def test_multinomial_equations_are_components_with_the_names_of_their_levels() -> None:
    data, spec = case("MNLogit")
    terms = rows_of(study_of(data, spec))[0]["coefficients"]
    assert [t["component"] for t in terms[:6]] == ["1"] * 3 + ["2"] * 3
    assert [t["term"] for t in terms[:3]] == ["Intercept", "age", "educ"]


@pytest.mark.parametrize(
    ("name", "component", "count"),
    [
        ("MixedLM", "variance", 1),
        ("OrderedModel", "threshold", 4),
        ("NegativeBinomial", "dispersion", 1),
        ("ZeroInflatedPoisson", "inflation", 1),
        ("BetaModel", "precision", 1),
        ("ARIMA", "variance", 1),
        ("ETSModel", "initial", 1),
    ],
)
def test_parameters_that_are_no_slopes_say_so(name: str, component: str, count: int) -> None:
    data, spec = case(name)
    terms = rows_of(study_of(data, spec))[0]["coefficients"]
    assert sum(t["component"] == component for t in terms) == count
    assert any(t["component"] == "" for t in terms) or name == "UnobservedComponents"


@pytest.mark.parametrize("name", ["ARIMA", "SARIMAX", "UnobservedComponents", "Logit", "OLS"])
def test_only_estimates_are_the_same_estimates(name: str) -> None:
    data, spec = case(name)
    whole = rows_of(study_of(data, spec))[0]
    (row,) = rows_of(study_of(data, spec, coefficients=("estimate",), fits=()))
    assert [t["estimate"] for t in row["coefficients"]] == [
        t["estimate"] for t in whole["coefficients"]
    ]
    assert set(row["coefficients"][0]) == {"component", "term", "estimate", "df", "dist"}
