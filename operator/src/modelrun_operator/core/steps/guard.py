"""What may end or pause a run in any working phase: suspension, deadlines, the budget."""

from __future__ import annotations

from modelrun_api.conditions import ConditionType
from modelrun_api.phase import Phase
from modelrun_api.reason import Reason
from modelrun_operator.core.cost import is_above
from modelrun_operator.core.deadlines import active_deadline, is_over
from modelrun_operator.core.retries import current_attempt, with_attempt
from modelrun_operator.core.view import View


def interrupted(view: View) -> View | None:
    """Return the view on its way to winding down, or None where the run may go on."""
    if view.spec.suspend:
        return _suspended(view)
    if is_over(active_deadline(view.spec, view.profile, view.status), now=view.now):
        return view.failed(
            Reason.DEADLINE_EXCEEDED,
            "the run took longer than it may (spec.activeDeadlineSeconds, at most the "
            "profile's limits.hours); what is finished is stored, and a new run of the same "
            "study goes on from there",
        )
    budget, cost = view.spec.budget, view.status.cost
    if budget is not None and cost is not None and is_above(cost.so_far, budget.amount):
        return view.failed(
            Reason.BUDGET_EXCEEDED,
            f"the run cost {cost.so_far} {cost.currency}, and its budget is {budget.amount}; what "
            "is finished is stored, and a run with a larger budget goes on from there",
        )
    return None


def _suspended(view: View) -> View:
    started = view.status.attempts >= current_attempt(view.status)
    if started:
        # The runner's Job goes; its number is used up, and it does not count as a failure.
        stopped = with_attempt(
            view.status,
            reason=Reason.STOPPED,
            message="suspended",
            exit_code=None,
            counted=False,
            now=view.now,
        )
        view = view.updated(
            attempts=stopped.attempts,
            last_attempt=stopped.last_attempt,
            counted_failures=stopped.counted_failures,
        )
    return (
        view.told(
            ConditionType.SUSPENDED,
            "True",
            Reason.SUSPENDED,
            "spec.suspend is true; finished fits stay",
        )
        .blocked(None)
        .entering(Phase.WINDING_DOWN)
    )
