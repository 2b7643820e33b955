"""What the end of an attempt means, and when the next one may begin.

The exit codes of `modelrun run` decide: 0 done; 1 a bug, 2 a mistake of the user, 3 too many
failures: none of them is tried again; 75 the infrastructure: tried again. A program has no such
codes, so everything but 0 is tried again, as in a Job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from modelrun_api.outcome import read_outcome
from modelrun_api.reason import Reason
from modelrun_api.status import AttemptStatus, ModelRunStatus
from modelrun_operator.core.snapshot import Job
from modelrun_operator.settings import Settings

_FINAL = {
    1: Reason.INTERNAL_ERROR,
    2: Reason.USER_MISTAKE,
    3: Reason.TOO_MANY_FAILED,
}
_STOPPED = frozenset({130, 137, 143})
"""128 and the number of the signal: what ends a process from outside."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    reason: Reason
    """The machine's word."""

    message: str
    """The sentence for people."""

    done: bool = False
    """Whether all results are stored."""

    retried: bool = False
    """Whether another attempt may help."""


def ending(job: Job, *, program: bool) -> Ending:
    """Return what the end of a runner's Job means.

    Args:
        job: a Job that is finished.
        program: whether it ran the user's own program.
    """
    outcome = read_outcome(job.termination_message)
    said = outcome.message if outcome is not None else ""
    code = job.exit_code
    if job.succeeded or code == 0:
        reason = Reason.PROGRAM_FINISHED if program else Reason.RESULTS_STORED
        return Ending(reason, said or "everything is stored", done=True)
    if job.out_of_memory:
        return Ending(
            Reason.OUT_OF_MEMORY,
            "the kernel ended the runner for memory; raise control.resources of the profile",
            retried=True,
        )
    if job.disrupted or code is None or code in _STOPPED:
        return Ending(
            Reason.RUNNER_LOST,
            f"the runner's pod was ended from outside ({job.failure or 'it vanished'})",
            retried=True,
        )
    if program:
        return Ending(
            Reason.PROGRAM_FAILED, said or f"the program ended with exit code {code}", retried=True
        )
    if code in _FINAL:
        return Ending(_FINAL[code], said or f"the runner ended with exit code {code}")
    return Ending(
        Reason.INFRASTRUCTURE, said or f"the runner ended with exit code {code}", retried=True
    )


def current_attempt(status: ModelRunStatus) -> int:
    """Return the number of the attempt that runs or comes next.

    It follows from the last finished attempt alone, so a status that was not written makes no
    second Job: the same name comes out again.
    """
    return status.last_attempt.number + 1 if status.last_attempt is not None else 1


def with_attempt(
    status: ModelRunStatus,
    *,
    reason: Reason,
    message: str,
    exit_code: int | None,
    counted: bool,
    now: datetime,
) -> ModelRunStatus:
    """Return the status after the current attempt ended."""
    number = current_attempt(status)
    last = AttemptStatus(
        number=number,
        exit_code=exit_code,
        reason=reason,
        message=message[:1024],
        finished_at=now,
        counted=counted,
    )
    return status.model_copy(
        update={
            "attempts": max(status.attempts, number),
            "last_attempt": last,
            "counted_failures": status.counted_failures + (1 if counted else 0),
        }
    )


def next_attempt_at(status: ModelRunStatus, settings: Settings) -> datetime | None:
    """Return when the next attempt may begin: doubling waits with a cap; None for at once."""
    last = status.last_attempt
    if last is None or not last.counted:
        return None
    doublings = min(status.counted_failures - 1, 20)
    seconds = min(settings.retry_base_seconds * 2 ** max(0, doublings), settings.retry_cap_seconds)
    return last.finished_at + timedelta(seconds=seconds)
