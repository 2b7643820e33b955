"""The arrays of one row per fit and term that every kernel fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched.columns import Floats


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Estimates and inference, each of shape (fits, p); NaN where a fit has none.

    Attributes:
        params: Estimates.
        bse: Standard errors.
        statistic: params / bse.
        p_value: Two-sided, by the t or the normal distribution.
        low: Lower end of the confidence interval.
        high: Upper end.
    """

    params: Floats
    bse: Floats
    statistic: Floats
    p_value: Floats
    low: Floats
    high: Floats

    @classmethod
    def empty(cls, fits: int, p: int) -> Coefficients:
        """Arrays to be filled."""
        return cls(*(np.empty((fits, p)) for _ in range(6)))

    def arrays(self) -> tuple[Floats, ...]:
        """The arrays in the order that the compiled module expects."""
        return (self.params, self.bse, self.statistic, self.p_value, self.low, self.high)


class Filled(TypedDict):
    """What every kernel fills, whatever it fits; the attributes are those of ols.OlsFits."""

    coefficients: Coefficients
    statistics: Floats
    cov: Floats | None
    status: npt.NDArray[np.int8]
    reasons: npt.NDArray[np.uint16]


def to_fill(fits: int, p: int, statistics: int, *, cov: bool) -> Filled:
    """Arrays for fits of p terms with so many statistics, and their covariances if asked for."""
    return Filled(
        coefficients=Coefficients.empty(fits, p),
        statistics=np.empty((fits, statistics)),
        cov=np.empty((fits, p, p)) if cov else None,
        status=np.empty(fits, dtype=np.int8),
        reasons=np.empty(fits, dtype=np.uint16),
    )


def by_row(rows: int | None) -> Floats | None:
    """An array with a place for each row of the slices, or None."""
    return None if rows is None else np.empty(rows)
