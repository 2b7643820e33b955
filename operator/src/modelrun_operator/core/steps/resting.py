"""Suspended, Succeeded, Failed: nothing of the run exists; wait for a resume or the end of time."""

from __future__ import annotations

from modelrun_api.conditions import ConditionType
from modelrun_api.phase import Phase
from modelrun_api.reason import Reason
from modelrun_api.status import ClusterStatus, Times
from modelrun_operator.core.actions import Delete, DeleteRun
from modelrun_operator.core.deadlines import expiry, is_over, wait
from modelrun_operator.core.snapshot import Kind
from modelrun_operator.core.steps.winding_down import holdings
from modelrun_operator.core.view import Step, View

_DELETABLE = frozenset(
    {Kind.JOB, Kind.DASK_CLUSTER, Kind.SECRET, Kind.NETWORK_POLICY, Kind.CONFIG_MAP}
)


def suspended(view: View) -> Step:
    """Wait until spec.suspend is no longer true; then start over with what preflight found."""
    if view.run.spec is None or view.spec.suspend:
        return view.done(*_stragglers(view), wake=None)
    times = view.status.times
    return (
        view.told(ConditionType.SUSPENDED, "False", Reason.RESUMED)
        .updated(
            start_time=None,
            # Without a name: the next incarnation has not begun, and has the next number.
            cluster=ClusterStatus(incarnation=view.incarnation),
            times=Times(accepted=times.accepted, preflighted=times.preflighted),
        )
        .entering(Phase.PENDING)
        .soon()
    )


def finished(view: View) -> Step:
    """Make nothing any more; remove stragglers, and the run itself when its time is over."""
    stragglers = _stragglers(view)
    end = expiry(view.run.spec, view.status)
    if is_over(end, now=view.now):
        return view.done(*stragglers, DeleteRun(), wake=None)
    if end is None:
        return view.done(*stragglers, wake=None)
    return view.done(*stragglers, wake=wait(end, now=view.now, at_most=86_400))


def _stragglers(view: View) -> tuple[Delete, ...]:
    """Return the deletion of what a call that was under way still brought into the world."""
    return tuple(
        Delete(child.ref)
        for child in holdings(view)
        if child.ref.kind in _DELETABLE and not child.terminating
    )
