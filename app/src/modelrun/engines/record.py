"""What one fit leaves behind, before it becomes a row of a frame.

Engines that fit one by one fill these; frame_builder.py turns a list of them into Arrow. Batched
engines never make such objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from modelrun_api.failure import FailureReason, FitStatus, SkipReason

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Terms:
    """The coefficients of one fit, k terms."""

    term: list[str]
    component: list[str]
    """The equation, or `threshold`, `variance` and the like; empty for the mean itself."""

    columns: Mapping[str, Floats]
    """The asked columns, each of shape (k,)."""

    df: float | None
    """Degrees of freedom of the t distribution; None where statistics are normal."""

    dist: str
    """`t` or `z`; empty where the estimator gives no standard errors."""


@dataclass(slots=True)
class Observations:
    """Values per row of one fit, m rows."""

    row: npt.NDArray[np.int64]
    """Their rows in the data as read, shape (m,)."""

    columns: Mapping[str, Floats]


@dataclass(slots=True)
class Failure:
    """Why there is no result."""

    reason: FailureReason | SkipReason
    message: str
    traceback: str | None = None
    worker: str | None = None
    attempts: int = 1


@dataclass(slots=True)
class FitRecord:
    """One fit, whichever way it ended."""

    status: FitStatus
    engine: str
    nobs: int | None = None
    converged: bool | None = None
    warnings: str | None = None
    separated: bool | None = None
    rank_deficient: bool | None = None
    numerics: str | None = None
    seconds: float = 0.0
    iterations: float | None = None
    statistics: Mapping[str, float | int | None] = field(default_factory=dict)
    terms: Terms | None = None
    observations: Observations | None = None
    failure: Failure | None = None


def skipped(reason: SkipReason, message: str, *, engine: str, nobs: int) -> FitRecord:
    """Return the record of a fit that was not attempted."""
    return FitRecord(FitStatus.SKIPPED, engine, nobs=nobs, failure=Failure(reason, message))


def failed(
    reason: FailureReason,
    message: str,
    *,
    engine: str,
    nobs: int | None = None,
    traceback: str | None = None,
) -> FitRecord:
    """Return the record of a fit that went wrong."""
    return FitRecord(
        FitStatus.FAILED, engine, nobs=nobs, failure=Failure(reason, message, traceback)
    )
