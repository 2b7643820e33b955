"""Why a run is not further, and what to do next: one answer, from conditions alone.

The operator says what it found, in the message of a condition; this module chooses the condition
that matters now and adds the step that a person can take from outside. It asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelrun.remote.seen import Seen
from modelrun.remote.spoken import duration
from modelrun_api.conditions import Condition, ConditionType
from modelrun_api.phase import Phase
from modelrun_api.reason import Reason

SILENT_SECONDS: Final = 15
"""After how long without a status the operator counts as absent."""

_PROFILE: Final = "the platform team changes the profile; the run then goes on by itself"
_REPLACE: Final = "correct it, then `modelrun submit FILE --replace`; valid stored fits are reused"
_AGAIN: Final = "`modelrun submit FILE --replace` goes on where it stopped"
_LOGS: Final = "`modelrun logs {name}` shows the last lines of its pods"

NEXT: Final[dict[Reason, str]] = {
    # --- not accepted
    Reason.INVALID_SPEC: _REPLACE,
    Reason.CLUSTER_MISSING: "name a profile in spec.cluster.profileName; submit with --replace",
    Reason.PROFILE_NOT_FOUND: "name one that `kubectl get modelrunprofiles` lists and submit "
    "with --replace, or have the platform team make this one",
    Reason.PROFILE_INVALID: _PROFILE,
    Reason.LIMIT_EXCEEDED: f"ask for less and submit with --replace, or {_PROFILE}",
    Reason.LOCAL_ADDRESS: "put the file into a bucket or on a volume, and submit with --replace",
    Reason.RESULTS_LOCATION_MISSING: "say where in spec.results.to, and submit with --replace",
    Reason.BUDGET_NOT_COMPARABLE: "take the budget out, or have a price put into the profile",
    # --- blocked
    Reason.UNSCHEDULABLE: "wait 2 to 4 minutes where nodes may grow; else ask for fewer nodes, or "
    "the platform team for room",
    Reason.QUOTA_EXCEEDED: "wait for other runs to end (`modelrun status`), ask for fewer nodes, "
    "or the platform team for more",
    Reason.POD_REFUSED: "show the platform team this message: a rule of the namespace forbids it",
    Reason.IMAGE_PULL: "the platform team corrects the image or its pull secret in the profile",
    Reason.CONFIG_MISSING: "make the Secret, ConfigMap or claim that is named; pods then start by "
    "themselves",
    Reason.VOLUME_PENDING: "`kubectl get pvc -n {namespace}`: the claim must be bound, and "
    "mountable on more than one node",
    Reason.CRASH_LOOPING: _LOGS,
    Reason.OUT_OF_MEMORY: "take fewer workers for each node (spec.cluster.workersPerNode), or a "
    "profile with more memory",
    Reason.TLS_FAILED: f"{_LOGS}; `modelrun suspend {{name}}` and `modelrun resume {{name}}` make "
    "new certificates",
    Reason.WAITING_FOR_WORKERS: "wait; if it stays so, `modelrun logs {name} --role worker` says "
    "why workers do not register",
    Reason.WORKER_GROUP_MISSING: "wait a moment: the operator asks for it again",
    Reason.DASK_CONTROLLER_SILENT: "show the platform team this message: the dask-kubernetes "
    "controller must run",
    Reason.NAME_TAKEN: "delete what holds the name, or give the run another one",
    Reason.STUCK_TERMINATING: "show the platform team this message: a node or a finalizer holds it",
    Reason.RETRY_BACKOFF: "wait: the next attempt goes on where the last one stopped",
    # --- ended without all results
    Reason.PREFLIGHT_FAILED: _REPLACE,
    Reason.OVER_BUDGET: "raise spec.budget, or fit less, and submit with --replace",
    Reason.USER_MISTAKE: _REPLACE,
    Reason.TOO_MANY_FAILED: "`modelrun results --run {name}` shows what failed; raise "
    "execution.maxFailed or correct the models",
    Reason.INTERNAL_ERROR: "report it, with what `modelrun logs {name}` prints",
    Reason.PROGRAM_FAILED: _LOGS,
    Reason.BACKOFF_LIMIT_EXCEEDED: f"{_LOGS}. Once the cause is gone, {_AGAIN}",
    Reason.STARTUP_DEADLINE_EXCEEDED: f"ask for fewer nodes or a longer startupDeadlineSeconds; "
    f"{_AGAIN}",
    Reason.DEADLINE_EXCEEDED: f"raise spec.activeDeadlineSeconds; {_AGAIN}",
    Reason.BUDGET_EXCEEDED: f"raise spec.budget; {_AGAIN}",
}
"""What a person can do, by reason; of every reason that holds a run up or ends it badly."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a run is not further."""

    blocked: bool
    """Whether something is in the way, or was."""

    headline: str
    """One line: the reason, and since when."""

    message: str = ""
    """What the operator found, on which object."""

    next_step: str = ""
    """What to do now."""

    reason: str = ""
    """The machine's word; empty where nothing is in the way."""

    def document(self) -> dict[str, Any]:
        """Return the answer as JSON data."""
        return {
            "blocked": self.blocked,
            "reason": self.reason or None,
            "headline": self.headline,
            "message": self.message,
            "nextStep": self.next_step,
        }


def answer(run: Seen, *, now: datetime) -> Answer:
    """Return why a run is not further.

    Args:
        run: a look at the run.
        now: the time, in UTC.
    """
    failed = run.condition(ConditionType.FAILED)
    if failed is not None and failed.status == "True":
        return _blocked(run, failed, now, word="failed")
    complete = run.condition(ConditionType.COMPLETE)
    if complete is not None and complete.status == "True":
        return _complete(run, complete, now)
    if run.deleting:
        return Answer(False, "the run is being deleted", next_step="wait; nothing of it will stay")
    if run.status.observed_generation is None:
        return _unseen(run, now)
    accepted = run.condition(ConditionType.ACCEPTED)
    if accepted is not None and accepted.status == "False":
        return _blocked(run, accepted, now, word="not accepted")
    blocked = run.condition(ConditionType.BLOCKED)
    if blocked is not None and blocked.status == "True":
        return _blocked(run, blocked, now, word="blocked")
    if run.suspended or run.phase is Phase.SUSPENDED:
        return _suspended(run)
    return _on_its_way(run)


def _blocked(run: Seen, condition: Condition, now: datetime, *, word: str) -> Answer:
    since = duration((now - condition.last_transition_time).total_seconds())
    step = NEXT.get(condition.reason, _LOGS)
    last = run.status.last_attempt
    message = condition.message
    if last is not None and last.message and last.message not in message:
        message = f"{message}\nattempt {last.number} ended ({last.reason}): {last.message}".strip()
    return Answer(
        blocked=True,
        headline=f"{word} for {since}: {condition.reason}"
        if word != "failed"
        else f"failed {since} ago: {condition.reason}",
        message=message,
        next_step=step.format(name=run.name, namespace=run.namespace),
        reason=condition.reason,
    )


def _suspended(run: Seen) -> Answer:
    """Tell apart what was asked for from what the operator has done about it."""
    if not run.suspended:
        return Answer(False, "the run was resumed a moment ago", next_step="wait a moment")
    done = run.phase is Phase.SUSPENDED
    headline = "the run is suspended" if done else "the run is being suspended"
    step = f"`modelrun resume {run.name}` goes on; finished fits are stored"
    return Answer(True, headline, next_step=step, reason=Reason.SUSPENDED)


def _complete(run: Seen, complete: Condition, now: datetime) -> Answer:
    since = duration((now - complete.last_transition_time).total_seconds())
    step = f"`modelrun results --run {run.name}` shows what came out"
    return Answer(False, f"complete since {since} ({complete.reason})", complete.message, step)


def _unseen(run: Seen, now: datetime) -> Answer:
    seconds = (now - run.created).total_seconds()
    if seconds < SILENT_SECONDS:
        return Answer(
            False, "the operator has not looked at the run yet", next_step="wait a moment"
        )
    return Answer(
        blocked=True,
        headline=f"no operator has looked at the run for {duration(seconds)}",
        message="the run has no status, so no modelrun operator watches this namespace, or it "
        "is down",
        next_step="ask the platform team: `kubectl get pods -A -l app.kubernetes.io/name=modelrun`",
        reason="OperatorSilent",
    )


_STEPS: Final[dict[Phase, str]] = {
    Phase.PENDING: "the run is about to start",
    Phase.PREFLIGHT: "a small pod checks the file against the data, before nodes are paid for",
    Phase.SECURING: "certificates are being made",
    Phase.PROVISIONING: "the cluster is starting",
    Phase.RUNNING: "fits are being computed",
    Phase.WINDING_DOWN: "the verdict stands; what the run held is given back",
    Phase.SUSPENDED: "the run is suspended",
    Phase.SUCCEEDED: "the run has succeeded",
    Phase.FAILED: "the run has failed",
}


def _on_its_way(run: Seen) -> Answer:
    doing = _STEPS[run.phase]
    waiting = run.condition(ConditionType.PROVISIONED)
    message = waiting.message if waiting is not None and run.phase is Phase.PROVISIONING else ""
    return Answer(
        False,
        f"nothing is in the way: {doing}",
        message,
        f"`modelrun watch {run.name}` follows it",
    )
