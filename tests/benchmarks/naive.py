"""The naive program: what an analyst writes, and what ours is compared with.

A loop over slices: a formula fit, its numbers into frames, one concat at the end. The variant
that also makes the printed summary is measured beside it.
"""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.tsa.arima.model import ARIMA

from benchmarks import busy

IMPORTS = """
import pandas
import statsmodels.api
import statsmodels.formula.api
"""
"""What such a program begins with; ARIMA is among it."""


def fitted(frame: pd.DataFrame, model: dict[str, Any]) -> Any:
    """Fit one slice through the interface that statsmodels' documentation shows."""
    init, fit = dict(model.get("init", {})), dict(model.get("fit", {}))
    estimator = model["estimator"]
    if estimator == "ARIMA":
        return ARIMA(frame[model["endog"]], order=tuple(init["order"])).fit()
    if estimator == "SARIMAX":
        orders = {name: tuple(order) for name, order in init.items()}
        return sm.tsa.SARIMAX(frame[model["endog"]], **orders).fit(disp=0)
    if "family" in init:
        init["family"] = getattr(sm.families, init["family"]["family"])()
    if "groups" in init:
        init["groups"] = frame[init["groups"]["column"]]
    if estimator in {"Logit", "Poisson", "NegativeBinomial"}:
        fit["disp"] = 0
    function = getattr(smf, estimator.lower())
    return function(model["formula"], data=frame, **init).fit(**fit)


def fit(frame: pd.DataFrame, model: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit one slice and return its coefficients and statistics as an analyst collects them."""
    if "callable" in model:
        found = busy.fit(frame, **model["kwargs"])
        return pd.DataFrame({"estimate": pd.Series(found)}), {"nobs": len(frame)}
    result = fitted(frame, model)
    intervals = result.conf_int()
    coefficients = pd.DataFrame(
        {
            "estimate": result.params,
            "std_error": result.bse,
            "statistic": result.tvalues,
            "p_value": result.pvalues,
            "conf_low": intervals[0],
            "conf_high": intervals[1],
        }
    )
    statistics = {"nobs": result.nobs, "df_residual": getattr(result, "df_resid", None)}
    if model["estimator"] == "OLS":
        statistics |= {"r_squared": result.rsquared, "aic": result.aic, "bic": result.bic}
    return coefficients, statistics


def with_summary(frame: pd.DataFrame, model: dict[str, Any]) -> str:
    """Return the printed summary as well."""
    if "callable" in model:
        return str(fit(frame, model))
    return str(fitted(frame, model).summary())


def quiet() -> None:
    """Let warnings of statsmodels pass, as programs do that print nothing."""
    warnings.simplefilter("ignore")
