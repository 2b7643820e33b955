"""The Sharpe ratio with its asymptotic standard error, as a callable of a ModelRun.

Source of the standard error: A. W. Lo, The Statistics of Sharpe Ratios, Financial Analysts
Journal 58(4), 2002, equation 9 (independent and identically distributed returns).
"""

import math

import pandas as pd


def ratio(frame: pd.DataFrame, periods: int = 12) -> dict[str, float]:
    """Return the annualised Sharpe ratio of the column `excess` and its standard error."""
    returns = frame["excess"].dropna()
    sharpe = returns.mean() / returns.std(ddof=1)
    error = math.sqrt((1 + sharpe**2 / 2) / len(returns))
    return {"sharpe": sharpe * math.sqrt(periods), "std_error": error * math.sqrt(periods)}
