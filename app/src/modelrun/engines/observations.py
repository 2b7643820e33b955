"""Values per row of one fit from statsmodels results: fitted, residuals and intervals.

Fitted values are on the scale of the response, also where statsmodels' attribute of that name
is the linear predictor. Intervals come from statsmodels' own predictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.engines.record import Observations

_INTERVALS = ("conf_low", "conf_high", "pred_low", "pred_high")


def of_results(
    results: Any, rows: npt.NDArray[np.int64], asked: tuple[str, ...], conf_level: float
) -> Observations | None:
    """Return the asked values of results, or None where there are none for each row.

    Args:
        results: Results of statsmodels without their wrapper.
        rows: The rows of the data as read, shape (n,).
        asked: Some of fitted, resid, conf_low, conf_high, pred_low, pred_high.
        conf_level: Of the intervals.
    """
    n = len(rows)
    columns: dict[str, npt.NDArray[np.float64]] = {}
    fitted = _fitted(results) if "fitted" in asked or "resid" in asked else None
    if fitted is not None and fitted.shape != (n,):
        return None
    if "fitted" in asked and fitted is not None:
        columns["fitted"] = fitted
    if "resid" in asked and fitted is not None:
        columns["resid"] = _residuals(results, fitted)
    if any(name in asked for name in _INTERVALS):
        columns.update(_intervals(results, n, asked, conf_level))
    return Observations(rows, {name: columns[name] for name in asked if name in columns})


def _fitted(results: Any) -> npt.NDArray[np.float64] | None:
    module = type(results.model).__module__
    try:
        if module.startswith("statsmodels.discrete"):
            return np.asarray(results.predict(), dtype=np.float64)
        return np.asarray(results.fittedvalues, dtype=np.float64)
    except (AttributeError, NotImplementedError):
        return None


def _residuals(results: Any, fitted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    module = type(results.model).__module__
    if not module.startswith(("statsmodels.discrete", "statsmodels.genmod")):
        found = getattr(results, "resid", None)
        if found is not None and np.shape(found) == fitted.shape:
            return np.asarray(found, dtype=np.float64)
    return np.asarray(results.model.endog, dtype=np.float64) - fitted


def _intervals(
    results: Any, n: int, asked: tuple[str, ...], conf_level: float
) -> dict[str, npt.NDArray[np.float64]]:
    alpha = 1 - conf_level
    columns: dict[str, npt.NDArray[np.float64]] = {}
    try:
        prediction = results.get_prediction()
        ends = np.asarray(prediction.conf_int(alpha=alpha), dtype=np.float64)
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return columns
    if ends.shape == (n, 2):
        columns["conf_low"], columns["conf_high"] = ends[:, 0], ends[:, 1]
    if type(results.model).__module__ == "statsmodels.regression.linear_model" and (
        "pred_low" in asked or "pred_high" in asked
    ):
        ends = np.asarray(prediction.conf_int(obs=True, alpha=alpha), dtype=np.float64)
        columns["pred_low"], columns["pred_high"] = ends[:, 0], ends[:, 1]
    return columns
