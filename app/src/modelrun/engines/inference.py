"""Statistics, p-values and intervals from estimates and standard errors, as statsmodels has them.

The same functions of scipy.special that scipy.stats calls, without its machinery of
distributions, which costs more than a small fit; scipy.stats itself is never imported here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def p_values(statistic: Floats, df: float | Floats | None) -> Floats:
    """Return two-sided p-values.

    Args:
        statistic: Statistics of any shape.
        df: Degrees of freedom of the t distribution, or None for the normal.
    """
    from scipy import special

    size = np.abs(statistic)
    tail = special.ndtr(-size) if df is None else special.stdtr(df, -size)
    result: Floats = 2 * tail
    if df is not None:
        # scipy.stats answers not-a-number where there are no degrees of freedom.
        result = np.where(np.asarray(df) > 0, result, np.nan)
    return result


def quantile(conf_level: float, df: float | Floats | None) -> Floats:
    """Return how many standard errors an interval reaches to each side.

    Args:
        conf_level: Between 0 and 1.
        df: Degrees of freedom of the t distribution, or None for the normal.
    """
    from scipy import special

    upper = 1 - (1 - conf_level) / 2
    if df is None:
        return np.asarray(special.ndtri(upper))
    return np.where(np.asarray(df) > 0, special.stdtrit(df, upper), np.nan)


def columns(
    estimate: Floats,
    std_error: Floats | None,
    asked: tuple[str, ...],
    *,
    df: float | None,
    conf_level: float,
) -> dict[str, Floats]:
    """Return the asked columns of the coefficients table.

    Args:
        estimate: Shape (k,).
        std_error: Shape (k,), or None where there are none.
        asked: Names of columns.
        df: Degrees of freedom of the t distribution, or None for the normal.
        conf_level: Of the intervals.
    """
    result = {"estimate": estimate}
    if std_error is None:
        if asked == ("estimate",):
            return result
        nothing = np.full(len(estimate), np.nan)
        return {name: result.get(name, nothing) for name in asked}
    result["std_error"] = std_error
    with np.errstate(divide="ignore", invalid="ignore"):
        if "statistic" in asked or "p_value" in asked:
            result["statistic"] = estimate / std_error
        if "p_value" in asked:
            result["p_value"] = p_values(result["statistic"], df)
        if "conf_low" in asked or "conf_high" in asked:
            reach = quantile(conf_level, df) * std_error
            result["conf_low"] = estimate - reach
            result["conf_high"] = estimate + reach
    return {name: result[name] for name in asked if name in result}
