"""How a finished run ended, in the app's own errors: the same exit codes as on a laptop."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from modelrun.errors import InfrastructureError, ModelrunError, TooManyFailed, UserMistake
from modelrun.remote.advice import answer
from modelrun.remote.seen import Seen
from modelrun_api.phase import Phase
from modelrun_api.reason import Reason

_KINDS: Final[dict[str, type[ModelrunError]]] = {
    Reason.TOO_MANY_FAILED: TooManyFailed,
    Reason.PREFLIGHT_FAILED: UserMistake,
    Reason.OVER_BUDGET: UserMistake,
    Reason.USER_MISTAKE: UserMistake,
    Reason.BUDGET_EXCEEDED: UserMistake,
    Reason.BACKOFF_LIMIT_EXCEEDED: InfrastructureError,
    Reason.STARTUP_DEADLINE_EXCEEDED: InfrastructureError,
    Reason.DEADLINE_EXCEEDED: InfrastructureError,
}


def failure(run: Seen, *, now: datetime) -> ModelrunError | None:
    """Return how a run failed, or None where it did not (yet)."""
    if run.phase is not Phase.FAILED:
        return None
    why = answer(run, now=now)
    kind = _KINDS.get(why.reason, ModelrunError)
    lines = (f"{run.name} {why.headline}", why.message, f"next: {why.next_step}")
    return kind("\n".join(line for line in lines if line))


def gone(name: str) -> UserMistake:
    """Return the error for a run that was deleted while it was waited for."""
    return UserMistake(
        f"{name} was deleted; what it had stored stays, and submitting the file again goes on there"
    )
