"""From caches to a snapshot; with the few live looks that caches cannot replace."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from modelrun_operator.core.reading import Cached, moment, snapshot
from modelrun_operator.core.snapshot import Kind, Snapshot
from modelrun_operator.errors import NotFound
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.progress import Heard
from modelrun_operator.kube.resources import CHILDREN, EVENTS, RUNS, WATCHES
from modelrun_operator.kube.slim import slim
from modelrun_operator.run import Run

_ENDED: Final = frozenset({"Succeeded", "Failed"})
_PREPARING: Final = frozenset({"ContainerCreating", "PodInitializing"})
STARTING_SECONDS: Final = 8
"""How long a pod on its node may prepare its container before its events are asked why."""


def observe(
    run: Run,
    cache: Cache,
    *,
    heard: Heard | None,
    refusals: tuple[str, ...],
    events: tuple[dict[str, Any], ...] = (),
    now: datetime,
) -> Snapshot:
    """Return what is known of the world of one run.

    Args:
        run: the run.
        cache: the caches, which have been filled once in full.
        heard: what the runner answered last.
        refusals: what the API server said to our own calls, the newest first.
        events: events beyond those that are watched.
        now: the time.
    """
    objects = cache.children(run.uid)
    profile = None
    if run.spec is not None and run.spec.cluster is not None:
        profile = cache.profile(run.spec.cluster.profile_name)
    return snapshot(
        Cached(
            objects=objects,
            events=(*cache.events_about(_jobs_without_pods(objects)), *events),
            profile=profile,
            progress=heard.report if heard is not None else None,
            vanished=cache.vanished(run.uid),
            refusals=refusals,
        ),
        now=now,
    )


def _jobs_without_pods(objects: tuple[dict[str, Any], ...]) -> list[str]:
    """Return the uids of Jobs that have no pod yet: an old refusal of others says nothing."""
    owned = {
        reference["uid"]
        for body in objects
        if body["kind"] == Kind.POD
        for reference in body["metadata"].get("ownerReferences") or ()
    }
    return [
        body["metadata"]["uid"]
        for body in objects
        if body["kind"] == Kind.JOB and body["metadata"]["uid"] not in owned
    ]


async def look_again(run: Run, cache: Cache, kube: Kube, *, now: datetime) -> None:
    """Read the pods of finished Jobs whose end the watch has not brought yet.

    The two watches are independent: a Job may be seen to end before its pod, and the verdict
    stands in the pod.
    """
    ended = {
        body["metadata"]["uid"]
        for body in cache.children(run.uid)
        if body["kind"] == Kind.JOB and _is_over(body)
    }
    gone = cache.vanished(run.uid)
    await _look_at_secrets(run, cache, kube, now=now)
    for body in cache.children(run.uid):
        owners = {one["uid"] for one in body["metadata"].get("ownerReferences") or ()}
        if body["kind"] != Kind.POD or not owners & ended or body["metadata"]["uid"] in gone:
            continue
        if body.get("status", {}).get("phase") in _ENDED:
            continue
        metadata = body["metadata"]
        try:
            fresh = await kube.get(CHILDREN[Kind.POD], metadata["namespace"], metadata["name"])
        except NotFound:
            cache.drop(metadata["uid"], Kind.POD, now=now)
        else:
            cache.put(fresh, Kind.POD)


async def _look_at_secrets(run: Run, cache: Cache, kube: Kube, *, now: datetime) -> None:
    """Read Secrets that are on their way out: nobody watches them."""
    for body in cache.children(run.uid):
        if body["kind"] != Kind.SECRET or "deletionTimestamp" not in body["metadata"]:
            continue
        metadata = body["metadata"]
        try:
            fresh = await kube.get(CHILDREN[Kind.SECRET], run.namespace, metadata["name"])
        except NotFound:
            cache.drop(metadata["uid"], Kind.SECRET, now=now)
        else:
            if fresh["metadata"]["uid"] != metadata["uid"]:
                cache.drop(metadata["uid"], Kind.SECRET, now=now)


def starting_pod(run: Run, cache: Cache, *, now: datetime) -> dict[str, Any] | None:
    """Return a pod that has had its node for a while and whose container does not come."""
    gone = cache.vanished(run.uid)
    found = [
        body
        for body in cache.children(run.uid)
        if body["kind"] == Kind.POD
        and body["metadata"]["uid"] not in gone
        and "deletionTimestamp" not in body["metadata"]
        and _prepares(body.get("status") or {}, now)
    ]
    return min(found, key=lambda body: str(body["metadata"]["name"]), default=None)


def _prepares(status: dict[str, Any], now: datetime) -> bool:
    if status.get("phase") != "Pending":
        return False
    scheduled = next(
        (
            moment(one.get("lastTransitionTime"))
            for one in status.get("conditions") or ()
            if one["type"] == "PodScheduled" and one["status"] == "True"
        ),
        None,
    )
    if scheduled is None or (now - scheduled).total_seconds() < STARTING_SECONDS:
        return False
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    reasons = {(one.get("state") or {}).get("waiting", {}).get("reason") for one in containers}
    return not containers or bool(reasons & _PREPARING)


async def find_events(pod: dict[str, Any], kube: Kube) -> tuple[dict[str, Any], ...]:
    """Return the events about one pod."""
    metadata = pod["metadata"]
    about = f"involvedObject.uid={metadata['uid']}"
    return tuple(
        [
            {**body, "kind": EVENTS.kind}
            async for page in kube.pages(EVENTS, metadata["namespace"], fields=about)
            for body in page.get("items") or ()
        ]
    )


def _is_over(job: dict[str, Any]) -> bool:
    return any(
        one["type"] in {"Complete", "Failed"} and one["status"] == "True"
        for one in job.get("status", {}).get("conditions") or ()
    )


async def find_secrets(run: Run, cache: Cache, kube: Kube) -> None:
    """Look for the Secrets of a run, which are never listed, under the names that they can have."""
    secret = CHILDREN[Kind.SECRET]
    known = run.status.cluster.incarnation if run.status.cluster is not None else 0
    for incarnation in range(1, known + 1):
        try:
            body = await kube.get(secret, run.namespace, run.names.tls(incarnation))
        except NotFound:
            continue
        if is_ours(body, run):
            cache.put(body, Kind.SECRET)


def is_ours(body: dict[str, Any], run: Run) -> bool:
    """Say whether an object belongs to this very run, and not to a namesake."""
    owners = body["metadata"].get("ownerReferences") or ()
    return any(one["uid"] == run.uid and one["kind"] == RUNS.kind for one in owners)


async def fill(
    cache: Cache, kube: Kube, namespaces: tuple[str, ...], *, now: datetime
) -> tuple[set[str], list[str]]:
    """List everything that is watched into the cache.

    Returns:
        The uids of runs for which that was news, and the resources that are not defined here.
    """
    news: set[str] = set()
    missing: list[str] = []
    for resource in WATCHES:
        bodies: list[dict[str, Any]] = []
        version = 0
        places: tuple[str | None, ...] = (
            namespaces if resource.namespaced and namespaces else (None,)
        )
        try:
            for place in places:
                async for page in kube.pages(resource, place):
                    bodies += [slim(body, resource.kind) for body in page.get("items") or ()]
                    said = int(page["metadata"].get("resourceVersion") or 0)
                    # What changed after the first of several lists is left to the watch.
                    version = min(version, said) if version else said
        except NotFound:
            missing.append(f"{resource.plural}.{resource.group}")
            continue
        news |= cache.replace(resource.kind, bodies, version=version, now=now)
    return news, missing
