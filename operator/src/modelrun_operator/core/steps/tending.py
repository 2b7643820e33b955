"""Provisioning and Running: raise the cluster, start the runner, watch both.

The two phases do the same work and differ in one fact, whether enough workers were there; so an
attempt that is repeated on a healthy cluster is only back in Provisioning until the runner says so.
"""

from __future__ import annotations

from typing import Final

from modelrun_api.conditions import ConditionType
from modelrun_api.outcome import read_outcome
from modelrun_api.phase import Phase
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_api.reason import Reason
from modelrun_api.status import ClusterStatus
from modelrun_operator.core.actions import Action, Create, Delete, HealCluster, KeepLogs
from modelrun_operator.core.deadlines import (
    active_deadline,
    is_over,
    seconds_since,
    startup_deadline,
    wait,
)
from modelrun_operator.core.diagnosis import Blocker, blocker
from modelrun_operator.core.progress import fits_of, progress_of, workers_there
from modelrun_operator.core.retries import (
    Ending,
    current_attempt,
    ending,
    next_attempt_at,
    with_attempt,
)
from modelrun_operator.core.snapshot import Cluster, Job, Kind, Pod, Role
from modelrun_operator.core.steps.guard import interrupted
from modelrun_operator.core.steps.preflight import PROFILE_GONE
from modelrun_operator.core.view import Step, View
from modelrun_operator.manifests.dask_cluster import dask_cluster
from modelrun_operator.manifests.jobs import runner_job
from modelrun_operator.manifests.locations import shown_address
from modelrun_operator.manifests.network import network_policies
from modelrun_operator.manifests.run_document import run_document
from modelrun_operator.manifests.sizing import Size, size

SILENT_SECONDS: Final = 15
"""After how long a cluster of which nothing was made is a sign that nobody works on it."""


def tending(view: View) -> Step:
    """Go one pass further with a run that has a cluster, or is getting one."""
    job = view.seen.job(view.names.runner(current_attempt(view.status)))
    if job is not None and job.finished:
        # First of all: what is stored is stored, whatever else happened meanwhile.
        return _attempt_ended(view, job, ending(job, program=view.spec.program is not None))
    if (stop := interrupted(view)) is not None:
        return stop.soon()
    if (lost := _lost(view)) is not None:
        return _cluster_lost(view, *lost)
    if view.status.phase is Phase.RUNNING and job is None:
        gone = Ending(Reason.RUNNER_LOST, "the runner's Job vanished", retried=True)
        return _attempt_ended(view, None, gone)
    profile = view.profile
    actions: list[Action] = _old_incarnations(view)
    cluster = view.seen.cluster(view.names.cluster(view.incarnation))
    if profile is None and (cluster is None or job is None):
        return _waiting(view, PROFILE_GONE, *actions)
    # What runs goes on without its profile; only what is made needs it.
    sized = _size(view, profile)
    actions += _surroundings(view, sized)
    if cluster is None:
        assert profile is not None
        made = dask_cluster(
            view.run, profile, view.settings, incarnation=view.incarnation, size=sized
        )
        starting = view.told(ConditionType.PROVISIONED, "False", Reason.CLUSTER_STARTING)
        return _waiting(starting, blocker(view.seen), *actions, Create(made))
    view, healing = _healed(view, cluster)
    actions += healing
    view = _with_scheduler(view, cluster)
    if job is None and view.status.times.scheduler_available is not None:
        assert profile is not None
        if not is_over(next_attempt_at(view.status, view.settings) or view.now, now=view.now):
            return _waiting(view, _backing_off(view), *actions)
        actions.append(_runner(view, profile, sized))
        view = view.updated(attempts=current_attempt(view.status))
    view = _with_progress(view, job)
    return _waiting(view, _in_the_way(view, cluster), *actions)


def _size(view: View, profile: ModelRunProfileSpec | None) -> Size:
    """Return the size that the incarnation began with; a changed profile changes the next one."""
    cluster = _cluster_status(view)
    nodes = max(1, cluster.nodes)
    fresh = size(view.spec, profile, nodes=nodes) if profile is not None else None
    return Size(
        nodes=nodes,
        workers_per_node=max(1, cluster.workers_per_node),
        minimum=max(1, cluster.workers.minimum),
        memory_per_worker=fresh.memory_per_worker if fresh is not None else None,
    )


def _cluster_status(view: View) -> ClusterStatus:
    return view.status.cluster if view.status.cluster is not None else ClusterStatus()


def _surroundings(view: View, sized: Size) -> list[Action]:
    """Return what must be there beside the cluster: the run's document and its policies."""
    missing: list[Action] = []
    if view.seen.find(Kind.CONFIG_MAP, view.names.run_document) is None:
        missing.append(Create(run_document(view.run)))
    if view.settings.network_policies:
        missing += [
            Create(policy)
            for policy in network_policies(view.run, view.settings, size=sized)
            if view.seen.find(Kind.NETWORK_POLICY, policy["metadata"]["name"]) is None
        ]
    return missing


def _old_incarnations(view: View) -> list[Action]:
    """Return the deletion of what earlier incarnations left."""
    return [
        Delete(child.ref)
        for child in view.seen.children
        if child.ref.kind in {Kind.DASK_CLUSTER, Kind.SECRET, Kind.JOB}
        and child.incarnation is not None
        and child.incarnation < view.incarnation
        and not child.terminating
    ]


def _lost(view: View) -> tuple[Reason, str] | None:
    """Say whether a cluster that was there is there no more."""
    known = _cluster_status(view)
    if view.status.times.scheduler_available is None:
        return None
    cluster = view.seen.cluster(known.name)
    if cluster is None or cluster.terminating:
        return Reason.CLUSTER_LOST, f"the DaskCluster {known.name} was deleted"
    schedulers = [pod for pod in _schedulers(view) if pod.phase == "Running"]
    same = [pod for pod in schedulers if pod.ref.uid == known.scheduler_pod_uid]
    if known.scheduler_pod_uid is not None and (
        not same or same[0].restarts > known.scheduler_restarts
    ):
        return Reason.SCHEDULER_LOST, "the scheduler's pod was lost, and its memory with it"
    return None


def _schedulers(view: View) -> list[Pod]:
    pods = view.seen.pods(Role.SCHEDULER, view.incarnation)
    return [pod for pod in pods if not pod.terminating and pod.gone_at is None]


def _cluster_lost(view: View, reason: Reason, message: str) -> Step:
    """Count the loss, and begin a new incarnation if there may be one."""
    lost = view
    if not _is_known(view):
        lost = _counted(view, Ending(reason, message, retried=True), exit_code=None)
    if lost.status.phase is Phase.WINDING_DOWN:
        return lost.soon()
    return (
        lost.told(ConditionType.PROVISIONED, "False", reason, message)
        .entering(Phase.SECURING)
        .soon(*_logs_of(view))
    )


def _is_known(view: View) -> bool:
    """Say whether the loss has been counted: it ended an attempt before it was seen itself."""
    last, available = view.status.last_attempt, view.status.times.scheduler_available
    return (
        last is not None
        and last.counted
        and view.status.attempts < current_attempt(view.status)
        and available is not None
        and last.finished_at >= available
    )


def _attempt_ended(view: View, job: Job | None, end: Ending) -> Step:
    """Give the verdict, or go on to the next attempt."""
    view = _with_outcome(view, job)
    if end.done:
        return view.concluded(ConditionType.COMPLETE, end.reason, end.message).soon()
    if not end.retried:
        return view.failed(end.reason, end.message).soon()
    exit_code = job.exit_code if job is not None else None
    after = _counted(view, end, exit_code=exit_code)
    if after.status.phase is Phase.WINDING_DOWN:
        return after.soon()
    if (stop := interrupted(after)) is not None:
        return stop.soon()
    if (lost := _lost(after)) is not None:
        return (
            after.told(ConditionType.PROVISIONED, "False", *lost)
            .entering(Phase.SECURING)
            .soon(*_logs_of(view))
        )
    # The same cluster: it is healthy, and what is stored is not computed again.
    after = after.entering(Phase.PROVISIONING)
    return _waiting(after, _backing_off(after), *_logs_of(view))


def _logs_of(view: View) -> tuple[KeepLogs, ...]:
    """Return the order to keep what the pods of a failed attempt wrote; its next may write else."""
    pods = tuple(
        sorted(pod.ref for pod in view.seen.pods() if pod.role in {Role.RUNNER, Role.SCHEDULER})
    )
    attempt = f"{view.incarnation}-{current_attempt(view.status)}-attempt"
    return (KeepLogs(pods=pods, marker=attempt),) if pods else ()


def _counted(view: View, end: Ending, *, exit_code: int | None) -> View:
    after = with_attempt(
        view.status,
        reason=end.reason,
        message=end.message,
        exit_code=exit_code,
        counted=True,
        now=view.now,
    )
    view = view.updated(
        attempts=after.attempts,
        last_attempt=after.last_attempt,
        counted_failures=after.counted_failures,
    )
    if after.counted_failures > view.spec.backoff_limit:
        return view.failed(
            Reason.BACKOFF_LIMIT_EXCEEDED,
            f"{after.counted_failures} attempts failed, and backoffLimit is "
            f"{view.spec.backoff_limit}; the last: {end.reason}: {end.message}. What is finished "
            "is stored",
        )
    return view


def _with_outcome(view: View, job: Job | None) -> View:
    outcome = read_outcome(job.termination_message) if job is not None else None
    if outcome is None:
        return view
    results, profile = view.status.results, view.profile
    if results is not None and profile is not None:
        report = shown_address(view.run, profile, outcome.report)
        results = results.model_copy(update={"report": report})
    counts = outcome.fits.counts()
    return view.updated(
        fits=fits_of(view.status.fits, counts),
        failures=tuple(outcome.failures),
        progress=progress_of(
            fits_of(view.status.fits, counts), None, view.status.progress, now=view.now
        ),
        results=results,
    )


def _healed(view: View, cluster: Cluster) -> tuple[View, list[Action]]:
    """Ask the Dask controller again for a worker group that it never made."""
    patience = view.settings.heal_after_seconds
    known = _cluster_status(view)
    if (
        cluster.has_worker_group
        or cluster.terminating
        or seconds_since(cluster.created, now=view.now) < patience
        or (known.healed_at is not None and seconds_since(known.healed_at, now=view.now) < patience)
    ):
        return view, []
    view = view.updated(cluster=known.model_copy(update={"healed_at": view.now}))
    return view, [HealCluster(cluster.ref)]


def _with_scheduler(view: View, cluster: Cluster) -> View:
    """Remember the scheduler as soon as it is available: another one has another uid."""
    known = _cluster_status(view)
    schedulers = [pod for pod in _schedulers(view) if pod.ready]
    if known.scheduler_pod_uid is None and cluster.scheduler_available and schedulers:
        first = schedulers[0]
        view = view.updated(
            cluster=known.model_copy(
                update={
                    "scheduler_pod_uid": first.ref.uid,
                    "scheduler_restarts": first.restarts,
                }
            )
        ).timed(scheduler_available=view.now)
    return view


def _runner(view: View, profile: ModelRunProfileSpec, sized: Size) -> Create:
    return Create(
        runner_job(
            view.run,
            profile,
            view.settings,
            attempt=current_attempt(view.status),
            incarnation=view.incarnation,
            size=sized,
        )
    )


def _with_progress(view: View, job: Job | None) -> View:
    """Take over what the runner says, and enter Running once enough workers are there."""
    known = _cluster_status(view)
    program = view.spec.program is not None
    # Without a Job of this attempt, what a runner said is a word of an earlier one.
    ready = workers_there(view.seen, known, program=program) if job is not None or program else 0
    counts = known.workers.model_copy(update={"ready": ready})
    view = view.updated(cluster=known.model_copy(update={"workers": counts}))
    report = view.seen.progress
    if job is not None and report is not None:
        fits = fits_of(view.status.fits, report.fits.counts())
        view = view.updated(
            fits=fits,
            progress=progress_of(fits, report, view.status.progress, now=view.now),
        )
    if view.status.phase is Phase.RUNNING:
        return view
    if job is not None and not job.terminating and ready >= max(1, known.workers.minimum):
        if view.status.times.quorum is None:
            view = view.timed(quorum=view.now)
        return view.told(
            ConditionType.PROVISIONED,
            "True",
            Reason.QUORUM_REACHED,
            f"{ready} of {known.workers.desired} workers",
        ).entering(Phase.RUNNING)
    reason = (
        Reason.CLUSTER_STARTING
        if view.status.times.scheduler_available is None
        else Reason.WORKERS_STARTING
    )
    return view.told(ConditionType.PROVISIONED, "False", reason)


def _in_the_way(view: View, cluster: Cluster) -> Blocker | None:
    if (found := blocker(view.seen)) is not None:
        return found
    if view.status.phase is Phase.RUNNING:
        return None
    if cluster.terminating:
        return Blocker(
            Reason.STUCK_TERMINATING,
            f"the DaskCluster {cluster.ref.name} is being deleted; a new one follows",
        )
    if not cluster.touched and seconds_since(cluster.created, now=view.now) >= SILENT_SECONDS:
        return Blocker(
            Reason.DASK_CONTROLLER_SILENT,
            f"nothing happens to the DaskCluster {cluster.ref.name}: the Dask controller seems "
            "not to run. Ask the platform team (daskController.enabled of the chart)",
        )
    if _cluster_status(view).healed_at is not None and not cluster.has_worker_group:
        return Blocker(
            Reason.WORKER_GROUP_MISSING,
            f"the Dask controller made no worker group for {cluster.ref.name}; it was asked again",
        )
    counts = _cluster_status(view).workers
    if view.status.times.scheduler_available is None or counts.ready >= counts.minimum:
        return None
    return Blocker(
        Reason.WAITING_FOR_WORKERS,
        f"{counts.ready} of {counts.desired} workers are there, {counts.minimum} are needed",
    )


def _backing_off(view: View) -> Blocker | None:
    moment = next_attempt_at(view.status, view.settings)
    last = view.status.last_attempt
    if moment is None or last is None or is_over(moment, now=view.now):
        return None
    return Blocker(
        Reason.RETRY_BACKOFF,
        f"attempt {last.number} failed ({last.reason}: {last.message}); the next begins at "
        f"{moment:%H:%M:%S} UTC",
    )


def _waiting(view: View, found: Blocker | None, *actions: Action) -> Step:
    """End the pass, unless the workers took too long."""
    attempt_at = next_attempt_at(view.status, view.settings)
    deadline = startup_deadline(view.spec, view.status, attempt_at=attempt_at)
    starting = view.status.phase is Phase.PROVISIONING
    if starting and is_over(deadline, now=view.now):
        why = f" In the way: {found.message}" if found is not None else ""
        return view.failed(
            Reason.STARTUP_DEADLINE_EXCEEDED,
            f"not enough workers within {view.spec.startup_deadline_seconds} s "
            f"(spec.startupDeadlineSeconds).{why}",
        ).soon()
    return view.blocked(found).done(
        *actions,
        wake=wait(
            deadline if starting else None,
            active_deadline(view.spec, view.profile, view.status),
            attempt_at if found is not None else None,
            now=view.now,
            at_most=view.settings.progress_seconds
            if view.status.phase is Phase.RUNNING
            else min(10, view.settings.resync_seconds),
        ),
    )
