"""Pending: may this run be worked on? And after a resume: where does it go on?"""

from __future__ import annotations

from modelrun_api.conditions import ConditionType
from modelrun_api.phase import Phase
from modelrun_api.reason import Reason
from modelrun_api.status import ResultsStatus
from modelrun_operator.core.acceptance import accepted_profile
from modelrun_operator.core.diagnosis import Blocker
from modelrun_operator.core.steps.guard import interrupted
from modelrun_operator.core.view import Step, View
from modelrun_operator.errors import UserMistake
from modelrun_operator.manifests.locations import results_uri


def pending(view: View) -> Step:
    """Accept the run, or say why not and wait for a change."""
    try:
        profile = accepted_profile(view.run, view.seen)
    except UserMistake as mistake:
        return (
            view.told(ConditionType.ACCEPTED, "False", mistake.reason, str(mistake))
            .blocked(Blocker(mistake.reason, str(mistake)))
            .soon()
        )
    view = view.told(
        ConditionType.ACCEPTED,
        "True",
        Reason.ACCEPTED,
        f"profile {view.spec.cluster.profile_name}" if view.spec.cluster is not None else "",
    )
    if (stop := interrupted(view)) is not None:
        return stop.soon()
    if view.status.start_time is None:
        view = view.updated(start_time=view.now)
    if view.status.times.accepted is None:
        view = view.timed(accepted=view.now)
    before = view.status.results if view.status.results is not None else ResultsStatus()
    view = (
        view.updated(results=before.model_copy(update={"uri": results_uri(view.run, profile)}))
        .blocked(None)
        .told(ConditionType.RELEASED, "False", Reason.HOLDING)
    )
    if view.has(ConditionType.PREFLIGHTED):
        return view.entering(Phase.SECURING).soon()
    if view.spec.program is not None:
        return (
            view.told(
                ConditionType.PREFLIGHTED,
                "True",
                Reason.PREFLIGHT_SKIPPED,
                "a program is not looked into before it starts",
            )
            .timed(preflighted=view.now)
            .entering(Phase.SECURING)
            .soon()
        )
    return (
        view.told(ConditionType.PREFLIGHTED, "Unknown", Reason.PREFLIGHT_RUNNING)
        .entering(Phase.PREFLIGHT)
        .soon()
    )
