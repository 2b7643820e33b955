"""Worker groups that the Dask controller left without an owner, and those that only seem so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelrun_api.identity import RUN_UID_LABEL
from modelrun_operator.core.snapshot import Kind
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.strays import CLUSTER_LABEL, strays
from support.world import START, UID


def a_body(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    labels = {RUN_UID_LABEL: UID, CLUSTER_LABEL: "study-1"}
    return {
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "lab",
            "uid": f"uid-{kind}",
            "resourceVersion": "7",
            "creationTimestamp": START.isoformat(),
            "labels": labels,
            **metadata,
        },
        "spec": {},
    }


def found(*, later: int = 60, cluster: str | None = None, **metadata: Any) -> list[str]:
    cache = Cache()
    cache.put(a_body("DaskWorkerGroup", "study-1-default", **metadata), Kind.DASK_WORKER_GROUP)
    if cluster is not None:
        cache.put(a_body("DaskCluster", cluster), Kind.DASK_CLUSTER)
    left = strays(cache, now=START + timedelta(seconds=later))
    return [group["metadata"]["name"] for group in left]


def test_a_group_without_owner_and_cluster_is_a_stray() -> None:
    assert found() == ["study-1-default"]
    assert found(cluster="study-2") == ["study-1-default"]


@pytest.mark.parametrize(
    "why",
    [
        {"cluster": "study-1"},
        {"later": 5},
        {"ownerReferences": [{"kind": "DaskCluster", "name": "study-1", "uid": "u"}]},
        {"deletionTimestamp": START.isoformat()},
    ],
    ids=["its cluster is there", "just made", "the collector knows it", "already going"],
)
def test_no_other_group_is(why: dict[str, Any]) -> None:
    assert found(**why) == []
