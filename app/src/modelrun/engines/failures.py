"""Which reason of the closed list an exception of a fit stands for.

Reasons are classes, because the same data fail differently in the last digit: collinear columns
with rows permuted raise in one order and return not-a-number in another.
"""

from __future__ import annotations

import re

import numpy as np

from modelrun.engines.design import FormulaError
from modelrun.engines.guard import Caught
from modelrun.engines.record import Failure, FitRecord
from modelrun_api.failure import FailureReason, FitStatus

_NOT_A_NUMBER = re.compile(r"\b(nan|nans|inf|infs|infinite|invalid value)\b", re.IGNORECASE)
_SINGULAR = re.compile(r"singular|not positive definite|not positive-definite", re.IGNORECASE)


class InvalidResultError(Exception):
    """A callable returned something that is neither results nor a mapping of numbers."""


class NonFiniteInputError(Exception):
    """The rows of a fit contain infinite values."""


class UndeterminedError(Exception):
    """The estimates came out as not-a-number."""


def reason_of(error: BaseException, *, callable_: bool = False) -> FailureReason:
    """Return the reason that an exception of a fit stands for.

    Args:
        error: What was raised.
        callable_: Whether the user's own function was running.
    """
    match error:
        case FormulaError():
            return FailureReason.FORMULA_ERROR
        case NonFiniteInputError():
            return FailureReason.NON_FINITE_INPUT
        case UndeterminedError():
            return FailureReason.NUMERICALLY_UNDETERMINED
        case InvalidResultError():
            return FailureReason.INVALID_RESULT
        case MemoryError():
            return FailureReason.OUT_OF_MEMORY
        case _ if callable_:
            return FailureReason.CALLABLE_ERROR
        case np.linalg.LinAlgError():
            # LAPACK says "did not converge" when it meets a not-a-number on the way.
            if _SINGULAR.search(str(error)):
                return FailureReason.SINGULAR_MATRIX
            return FailureReason.NUMERICALLY_UNDETERMINED
        case _ if type(error).__name__ == "MissingDataError":
            return FailureReason.NON_FINITE_INPUT
        case _ if type(error).__name__ == "PerfectSeparationError":
            return FailureReason.NUMERICALLY_UNDETERMINED
        case ValueError() | FloatingPointError() if _NOT_A_NUMBER.search(str(error)):
            return FailureReason.NUMERICALLY_UNDETERMINED
        case _:
            return FailureReason.ESTIMATOR_ERROR


def record_of(caught: Caught, *, engine: str, callable_: bool = False) -> FitRecord:
    """Return the record of a fit that ended with an exception."""
    error = caught.error
    text = str(error).strip()
    own = isinstance(
        error, FormulaError | NonFiniteInputError | UndeterminedError | InvalidResultError
    )
    name = type(error).__name__
    message = text if own and text else f"{name}: {text}" if text else name
    reason = caught.reason or reason_of(error, callable_=callable_)
    return FitRecord(
        FitStatus.FAILED,
        engine,
        separated=True if name == "PerfectSeparationError" else None,
        failure=Failure(reason, message, caught.traceback),
    )
