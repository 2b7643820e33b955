"""The gate of the equality contract: which fits keep the kernels' numbers, which are handed over.

statsmodels does not agree with itself to 1e-8 on every data set: permuted rows move ill-conditioned
fits further than that. A fit passes when eta = eps kappa_2(X) |y| / |resid| is at most ETA, with
kappa unscaled, because statsmodels' pseudo-inverse is unscaled. Everything else goes to statsmodels
and is marked; the kernels' numbers are then often the better ones, but they are not its numbers.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt

ETA = 1e-9
"""Largest eta at which every column agrees within the contract."""
LEVERAGE = 1e-8
"""Smallest 1 - h at which HC2 and HC3 agree."""
SCALE_RATIO = 1e-13
"""Smallest s_min / s_max (unscaled) that neither pinv (1e-15) nor rank (p eps) truncates."""


class Status(IntEnum):
    """What became of a fit; the classes in which failures are compared."""

    OK = 0
    RANK_DEFICIENT = 1
    TOO_SHORT = 2
    NON_FINITE = 3
    SEPARATED = 4
    NOT_CONVERGED = 5
    UNDETERMINED = 6


class Reason(IntFlag):
    """Why a fit should be handed over to statsmodels; several may hold."""

    CONDITION = 1
    LEVERAGE = 2
    SCALE_TRUNCATED = 4
    RANK = 8
    TOO_SHORT = 16
    NON_FINITE = 32
    CONSTANT = 64
    WALD = 128
    BORDERLINE_STOP = 256
    SEPARATION = 512
    CLUSTERS = 1024
    ITERATIONS = 2048


NAMES: dict[Reason, str] = {
    Reason.CONDITION: "IllConditioned",
    Reason.LEVERAGE: "LeverageOne",
    Reason.SCALE_TRUNCATED: "ScaleTruncated",
    Reason.RANK: "Collinear",
    Reason.TOO_SHORT: "TooShort",
    Reason.NON_FINITE: "NonFiniteInput",
    Reason.CONSTANT: "ConstantUndetermined",
    Reason.WALD: "WaldUndetermined",
    Reason.BORDERLINE_STOP: "BorderlineStop",
    Reason.SEPARATION: "Separated",
    Reason.CLUSTERS: "TooFewClusters",
    Reason.ITERATIONS: "NotConverged",
}

_INFORMATION = Reason.ITERATIONS


def hand_over(reasons: npt.NDArray[np.uint16], *, wald: bool = True) -> npt.NDArray[np.bool_]:
    """Mask of the fits that statsmodels should do instead, shape (fits,).

    Args:
        reasons: The `reasons` of a kernel's result.
        wald: Whether the robust F statistic is among the outputs that are asked for.
    """
    ignored = _INFORMATION if wald else _INFORMATION | Reason.WALD
    serious: npt.NDArray[np.uint16] = reasons & ~np.uint16(ignored)
    return serious.astype(np.bool_)


def names(reasons: int) -> tuple[str, ...]:
    """The reasons of one fit in words, for `fits.parquet`."""
    return tuple(NAMES[reason] for reason in Reason if reasons & reason)


def eta(
    condition: npt.NDArray[np.float64],
    response: npt.NDArray[np.float64],
    residual: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return eps kappa |y| / |resid|, elementwise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.finfo(np.float64).eps * condition * response / residual
