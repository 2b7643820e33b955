"""Observe, decide, apply: this is the middle.

`decide` is a pure function of the run, what was seen, and the time. It re-derives everything in
each pass, so a restart at any point, an event that never came or one that came twice make no
difference. Its invariants, which the tests walk through: an end stays an end; nothing is ever made
after it; a second pass without news decides nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from modelrun_api.conditions import Condition, ConditionType, condition_of
from modelrun_api.phase import HOLDS_CLUSTER, TERMINAL, Phase
from modelrun_api.reason import Reason
from modelrun_api.status import ModelRunStatus
from modelrun_api.wire import whole_second
from modelrun_operator.core.actions import Action, Create, Creating, Decision, Tell
from modelrun_operator.core.cost import counted
from modelrun_operator.core.snapshot import Pod, Role, Snapshot
from modelrun_operator.core.steps.pending import pending
from modelrun_operator.core.steps.preflight import preflight
from modelrun_operator.core.steps.resting import finished, suspended
from modelrun_operator.core.steps.securing import securing
from modelrun_operator.core.steps.tending import tending
from modelrun_operator.core.steps.winding_down import winding_down
from modelrun_operator.core.view import Step, View
from modelrun_operator.errors import Bug
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

STEPS: Final[Mapping[Phase, Callable[[View], Step]]] = {
    Phase.PENDING: pending,
    Phase.PREFLIGHT: preflight,
    Phase.SECURING: securing,
    Phase.PROVISIONING: tending,
    Phase.RUNNING: tending,
    Phase.WINDING_DOWN: winding_down,
    Phase.SUSPENDED: suspended,
    Phase.SUCCEEDED: finished,
    Phase.FAILED: finished,
}

_WARNINGS: Final = frozenset({ConditionType.BLOCKED, ConditionType.FAILED})


def decide(run: Run, seen: Snapshot, now: datetime, settings: Settings | None = None) -> Decision:
    """Return what is to be done about a run, its new status, and when to look again.

    Args:
        run: the run, with the status that the last pass wrote.
        seen: what exists, from caches that are in step.
        now: the time, in UTC.
        settings: the installation; the defaults where not given.
    """
    if run.deleting:
        # Owner references take the children along; whatever we did would be in their way.
        return Decision(actions=(), status=run.status, wake_after=None)
    view = View(
        run=run,
        seen=seen,
        settings=settings if settings is not None else Settings(),
        now=whole_second(now),
        status=run.status,
    )
    view = view.updated(observed_generation=run.generation)
    if run.status.phase not in TERMINAL:
        view = _counted(view)
    if run.spec is None and view.status.phase not in {Phase.PENDING, *TERMINAL}:
        # The spec could be read when work began; only a change of our own rules can break it.
        view = _unreadable(view)
    actions: list[Action] = []
    wake: timedelta | None = None
    for _ in Phase:
        step = STEPS[view.status.phase](view)
        moved = step.status.phase is not view.status.phase
        actions += step.actions
        wake = step.wake
        view = View(run, seen, view.settings, view.now, step.status)
        if not moved:
            break
    _check(run, view.status.phase, actions)
    return Decision(
        actions=(*_once(actions), *_news(run.status, view.status)),
        status=view.status,
        wake_after=wake,
    )


def _unreadable(view: View) -> View:
    if view.status.phase in {Phase.WINDING_DOWN, Phase.SUSPENDED}:
        return view
    return view.failed(Reason.INVALID_SPEC, view.run.problem)


def _counted(view: View) -> View:
    """Count what worker pods cost since the last pass."""
    if view.status.phase not in HOLDS_CLUSTER or view.profile is None:
        return view
    workers = [
        child
        for child in view.seen.children
        if isinstance(child, Pod) and child.role is Role.WORKER
    ]
    cost = counted(view.status.cost, workers, view.profile.price, now=view.now)
    return view.updated(cost=cost)


def _once(actions: list[Action]) -> tuple[Action, ...]:
    """Return the actions without those that come twice, as when two steps ran in one pass."""
    result: list[Action] = []
    for action in actions:
        if action not in result:
            result.append(action)
    return tuple(result)


def _check(run: Run, phase: Phase, actions: list[Action]) -> None:
    if phase in TERMINAL and any(isinstance(action, Creating) for action in actions):
        raise Bug(f"{run.key} is {phase}, and a step wants to make something: {actions}")
    for action in actions:
        if isinstance(action, Create):
            owners = action.manifest["metadata"]["ownerReferences"]
            if owners[0]["uid"] != run.uid:
                raise Bug(f"{run.key} would make an object of another run: {owners}")


def _news(before: ModelRunStatus, after: ModelRunStatus) -> list[Tell]:
    """Return the events: one for each condition that changed, in words for people."""
    news = []
    for condition in after.conditions:
        old = condition_of(before.conditions, condition.type)
        if old is not None and (old.status, old.reason) == (condition.status, condition.reason):
            continue
        if condition.status == "True" or condition.type == ConditionType.ACCEPTED:
            news.append(_event(condition))
    if before.phase is not after.phase:
        news.append(Tell("Normal", str(after.phase), f"{before.phase} → {after.phase}"))
    return news


def _event(condition: Condition) -> Tell:
    bad = condition.type in _WARNINGS or condition.status == "False"
    return Tell("Warning" if bad else "Normal", condition.reason, condition.message)
