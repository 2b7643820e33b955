"""Worker groups that nobody owns, which would stay for ever.

The Dask controller makes the worker group of a cluster first, and makes the cluster its owner a
moment later. A cluster that is deleted in between, with its run or without, leaves a group that
Kubernetes' garbage collector does not know; the controller itself asks for its cluster once a
minute, without end. Nothing else of a run can be without an owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from modelrun_operator.core.snapshot import Kind
from modelrun_operator.errors import NotFound
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.resources import CHILDREN

PATIENCE: Final = timedelta(seconds=10)
"""How long the controller may take to make a cluster the owner of its group."""

CLUSTER_LABEL: Final = "dask.org/cluster-name"

Body = Mapping[str, Any]


def strays(cache: Cache, *, now: datetime) -> list[Body]:
    """Return the worker groups without an owner whose cluster is not known.

    Args:
        cache: what is known.
        now: the time.
    """
    clusters = {_place(one, one["metadata"]["name"]) for one in cache.all(Kind.DASK_CLUSTER)}
    return [
        group
        for group in cache.all(Kind.DASK_WORKER_GROUP)
        if not group["metadata"].get("ownerReferences")
        and "deletionTimestamp" not in group["metadata"]
        and now - datetime.fromisoformat(group["metadata"]["creationTimestamp"]) > PATIENCE
        and _place(group, _cluster(group)) not in clusters
    ]


async def remove(kube: Kube, group: Body) -> bool:
    """Delete a worker group, if its cluster is gone indeed; return whether it was.

    Raises:
        OperatorError: The API server cannot say, or does not let us.
    """
    metadata = group["metadata"]
    namespace = metadata["namespace"]
    try:
        await kube.get(CHILDREN[Kind.DASK_CLUSTER], namespace, _cluster(group))
    except NotFound:
        resource = CHILDREN[Kind.DASK_WORKER_GROUP]
        await kube.delete(resource, namespace, metadata["name"], metadata["uid"])
        return True
    return False


def _cluster(group: Body) -> str:
    return str((group["metadata"].get("labels") or {}).get(CLUSTER_LABEL, ""))


def _place(body: Body, name: str) -> tuple[str, str]:
    return body["metadata"]["namespace"], name
