"""From objects of the API server to a snapshot: which of their many fields mean what to a run.

Pure functions of plain dictionaries, so that what a pod with a broken image looks like is tested
without one. The observer only hands over what its caches hold for the run's uid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from modelrun_api.identity import INCARNATION_LABEL, ROLE_LABEL
from modelrun_api.loader import validate_profile
from modelrun_api.outcome import ProgressReport
from modelrun_api.problems import SpecError
from modelrun_api.profile import ModelRunProfile
from modelrun_operator.core.snapshot import Child, Cluster, Job, Kind, Pod, Ref, Role, Snapshot

Object = Mapping[str, Any]

LOGS_ANNOTATION: Final = "modelrun.dev/logs-of"
"""On the ConfigMap with logs: the marker of what it holds."""

_STARTING: Final = frozenset({"ContainerCreating", "PodInitializing"})
_REFUSAL_EVENTS: Final = frozenset({"FailedCreate", "FailedMount", "FailedAttachVolume"})
_FRESH: Final = timedelta(minutes=3)
_OVERDUE: Final = timedelta(seconds=30)
_OWN_KINDS: Final = frozenset(Kind) - {Kind.JOB, Kind.POD, Kind.DASK_CLUSTER}


@dataclass(frozen=True, slots=True)
class Cached:
    """What the caches hold for one run."""

    objects: Sequence[Object] = ()
    """Every object with the run's uid in its label, with its kind."""

    events: Sequence[Object] = ()
    """Events about these objects."""

    profile: Object | None = None
    """The profile that the run names."""

    progress: ProgressReport | None = None
    """What the runner of the current attempt answered last."""

    vanished: Mapping[str, datetime] = field(default_factory=dict)
    """Pods in `objects` that no longer exist: when each vanished, by uid. They stay until the
    status has counted their time."""

    refusals: Sequence[str] = ()
    """What the API server said when it refused one of our own calls, the newest first."""


def snapshot(cached: Cached, *, now: datetime) -> Snapshot:
    """Return what a pass sees.

    Args:
        cached: what the caches hold.
        now: the time, to tell fresh events from old ones.
    """
    profile, problem = _profile(cached.profile)
    by_kind: dict[str, list[Object]] = {}
    for body in cached.objects:
        by_kind.setdefault(str(body.get("kind")), []).append(body)
    pods = by_kind.get(Kind.POD, [])
    children: list[Child] = [
        *(child(body) for kind in sorted(_OWN_KINDS) for body in by_kind.get(kind, [])),
        *(pod(body, vanished=cached.vanished.get(body["metadata"]["uid"])) for body in pods),
        *(job(body, pods, vanished=cached.vanished, now=now) for body in by_kind.get(Kind.JOB, [])),
        *(cluster(body, by_kind) for body in by_kind.get(Kind.DASK_CLUSTER, [])),
    ]
    return Snapshot(
        profile=profile,
        profile_problem=problem,
        children=tuple(children),
        refusals=(
            *cached.refusals,
            *_refusals(by_kind.get(Kind.DEPLOYMENT, []), cached.events, now=now),
        ),
        progress=cached.progress,
    )


def _profile(body: Object | None) -> tuple[ModelRunProfile | None, str]:
    if body is None:
        return None, ""
    try:
        return validate_profile({k: body[k] for k in ("metadata", "spec") if k in body}), ""
    except SpecError as error:
        return None, "; ".join(f"{one.path}: {one.message}" for one in error.problems)


def child(body: Object) -> Child:
    """Return any object as a child."""
    metadata = body["metadata"]
    return Child(**_common(body), marker=metadata.get("annotations", {}).get(LOGS_ANNOTATION, ""))


def _common(body: Object) -> dict[str, Any]:
    metadata = body["metadata"]
    label = metadata.get("labels", {}).get(INCARNATION_LABEL, "")
    return {
        "ref": Ref(Kind(body["kind"]), metadata["name"], metadata["uid"]),
        "created": moment(metadata["creationTimestamp"]),
        "incarnation": int(label) if label.isdigit() else None,
        "terminating_since": _terminating_since(metadata),
    }


def _terminating_since(metadata: Object) -> datetime | None:
    # The API server writes when the object must be gone: the request came a grace period earlier.
    end = moment(metadata.get("deletionTimestamp"))
    grace = timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
    return end - grace if end is not None else None


def pod(body: Object, *, vanished: datetime | None = None) -> Pod:
    """Return a pod, with what stops it."""
    status = body.get("status", {})
    conditions = _conditions(body)
    scheduled = conditions.get("PodScheduled", {})
    containers = [
        *status.get("initContainerStatuses", []),
        *status.get("containerStatuses", []),
    ]
    waiting = _waiting(containers)
    phase = "Gone" if vanished is not None else status.get("phase", "Unknown")
    return Pod(
        **_common(body),
        role=_role(body["metadata"].get("labels", {})),
        phase=phase,
        ready=conditions.get("Ready", {}).get("status") == "True",
        scheduled_at=moment(scheduled.get("lastTransitionTime"))
        if scheduled.get("status") == "True"
        else None,
        gone_at=vanished or _ended_at(phase, containers),
        unschedulable=scheduled.get("message", "")
        if scheduled.get("reason") == "Unschedulable"
        else "",
        waiting=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        last_exit=_last_exit(containers),
        restarts=sum(one.get("restartCount", 0) for one in containers),
    )


def _role(labels: Mapping[str, str]) -> Role:
    said = labels.get(ROLE_LABEL) or labels.get("dask.org/component")
    return Role(said) if said in set(Role) else Role.WORKER


def _conditions(body: Object) -> dict[str, Object]:
    return {one["type"]: one for one in body.get("status", {}).get("conditions") or []}


def _waiting(containers: Iterable[Object]) -> Object:
    for one in containers:
        found: Object = one.get("state", {}).get("waiting", {})
        if found and found.get("reason") not in _STARTING:
            return found
    return {}


def _ended_at(phase: str, containers: Iterable[Object]) -> datetime | None:
    if phase not in {"Succeeded", "Failed"}:
        return None
    ends = [moment(one["finishedAt"]) for one in _ends(containers) if one.get("finishedAt")]
    return max((end for end in ends if end is not None), default=None)


def _ends(containers: Iterable[Object]) -> list[Object]:
    return [
        one["state"]["terminated"] for one in containers if one.get("state", {}).get("terminated")
    ]


def _last_exit(containers: Iterable[Object]) -> str:
    for one in containers:
        for state in (one.get("state", {}), one.get("lastState", {})):
            end = state.get("terminated")
            if end and end.get("exitCode") != 0:
                reason = end.get("reason", "")
                return reason if reason not in {"", "Error"} else f"exit code {end['exitCode']}"
    return ""


def job(
    body: Object,
    pods: Iterable[Object],
    *,
    now: datetime,
    vanished: Mapping[str, datetime] = MappingProxyType({}),
) -> Job:
    """Return a Job, with what its last pod left.

    A runner's Job has one pod and no second, so its end is that of the pod: the Job says so a
    second or two later, and workers cost meanwhile. A runner whose node is away is never reported
    as ended; when it should long be gone, it counts as lost.

    Args:
        body: the Job.
        pods: pods of the run; the Job's own are found by their owner.
        now: the time.
        vanished: pods that no longer exist, by uid.
    """
    conditions = _conditions(body)
    complete = conditions.get("Complete", {}).get("status") == "True"
    failed = conditions.get("Failed", {})
    has_failed = failed.get("status") == "True"
    last = _last_pod(body["metadata"]["uid"], pods)
    if last is not None and body["metadata"].get("labels", {}).get(ROLE_LABEL) == Role.RUNNER:
        phase = last.get("status", {}).get("phase")
        complete = complete or (phase == "Succeeded" and not has_failed)
        has_failed = has_failed or (
            not complete
            and last["metadata"]["uid"] not in vanished
            and (phase == "Failed" or _is_overdue(last["metadata"], now))
        )
    end = _end_of_work(last)
    return Job(
        **_common(body),
        finished=complete or has_failed,
        succeeded=complete,
        exit_code=end.get("exitCode"),
        termination_message=end.get("message", ""),
        disrupted=last is not None
        and _conditions(last).get("DisruptionTarget", {}).get("status") == "True",
        out_of_memory=end.get("reason") == "OOMKilled",
        failure=f"{failed['reason']}: {failed.get('message', '')}" if failed.get("reason") else "",
    )


def _is_overdue(metadata: Object, now: datetime) -> bool:
    """Say whether something that is being deleted should long be gone."""
    end = moment(metadata.get("deletionTimestamp"))
    return end is not None and now - end > _OVERDUE


def _last_pod(job_uid: str, pods: Iterable[Object]) -> Object | None:
    own = [
        body
        for body in pods
        if any(one["uid"] == job_uid for one in body["metadata"].get("ownerReferences", []))
    ]
    return max(own, key=lambda body: str(body["metadata"]["creationTimestamp"]), default=None)


def _end_of_work(body: Object | None) -> Object:
    """Return how the working container ended; an init container that failed ended it as well."""
    if body is None:
        return {}
    status = body.get("status", {})
    ends = _ends(status.get("containerStatuses", []))
    failed = [one for one in _ends(status.get("initContainerStatuses", [])) if one.get("exitCode")]
    return (failed or ends or [{}])[0]


def cluster(body: Object, by_kind: Mapping[str, list[Object]]) -> Cluster:
    """Return a DaskCluster, with what its controller made of it.

    Its own phase is not looked at: it follows the Service, and says Running too early.
    """
    name = body["metadata"]["name"]
    groups = {one["metadata"]["name"] for one in by_kind.get(Kind.DASK_WORKER_GROUP, [])}
    deployments = {one["metadata"]["name"]: one for one in by_kind.get(Kind.DEPLOYMENT, [])}
    services = {one["metadata"]["name"] for one in by_kind.get(Kind.SERVICE, [])}
    scheduler = deployments.get(f"{name}-scheduler")
    available = _conditions(scheduler).get("Available", {}) if scheduler is not None else {}
    return Cluster(
        **_common(body),
        replicas=int(body["spec"]["worker"].get("replicas", 0)),
        has_worker_group=f"{name}-default" in groups,
        scheduler_available=available.get("status") == "True",
        touched=scheduler is not None
        or f"{name}-scheduler" in services
        or bool(body.get("status", {}).get("phase")),
    )


def _refusals(
    deployments: Iterable[Object], events: Iterable[Object], *, now: datetime
) -> list[str]:
    """Return what stands in conditions of Deployments and in fresh events; Jobs have only those."""
    found = []
    for body in deployments:
        failure = _conditions(body).get("ReplicaFailure", {})
        if failure.get("status") == "True":
            found.append(str(failure.get("message", "")))
    fresh = [
        body
        for body in events
        if body.get("reason") in _REFUSAL_EVENTS and now - _event_time(body, now) < _FRESH
    ]
    fresh.sort(key=lambda body: _event_time(body, now), reverse=True)
    return [*found, *(str(body.get("message", "")) for body in fresh)]


def _event_time(body: Object, now: datetime) -> datetime:
    return (
        moment(body.get("lastTimestamp"))
        or moment(body.get("eventTime"))
        or moment(body["metadata"].get("creationTimestamp"))
        or now
    )


def moment(text: Any) -> datetime | None:
    """Return a time of the API server, or None where there is none."""
    return datetime.fromisoformat(str(text)) if text else None
