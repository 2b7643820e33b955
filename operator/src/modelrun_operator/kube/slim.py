"""What the caches keep of an object: the fields that somebody reads, and no more.

A DaskCluster with its pod specs takes tens of kilobytes, most of them managed fields; five hundred
runs have some three thousand children. Secrets keep nothing but their metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelrun_api import identity
from modelrun_operator.core.snapshot import Kind

_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "ownerReferences",
    "finalizers",
)
_WHOLE: Final = frozenset({identity.RUN_KIND, identity.PROFILE_KIND, "Event"})
_STATUS: Final = frozenset({Kind.POD, Kind.JOB, Kind.DEPLOYMENT, Kind.DASK_CLUSTER})
_OUR_ANNOTATIONS: Final = f"{identity.GROUP}/"


def slim(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return what is kept of an object.

    Args:
        body: the object.
        kind: its kind, which items of a list do not say.
    """
    metadata = body["metadata"]
    kept: dict[str, Any] = {"kind": kind, "metadata": _metadata(metadata)}
    if kind in _WHOLE:
        return {
            **{key: value for key, value in body.items() if key not in {"kind", "metadata"}},
            **kept,
        }
    if kind in _STATUS:
        kept["status"] = body.get("status") or {}
    if kind == Kind.DASK_CLUSTER:
        worker = body.get("spec", {}).get("worker", {})
        kept["spec"] = {"worker": {"replicas": worker.get("replicas", 0)}}
    return kept


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: metadata[key] for key in _METADATA if key in metadata}
    ours = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(_OUR_ANNOTATIONS)
    }
    if ours:
        kept["annotations"] = ours
    return kept
