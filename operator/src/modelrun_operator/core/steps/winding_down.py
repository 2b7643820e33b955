"""WindingDown: the verdict or a suspension stands; give back what the run holds, in order.

Logs first, then the runner, the workers, the cluster, and last what pods needed while they lived.
A part that does not go is named in Blocked and never turns a success into a failure.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from modelrun_api.conditions import ConditionType, condition_of
from modelrun_api.phase import Phase
from modelrun_api.reason import Reason
from modelrun_operator.core.actions import Action, Delete, KeepLogs, ScaleWorkers
from modelrun_operator.core.deadlines import seconds_since
from modelrun_operator.core.diagnosis import Blocker
from modelrun_operator.core.snapshot import Child, Cluster, Job, Kind, Pod, Role
from modelrun_operator.core.view import Step, View

LOGS_SECONDS: Final = 60
"""How long logs may be tried for before they are given up."""

RUNNER_SECONDS: Final = 45
"""How long a runner that is stopped may store what is finished, before its workers go."""

WORKERS_SECONDS: Final = 3
"""How long the Dask controller may take to remove workers, before the cluster goes as a whole. It
asks the scheduler first; one that cannot be reached would cost half a minute of every worker."""

STUCK_SECONDS: Final = 120
"""After how long an object that is being deleted counts as stuck."""

MOST_WORKER_LOGS: Final = 10


def winding_down(view: View) -> Step:
    """Give back what is left; the last pass gives the run its final phase."""
    left = holdings(view)
    if not left:
        return _released(view)
    begun = _begun(view)
    pods = [child for child in left if isinstance(child, Pod)]
    if not any(pod.role is Role.WORKER for pod in pods) and view.status.times.workers_gone is None:
        view = view.timed(workers_gone=view.now)
    view = view.told(ConditionType.RELEASED, "False", Reason.HOLDING, _inventory(left))
    view = view.told(ConditionType.PROVISIONED, "False", Reason.RELEASED_CLUSTER)
    actions: list[Action] = [*_logs(view, pods, begun)]
    actions += _jobs(left)
    if _runner_is_storing(view, pods, begun):
        return _named(view, left).soon(*actions, seconds=2)
    actions += _clusters(view, left, pods, begun)
    if not pods:
        actions += [
            Delete(child.ref)
            for child in left
            if child.ref.kind in {Kind.SECRET, Kind.NETWORK_POLICY, Kind.CONFIG_MAP}
            and not child.terminating
        ]
    return _named(view, left).soon(*actions, seconds=2)


def holdings(view: View) -> list[Child]:
    """Return what the run still holds: everything but the logs that outlive it."""
    return [
        child
        for child in view.seen.children
        if not (isinstance(child, Pod) and child.gone)
        and not (child.ref.kind is Kind.CONFIG_MAP and child.ref.name == view.names.logs)
    ]


def _begun(view: View) -> datetime:
    """Return when winding down began."""
    if view.status.completion_time is not None:
        return view.status.completion_time
    suspended = condition_of(view.status.conditions, ConditionType.SUSPENDED)
    return suspended.last_transition_time if suspended is not None else view.now


def _logs(view: View, pods: list[Pod], begun: datetime) -> list[Action]:
    marker = f"{view.incarnation}-{view.status.attempts}"
    kept = view.seen.find(Kind.CONFIG_MAP, view.names.logs)
    if not pods or (kept is not None and kept.marker == marker):
        return []
    if seconds_since(begun, now=view.now) > LOGS_SECONDS:
        return []
    workers = [pod.ref for pod in pods if pod.role is Role.WORKER]
    others = [pod.ref for pod in pods if pod.role is not Role.WORKER]
    chosen = (*sorted(others), *sorted(workers)[:MOST_WORKER_LOGS])
    return [KeepLogs(pods=chosen, marker=marker)]


def _jobs(left: list[Child]) -> list[Action]:
    return [Delete(child.ref) for child in left if isinstance(child, Job) and not child.terminating]


def _runner_is_storing(view: View, pods: list[Pod], begun: datetime) -> bool:
    running = [
        pod for pod in pods if pod.role is Role.RUNNER and pod.phase in {"Running", "Pending"}
    ]
    return bool(running) and seconds_since(begun, now=view.now) < RUNNER_SECONDS


def _clusters(view: View, left: list[Child], pods: list[Pod], begun: datetime) -> list[Action]:
    actions: list[Action] = []
    waited = seconds_since(begun, now=view.now)
    for cluster in left:
        if not isinstance(cluster, Cluster) or cluster.terminating:
            continue
        workers = [
            pod
            for pod in pods
            if pod.role is Role.WORKER
            and pod.incarnation == cluster.incarnation
            and not pod.terminating
        ]
        if workers and cluster.replicas > 0:
            actions.append(ScaleWorkers(cluster.ref, 0))
        if not workers or waited >= WORKERS_SECONDS:
            actions.append(Delete(cluster.ref))
    return actions


def _named(view: View, left: list[Child]) -> View:
    """Name what has been going for too long."""
    stuck = [
        child
        for child in left
        if seconds_since(child.terminating_since, now=view.now) > STUCK_SECONDS
    ]
    if not stuck:
        return view.blocked(None)
    first = stuck[0].ref
    advice = (
        "its controller must remove a finalizer: check that the Dask controller runs"
        if first.kind is Kind.DASK_CLUSTER
        else "its node may be away: kubectl delete --force removes it"
    )
    return view.blocked(
        Blocker(
            Reason.STUCK_TERMINATING,
            f"{first.kind} {first.name} is being deleted for more than {STUCK_SECONDS} s; {advice}",
        )
    )


def _inventory(left: list[Child]) -> str:
    counts: dict[str, int] = {}
    for child in left:
        counts[child.ref.kind] = counts.get(child.ref.kind, 0) + 1
    return "left: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _released(view: View) -> Step:
    seconds = int(seconds_since(_begun(view), now=view.now))
    view = (
        view.blocked(None)
        .told(
            ConditionType.RELEASED,
            "True",
            Reason.NOTHING_LEFT,
            f"nothing of the run is left but its results and logs, after {seconds} s",
        )
        .timed(released=view.now, workers_gone=view.status.times.workers_gone or view.now)
    )
    if view.status.cluster is not None:
        none = view.status.cluster.workers.model_copy(update={"ready": 0})
        view = view.updated(cluster=view.status.cluster.model_copy(update={"workers": none}))
    if view.seen.find(Kind.CONFIG_MAP, view.names.logs) is not None and view.status.results:
        kept = view.status.results.model_copy(update={"logs": view.names.logs})
        view = view.updated(results=kept)
    if view.has(ConditionType.COMPLETE):
        return view.entering(Phase.SUCCEEDED).soon()
    if view.has(ConditionType.FAILED):
        return view.entering(Phase.FAILED).soon()
    return view.entering(Phase.SUSPENDED).soon()
