"""The last lines of a run's pods, kept in one ConfigMap that lives as long as the run."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from modelrun_operator.core.actions import KeepLogs
from modelrun_operator.core.reading import LOGS_ANNOTATION
from modelrun_operator.core.snapshot import Kind, Ref
from modelrun_operator.errors import NotFound, Refused, WorldNotReady
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.observe import is_ours
from modelrun_operator.kube.resources import CHILDREN
from modelrun_operator.manifests.metadata import object_metadata
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

MOST_BYTES: Final = 500_000
"""A ConfigMap holds one MiB, and a request three: in JSON a control character takes six bytes."""

LOG_SECONDS: Final = 3
"""How long one log may take: workers cost until they are read."""


async def keep_logs(
    action: KeepLogs, run: Run, kube: Kube, cache: Cache, settings: Settings
) -> None:
    """Read the logs of pods into the run's ConfigMap; what it holds of others stays.

    A pod that is gone or never started has no log, and is passed over.
    """
    each = MOST_BYTES // max(1, len(action.pods))
    texts = await asyncio.gather(
        *(_tail(kube, run, ref, lines=settings.log_lines, most_bytes=each) for ref in action.pods)
    )
    fresh = {
        ref.name + ".log": _end_of(text, most_bytes=each)
        for ref, text in zip(action.pods, texts, strict=True)
        if text
    }
    resource = CHILDREN[Kind.CONFIG_MAP]
    name = run.names.logs
    try:
        before = await kube.get(resource, run.namespace, name)
    except NotFound:
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": object_metadata(run, name, annotations={LOGS_ANNOTATION: action.marker}),
            "data": fresh,
        }
        cache.put(await kube.create(resource, body), Kind.CONFIG_MAP)
        return
    if not is_ours(before, run):
        raise Refused(f"configmaps {name!r} already exists and belongs to something else")
    change = {
        "metadata": {
            "uid": before["metadata"]["uid"],
            "annotations": {LOGS_ANNOTATION: action.marker},
        },
        "data": _merged(before.get("data") or {}, fresh),
    }
    cache.put(await kube.patch(resource, run.namespace, name, change), Kind.CONFIG_MAP)


def _merged(before: dict[str, str], fresh: dict[str, str]) -> dict[str, Any]:
    """Return the change of the data: the fresh texts, and None for old ones without room."""
    change: dict[str, Any] = dict(fresh)
    room = MOST_BYTES - sum(len(text.encode()) for text in fresh.values())
    for name in before.keys() - fresh.keys():
        room -= len(before[name].encode())
        if room < 0:
            change[name] = None
    return change


def _end_of(text: str, *, most_bytes: int) -> str:
    """Return the end of a text that takes at most some bytes; what is no text counts threefold."""
    return text.encode()[-most_bytes:].decode(errors="ignore")


async def _tail(kube: Kube, run: Run, ref: Ref, *, lines: int, most_bytes: int) -> str:
    try:
        return await kube.log_tail(
            CHILDREN[Kind.POD],
            run.namespace,
            ref.name,
            lines=lines,
            most_bytes=most_bytes,
            seconds=LOG_SECONDS,
        )
    except (NotFound, Refused):
        return ""
    except WorldNotReady as error:
        # Most likely its node is away. The others' logs, and the cluster's end, do not wait for it.
        return f"(the log could not be read: {error})\n"
