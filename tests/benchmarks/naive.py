"""The naive program: what an analyst writes, and what ours is compared with.

A loop over slices: a formula fit, its numbers into frames, one concat at the end. The variant
that also makes the printed summary is measured beside it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf


def fitted(frame: pd.DataFrame, model: dict[str, Any]) -> Any:
    """Fit one slice through the formula interface."""
    init = dict(model.get("init", {}))
    if "family" in init:
        init["family"] = getattr(sm.families, init["family"]["family"])()
    quiet = {"disp": 0} if model["estimator"] in {"Logit", "Poisson"} else {}
    function = getattr(smf, model["estimator"].lower())
    return function(model["formula"], data=frame, **init).fit(**model.get("fit", {}), **quiet)


def fit(frame: pd.DataFrame, model: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit one slice and return its coefficients and statistics as an analyst collects them."""
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
    statistics = {"nobs": result.nobs, "df_residual": result.df_resid}
    if model["estimator"] == "OLS":
        statistics |= {"r_squared": result.rsquared, "aic": result.aic, "bic": result.bic}
    return coefficients, statistics


def with_summary(frame: pd.DataFrame, model: dict[str, Any]) -> str:
    """Return the printed summary as well."""
    return str(fitted(frame, model).summary())
