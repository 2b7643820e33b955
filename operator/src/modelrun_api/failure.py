"""How one fit can end: its status words and the closed list of reasons.

Both halves speak these words: the app writes them into tables, the operator into the status.
"""

from __future__ import annotations

from enum import StrEnum


class FitStatus(StrEnum):
    """How a fit ended. The words are exclusive and add up to the total."""

    SUCCEEDED = "succeeded"
    NOT_CONVERGED = "notConverged"
    FAILED = "failed"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a fit was not attempted."""

    EMPTY_SLICE = "EmptySlice"
    """No complete row is left in the slice."""

    TOO_FEW_ROWS = "TooFewRows"
    """Fewer complete rows than window.minRows, or than the model has parameters."""


class FailureReason(StrEnum):
    """Why a fit failed. Deterministic reasons are kept when a run is resumed."""

    NON_FINITE_INPUT = "NonFiniteInput"
    """The rows contain infinite values."""

    SINGULAR_MATRIX = "SingularMatrix"
    """A matrix that the estimator must invert is singular."""

    NUMERICALLY_UNDETERMINED = "NumericallyUndetermined"
    """The result is not a number, or depends on rounding alone."""

    FORMULA_ERROR = "FormulaError"
    """The formula cannot be evaluated on this slice."""

    ESTIMATOR_ERROR = "EstimatorError"
    """The estimator raised an exception."""

    CALLABLE_ERROR = "CallableError"
    """The user's function raised an exception or called sys.exit."""

    INVALID_RESULT = "InvalidResult"
    """The user's function returned something that is neither results nor a mapping of numbers."""

    RESULT_NOT_SERIALISABLE = "ResultNotSerialisable"
    """What the fit returned cannot travel between processes."""

    TIMEOUT = "Timeout"
    """The fit took longer than fitTimeoutSeconds."""

    WORKER_DIED = "WorkerDied"
    """The fit ended its worker process: a signal, an abort, an exit."""

    OUT_OF_MEMORY = "OutOfMemory"
    """The fit used more memory than a worker may."""


TRANSIENT_FAILURES = frozenset(
    {FailureReason.TIMEOUT, FailureReason.WORKER_DIED, FailureReason.OUT_OF_MEMORY}
)
"""Reasons that may not repeat: such failures are not taken over from other studies."""
