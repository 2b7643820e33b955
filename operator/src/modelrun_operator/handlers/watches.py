"""kopf's watches, which fill the caches and wake the loops; nothing else of kopf is used.

Only `on.event` handlers: they leave no annotation and no finalizer on any object. The names that
kopf would use for those are ours all the same, so that it can never meet another operator's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import kopf

from modelrun_api import identity
from modelrun_operator.handlers.loops import Loops
from modelrun_operator.kube.cache import Cache, run_of
from modelrun_operator.kube.client import PAGE_OBJECTS
from modelrun_operator.kube.resources import EVENTS, PROFILES, RUNS, WATCHES, Resource

FINALIZER: Final = f"{identity.GROUP}/operator"


class Nothing(kopf.AnnotationsDiffBaseStorage):
    """What kopf remembers of objects to find what changed: nothing, since no handler asks.

    Its own way copies every object of every event, several times.
    """

    def build(self, **_: Any) -> Any:
        """Return an object without anything that could change."""
        return {}

    def fetch(self, **_: Any) -> Any:
        """Return nothing: no object was ever handled."""
        return None


class Patience:
    """Waits between tries, in seconds, without an end: an API server comes back."""

    def __iter__(self) -> Iterator[float]:
        """Yield growing waits, and then the longest again and again."""
        return itertools.chain((1, 1, 2, 3, 5, 8), itertools.repeat(10))


def kopf_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: quiet, with names of our own, and lists filtered by the server."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = FINALIZER
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(
        prefix=f"operator.{identity.GROUP}"
    )
    settings.persistence.diffbase_storage = Nothing(prefix=f"operator.{identity.GROUP}")
    settings.posting.enabled = False
    settings.peering.standalone = True
    # Watching definitions and namespaces would need rights that nothing else needs.
    settings.scanning.disabled = True
    settings.networking.request_timeout = 30
    # Until then the last event of every object that changed stays in memory, whole.
    settings.queueing.idle_timeout = 0.5
    settings.networking.error_backoffs = Patience()
    settings.watching.chunk_size = PAGE_OBJECTS
    for resource in WATCHES:
        key = (resource.group, resource.version, resource.plural)
        if resource.selector:
            settings.watching.label_selectors[key] = resource.selector
        if resource.fields:
            settings.watching.field_selectors[key] = resource.fields
    return settings


def watch(
    registry: kopf.OperatorRegistry, cache: Cache, loops: Loops, now: Callable[[], datetime]
) -> None:
    """Register a handler for every resource that is watched."""
    for resource in WATCHES:
        _watch(registry, resource, cache, loops, now)


def _watch(
    registry: kopf.OperatorRegistry,
    resource: Resource,
    cache: Cache,
    loops: Loops,
    now: Callable[[], datetime],
) -> None:
    @kopf.on.event(
        resource.group,
        resource.version,
        resource.plural,
        registry=registry,
        id=f"see-{resource.plural}",
    )
    async def see(event: Any, **_: Any) -> None:
        body = event["object"]
        uid = body["metadata"]["uid"]
        if event["type"] == "DELETED":
            news = cache.drop(uid, resource.kind, now=now())
        else:
            news = cache.put(body, resource.kind)
        if news:
            _wake(resource, body, cache, loops)


def _wake(resource: Resource, body: dict[str, Any], cache: Cache, loops: Loops) -> None:
    match resource.kind:
        case RUNS.kind:
            loops.wake(body["metadata"]["uid"])
        case PROFILES.kind:
            for run in cache.runs():
                cluster = run.get("spec", {}).get("cluster") or {}
                if cluster.get("profileName") == body["metadata"]["name"]:
                    loops.wake(run["metadata"]["uid"])
        case EVENTS.kind:
            about = body.get("involvedObject", {}).get("uid", "")
            if (run_uid := cache.owner_of(about)) is not None:
                loops.wake(run_uid)
        case _:
            if (run_uid := run_of(body)) is not None:
                loops.wake(run_uid)
