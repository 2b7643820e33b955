"""Securing: a new incarnation of the cluster begins with certificates of its own."""

from __future__ import annotations

from modelrun_api.conditions import ConditionType
from modelrun_api.phase import Phase
from modelrun_api.reason import Reason
from modelrun_api.status import ClusterStatus, WorkerCounts
from modelrun_operator.core.actions import IssueTls
from modelrun_operator.core.diagnosis import blocker
from modelrun_operator.core.snapshot import Kind
from modelrun_operator.core.steps.guard import interrupted
from modelrun_operator.core.steps.preflight import PROFILE_GONE
from modelrun_operator.core.view import Step, View
from modelrun_operator.manifests.sizing import size


def securing(view: View) -> Step:
    """Fix number and size of the incarnation, and have its certificates made."""
    if (stop := interrupted(view)) is not None:
        return stop.soon()
    profile = view.profile
    if profile is None:
        return view.blocked(PROFILE_GONE).soon()
    if not _is_begun(view):
        view = _begun(view)
    secret = view.seen.find(Kind.SECRET, view.names.tls(view.incarnation))
    view = view.told(ConditionType.PROVISIONED, "False", Reason.SECURING)
    if secret is None:
        issue = IssueTls(incarnation=view.incarnation, hours=profile.limits.hours)
        return view.blocked(blocker(view.seen)).soon(issue)
    if secret.terminating:
        # Deleted by hand: the name is free again in a moment.
        return view.soon(seconds=2)
    return view.timed(secured=view.now).entering(Phase.PROVISIONING).soon()


def _is_begun(view: View) -> bool:
    """Say whether the incarnation that is being secured has its number and name."""
    cluster = view.status.cluster
    return cluster is not None and bool(cluster.name) and view.status.times.secured is None


def _begun(view: View) -> View:
    profile = view.profile
    assert profile is not None
    asked = view.spec.cluster.nodes if view.spec.cluster is not None else None
    found = view.status.forecast.nodes if view.status.forecast is not None else None
    made = size(view.spec, profile, nodes=asked or found or 1)
    number = view.incarnation + 1
    return view.updated(
        cluster=ClusterStatus(
            name=view.names.cluster(number),
            incarnation=number,
            nodes=made.nodes,
            workers_per_node=made.workers_per_node,
            workers=WorkerCounts(desired=made.workers, minimum=made.minimum),
        )
    ).timed(secured=None, scheduler_available=None, quorum=None)
