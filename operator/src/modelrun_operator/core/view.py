"""What a step is given, what it returns, and the few moves that all steps share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from modelrun_api.conditions import ConditionStatus, ConditionType, is_true, with_condition
from modelrun_api.phase import Phase, check_transition
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_api.reason import Reason
from modelrun_api.spec import ModelRunSpec
from modelrun_api.status import ModelRunStatus
from modelrun_operator.core.actions import Action
from modelrun_operator.core.diagnosis import Blocker
from modelrun_operator.core.snapshot import Snapshot
from modelrun_operator.names import Names
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings


@dataclass(frozen=True, slots=True)
class View:
    """One pass over one run, as a step sees it."""

    run: Run
    """The run."""

    seen: Snapshot
    """The world."""

    settings: Settings
    """The installation."""

    now: datetime
    """The time of the pass, in whole seconds."""

    status: ModelRunStatus
    """The status as the steps before left it."""

    @property
    def names(self) -> Names:
        """The names of the children."""
        return self.run.names

    @property
    def spec(self) -> ModelRunSpec:
        """The spec; there is one in every phase after Pending."""
        assert self.run.spec is not None
        return self.run.spec

    @property
    def profile(self) -> ModelRunProfileSpec | None:
        """The profile, if it is still there."""
        return self.seen.profile.spec if self.seen.profile is not None else None

    @property
    def incarnation(self) -> int:
        """The incarnation of the cluster; 0 before the first."""
        return self.status.cluster.incarnation if self.status.cluster is not None else 0

    def has(self, condition: ConditionType) -> bool:
        """Say whether a condition is True."""
        return is_true(self.status.conditions, condition)

    def updated(self, **changes: Any) -> View:
        """Return the view with members of the status replaced."""
        return replace(self, status=self.status.model_copy(update=changes))

    def timed(self, **moments: datetime | None) -> View:
        """Return the view with moments of the time line set."""
        return self.updated(times=self.status.times.model_copy(update=moments))

    def told(
        self, type_: ConditionType, status: ConditionStatus, reason: Reason, message: str = ""
    ) -> View:
        """Return the view with a condition set."""
        return self.updated(
            conditions=with_condition(
                self.status.conditions,
                type_,
                status,
                reason,
                message,
                now=self.now,
                generation=self.run.generation,
            )
        )

    def blocked(self, found: Blocker | None) -> View:
        """Return the view with the condition Blocked as found."""
        if found is None:
            return self.told(ConditionType.BLOCKED, "False", Reason.NOT_BLOCKED)
        return self.told(ConditionType.BLOCKED, "True", found.reason, found.message)

    def entering(self, phase: Phase) -> View:
        """Return the view in another phase.

        Raises:
            IllegalTransitionError: for a change that the table does not know.
        """
        check_transition(self.status.phase, phase, run=self.run.key)
        return self.updated(phase=phase)

    def concluded(self, type_: ConditionType, reason: Reason, message: str) -> View:
        """Return the view with the verdict given; it stands, whatever happens from here on."""
        return (
            self.told(type_, "True", reason, message)
            .blocked(None)
            .timed(stored=self.now)
            .updated(completion_time=self.now)
            .entering(Phase.WINDING_DOWN)
        )

    def failed(self, reason: Reason, message: str) -> View:
        """Return the view with the verdict that the run failed."""
        return self.concluded(ConditionType.FAILED, reason, message)

    def done(self, *actions: Action, wake: timedelta | None) -> Step:
        """Return the end of a step."""
        return Step(status=self.status, actions=actions, wake=wake)

    def soon(self, *actions: Action, seconds: float = 0) -> Step:
        """Return the end of a step that wants another look soon, by default at the next resync."""
        return self.done(*actions, wake=timedelta(seconds=seconds or self.settings.resync_seconds))


@dataclass(frozen=True, slots=True)
class Step:
    """What one step decided."""

    status: ModelRunStatus
    """The status it leaves."""

    actions: tuple[Action, ...]
    """What is to be done."""

    wake: timedelta | None
    """When to look again, without news."""
