"""Statistics of whole fits from statsmodels results, under broom's names; only those asked for.

Each name is one small function, because statsmodels' classes call the same thing differently. A
statistic that an estimator does not have is None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _number(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _attribute(*names: str) -> Callable[[Any], float | None]:
    def read(results: Any) -> float | None:
        for name in names:
            found = getattr(results, name, None)
            if found is not None and not callable(found):
                return _number(found)
        return None

    return read


def _sigma(results: Any) -> float | None:
    scale = _number(getattr(results, "scale", None))
    if scale is None:
        return None
    # Robust regression keeps the scale itself, all others its square.
    return scale if type(results.model).__name__ == "RLM" else float(np.sqrt(scale))


def _bic(results: Any) -> float | None:
    # GLM's `bic` is based on the deviance and deprecated; everybody else's on the likelihood.
    found = getattr(results, "bic_llf", None)
    return _number(results.bic if found is None and hasattr(results, "bic") else found)


def _pseudo(results: Any) -> float | None:
    if hasattr(results, "prsquared"):
        return _number(results.prsquared)
    if hasattr(results, "pseudo_rsquared"):
        return _number(results.pseudo_rsquared(kind="mcf"))
    return None


def _condition(results: Any) -> float | None:
    found = _number(getattr(results, "condition_number", None))
    exog = getattr(results.model, "exog", None)
    if found is not None or exog is None:
        return found
    return float(np.linalg.cond(exog))


def iterations(results: Any) -> float | None:
    """Return how many iterations a fit took, or None where it has none."""
    history = getattr(results, "fit_history", None)
    if isinstance(history, dict) and "iteration" in history:
        return _number(history["iteration"])
    returned = getattr(results, "mle_retvals", None)
    if returned is not None:
        for name in ("iterations", "nit"):
            found = returned.get(name) if hasattr(returned, "get") else None
            if found is not None:
                return _number(found)
    found = getattr(results, "iterations", None)
    return _number(found)


_READ: dict[str, Callable[[Any], float | None]] = {
    "df_model": _attribute("df_model"),
    "df_residual": _attribute("df_resid"),
    "r_squared": _attribute("rsquared"),
    "adj_r_squared": _attribute("rsquared_adj"),
    "pseudo_r_squared": _pseudo,
    "sigma": _sigma,
    "f_statistic": _attribute("fvalue"),
    "f_p_value": _attribute("f_pvalue"),
    "log_lik": _attribute("llf"),
    "log_lik_null": _attribute("llnull"),
    "aic": _attribute("aic"),
    "bic": _bic,
    "deviance": _attribute("deviance"),
    "null_deviance": _attribute("null_deviance"),
    "pearson_chi2": _attribute("pearson_chi2"),
    "iterations": iterations,
    "condition_number": _condition,
}

_NONE: frozenset[str] = frozenset()
_LIKELIHOOD = frozenset({"log_lik", "log_lik_null", "aic", "bic"})
_VARIANCE = frozenset({"r_squared", "adj_r_squared", "f_statistic", "f_p_value"})
_DEVIANCE = frozenset({"deviance", "null_deviance", "pearson_chi2", "pseudo_r_squared"})
_ABSENT = {
    "QuantReg": _LIKELIHOOD | _VARIANCE | {"sigma"},
    "RLM": _LIKELIHOOD,
    "GEE": _LIKELIHOOD | _DEVIANCE,
    "NominalGEE": _LIKELIHOOD | _DEVIANCE,
    "OrdinalGEE": _LIKELIHOOD | _DEVIANCE,
}
"""What classes inherit without meaning: estimating equations have no likelihood."""


def of_results(results: Any, asked: tuple[str, ...]) -> dict[str, float | None]:
    """Return the asked statistics of results.

    Args:
        results: Results of statsmodels without their wrapper.
        asked: Names as in modelrun.engines.frame.statistics.
    """
    kind = type(results.model).__name__
    found: dict[str, float | None] = {}
    for name in asked:
        if name in _ABSENT.get(kind, _NONE):
            found[name] = None
            continue
        try:
            found[name] = _READ[name](results)
        except (NotImplementedError, AttributeError, TypeError, ValueError):
            found[name] = None  # inherited from a class that has it, but not meant for this one
    return found


def converged(results: Any) -> bool | None:
    """Return whether a fit says that it converged, or None where it says nothing.

    Args:
        results: Results of statsmodels, with their wrapper: some say it only there.
    """
    own = getattr(results, "converged", None)
    if own is not None and not callable(own):
        return bool(own)
    returned = getattr(results, "mle_retvals", None)
    if returned is not None and hasattr(returned, "get"):
        for name in ("converged", "success"):
            if returned.get(name) is not None:
                return bool(returned.get(name))
    return None
