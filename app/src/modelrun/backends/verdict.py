"""What a task ended with on a worker, before the runner makes outcomes of it."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from modelrun.backends.backend import Lost, Payload
from modelrun.errors import ModelrunError
from modelrun.plan.task import Task
from modelrun_api.failure import FailureReason

CONVICTED_BUGS = 50
"""Fits that fail outside of every guard before the run ends as a bug of ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The task came back."""

    payload: Payload
    seconds: float
    worker: str

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with bytes of its own: views stay in their process."""
        return Answer, (bytes(self.payload), self.seconds, self.worker)


@dataclass(frozen=True, slots=True)
class Raised:
    """The work itself raised, outside every guard: a bug, or a frame that cannot be made."""

    reason: FailureReason
    message: str
    worker: str
    fatal: ModelrunError | None = None
    """Set where the whole run must end with this error."""


@dataclass(frozen=True, slots=True)
class Died:
    """The process died, of its own accord or killed for time or memory."""

    exit: int
    """As multiprocessing gives it: a negative number is a signal."""
    cause: str
    """`exit`, `time` or `memory`."""
    detail: str
    worker: str

    @property
    def reason(self) -> FailureReason:
        """The reason for the table of failures."""
        if self.cause == "time":
            return FailureReason.TIMEOUT
        if self.cause == "memory":
            return FailureReason.OUT_OF_MEMORY
        return FailureReason.WORKER_DIED

    @property
    def message(self) -> str:
        """Say what happened, for the table of failures."""
        if self.cause == "time":
            return f"the fit did not end when it was told to and was killed after {self.detail}"
        if self.cause == "memory":
            return f"the fit used more memory than a worker may: {self.detail}"
        if self.exit < 0:
            return f"the fit ended its worker process: {signal_name(-self.exit)}"
        return f"the fit ended its worker process: exit code {self.exit}"

    def lost(self, task: Task, attempts: int) -> Lost:
        """Return the outcome for the one fit of this task."""
        return Lost(task, self.reason, self.message, self.worker, attempts)


Verdict = Answer | Raised | Died


def signal_name(number: int) -> str:
    """Return `SIGKILL (9)` for 9, and `signal 77` for what has no name."""
    import signal

    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def raised(error: BaseException, worker: str) -> Raised:
    """Describe what the work raised, in a form that can always travel."""
    text = "".join(traceback.format_exception(error))[-4000:]
    if isinstance(error, ModelrunError):
        return Raised(FailureReason.ESTIMATOR_ERROR, str(error), worker, fatal=error)
    if isinstance(error, (pickle.PicklingError, pa.ArrowInvalid, pa.ArrowTypeError)) or (
        isinstance(error, (TypeError, AttributeError)) and "pickle" in str(error)
    ):
        reason = FailureReason.RESULT_NOT_SERIALISABLE
    else:
        reason = FailureReason.ESTIMATOR_ERROR
    return Raised(reason, f"{type(error).__name__}: {error}\n{text}", worker)
