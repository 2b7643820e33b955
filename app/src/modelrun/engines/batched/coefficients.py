"""The arrays of one row per fit and term that every kernel fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
