"""Preflight: a small pod checks the file against the data before any node is paid for."""

from __future__ import annotations

from typing import Final

from modelrun_api.conditions import ConditionType, condition_of
from modelrun_api.outcome import PreflightOutcome, read_preflight
from modelrun_api.phase import Phase
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_api.reason import Reason
from modelrun_api.status import CostStatus, FitCounts, ResultsStatus
from modelrun_operator.core.actions import Create
from modelrun_operator.core.cost import is_above, money
from modelrun_operator.core.diagnosis import Blocker, blocker
from modelrun_operator.core.forecast import forecast, pod_seconds
from modelrun_operator.core.snapshot import Job, Kind
from modelrun_operator.core.steps.guard import interrupted
from modelrun_operator.core.view import Step, View
from modelrun_operator.manifests.jobs import preflight_job
from modelrun_operator.manifests.locations import shown_address
from modelrun_operator.manifests.run_document import run_document

LOOK_SECONDS: Final = 10
"""How often a preflight is looked at without news: what is in the way has no event of its own."""


def preflight(view: View) -> Step:
    """Start the pod, wait for its word, and choose the size of the cluster from it."""
    if (stop := interrupted(view)) is not None:
        return stop.soon()
    profile = view.profile
    if profile is None:
        return view.blocked(PROFILE_GONE).soon()
    missing = []
    if view.seen.find(Kind.CONFIG_MAP, view.names.run_document) is None:
        missing.append(Create(run_document(view.run)))
    job = view.seen.job(view.names.preflight)
    if job is None:
        missing.append(Create(preflight_job(view.run, profile, view.settings)))
    if job is None or missing or not job.finished:
        return view.blocked(blocker(view.seen)).soon(*missing, seconds=LOOK_SECONDS)
    outcome = read_preflight(job.termination_message)
    if outcome is None or not outcome.ok:
        message = _why_not(job, outcome) + _in_the_way(view)
        return (
            view.told(ConditionType.PREFLIGHTED, "False", Reason.PREFLIGHT_FAILED, message)
            .failed(Reason.PREFLIGHT_FAILED, message)
            .soon()
        )
    return _passed(view, profile, outcome)


PROFILE_GONE = Blocker(
    Reason.PROFILE_NOT_FOUND,
    "the profile of this run was deleted; ask the platform team to bring it back, or delete the "
    "run",
)


def _why_not(job: Job, outcome: PreflightOutcome | None) -> str:
    if outcome is not None and outcome.problems:
        return "; ".join(outcome.problems)
    if job.out_of_memory:
        return "the kernel ended the preflight for memory; raise control.resources of the profile"
    code = f"exit code {job.exit_code}" if job.exit_code is not None else "its pod vanished"
    return f"the preflight ended without a word ({code}; {job.failure or 'no reason given'})"


def _in_the_way(view: View) -> str:
    """Return what stopped a preflight that never came to a word."""
    known = condition_of(view.status.conditions, ConditionType.BLOCKED)
    if known is None or known.status != "True":
        return ""
    return f". In the way: {known.message}"


def _passed(view: View, profile: ModelRunProfileSpec, outcome: PreflightOutcome) -> Step:
    found = forecast(view.spec, profile, outcome)
    view = (
        view.told(
            ConditionType.PREFLIGHTED,
            "True",
            Reason.PREFLIGHT_PASSED,
            f"{found.fits:,} fits, {found.stored:,} stored already",
        )
        .timed(preflighted=view.now)
        .blocked(None)
        .updated(
            forecast=found,
            fits=FitCounts(total=found.fits, done=found.stored, reused=found.stored),
        )
    )
    all_stored = outcome.fits.total > 0 and outcome.fits.stored >= outcome.fits.total
    if outcome.complete or (outcome.complete is None and all_stored):
        before = view.status.results or ResultsStatus()
        return (
            view.updated(
                results=before.model_copy(
                    update={"report": shown_address(view.run, profile, outcome.report)}
                )
            )
            .concluded(
                ConditionType.COMPLETE,
                Reason.ALREADY_STORED,
                f"all {found.fits:,} fits were stored before; no cluster was raised",
            )
            .soon()
        )
    seconds = pod_seconds(found)
    if profile.price is not None and seconds is not None:
        estimate = money(seconds, profile.price)
        view = view.updated(cost=CostStatus(estimated=estimate, currency=profile.price.currency))
        budget = view.spec.budget
        if budget is not None and is_above(estimate, budget.amount):
            return view.failed(
                Reason.OVER_BUDGET,
                f"the forecast is {estimate} {profile.price.currency} "
                f"({found.nodes} nodes for {found.seconds} s), the budget {budget.amount}; "
                "nothing was started. Raise spec.budget, or fit less",
            ).soon()
    return view.entering(Phase.SECURING).soon()
