"""The naive program: what an analyst writes, and what ours is compared with.

A loop over slices: a formula fit, its numbers into frames, one concat at the end. The variant
that also makes the printed summary is measured beside it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf


def fit(frame: pd.DataFrame, model: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Fit one slice and return its coefficients and statistics as an analyst collects them."""
    init = dict(model.get("init", {}))
    if "family" in init:
        init["family"] = getattr(sm.families, init["family"]["family"])()
    fitted = getattr(smf, model["estimator"].lower())(model["formula"], data=frame, **init).fit(
        **model.get("fit", {}), **({"disp": 0} if model["estimator"] in {"Logit", "Poisson"} else {})
    )
    intervals = fitted.conf_int()
    coefficients = pd.DataFrame(
        {
            "estimate": fitted.params,
            "std_error": fitted.bse,
            "statistic": fitted.tvalues,
            "p_value": fitted.pvalues,
            "conf_low": intervals[0],
            "conf_high": intervals[1],
        }
    )
    statistics = {"nobs": fitted.nobs, "df_residual": fitted.df_resid}
    if model["estimator"] == "OLS":
        statistics |= {"r_squared": fitted.rsquared, "aic": fitted.aic, "bic": fitted.bic}
    return coefficients, statistics


def with_summary(frame: pd.DataFrame, model: dict[str, Any]) -> str:
    """Return the printed summary as well."""
    init = dict(model.get("init", {}))
    if "family" in init:
        init["family"] = getattr(sm.families, init["family"]["family"])()
    fitted = getattr(smf, model["estimator"].lower())(model["formula"], data=frame, **init).fit(
        **model.get("fit", {}), **({"disp": 0} if model["estimator"] in {"Logit", "Poisson"} else {})
    )
    return str(fitted.summary())
