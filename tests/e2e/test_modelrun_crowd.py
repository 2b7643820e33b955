"""Forty worker processes in one pod, some of which die: what is theirs alone is lost, and named."""

from __future__ import annotations

import json

import pytest

from cluster.handle import Cluster
from cluster.modelruns import Study, model_run, profile, results_claim, submit
from cluster.pods import python_pod

WORKERS = 40
KILLERS = 10

CROWD = """
import os, signal, time

ENDING = ["S1V1", "S1V3", "S1V5", "S3V1", "S3V3", "S3V5", "S5V1", "S5V3", "S5V5", "S1M1"]

def fit(frame):
    first = frame["date"].iloc[0].year < 1950
    portfolio = frame["portfolio"].iloc[0]
    if first and portfolio in ENDING:
        os.kill(os.getpid(), signal.SIGKILL)
    if first and portfolio == "S5M5":
        hoard = []
        while True:
            hoard.append(bytearray(b"x" * (16 << 20)))
            time.sleep(0.02)
    return {"mean": float(frame["excess"].mean())}
"""

FAILURES = """
import json
import pandas as pd
failures = pd.read_parquet("/results/PATH/failures.parquet")
fits = pd.read_parquet("/results/PATH/fits.parquet")
workers = pd.read_parquet("/results/PATH/fits.parquet", columns=["status"])
print(json.dumps({
    "reasons": {key: sorted(rows["portfolio"]) for key, rows in failures.groupby("reason")},
    "messages": sorted(set(failures.loc[failures["reason"] == "OutOfMemory", "message"])),
    "statuses": fits["status"].value_counts().to_dict(),
}))
"""


@pytest.mark.timeout(900)
def test_a_pod_of_forty_workers_outlives_ten_killers_and_one_hoarder(
    cluster: Cluster, namespace: str, image: str, operator: str
) -> None:
    assert operator
    shape = {
        "resources": {
            "requests": {"cpu": "100m", "memory": "2Gi"},
            # 340 MiB for each worker: a worker needs 150, and the hoarder passes the limit.
            "limits": {"memory": "14Gi"},
        },
        "scratch": {"size": "1Gi"},
    }
    crowded = profile(
        image,
        namespace,
        workersPerNode=WORKERS,
        limits={"nodes": 1, "workers": WORKERS, "hours": 1},
        worker=shape,
    )
    code = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "crowd-code"},
        "data": {"crowd.py": CROWD},
    }
    cluster.apply(crowded)
    cluster.apply(results_claim(), code, namespace=namespace)
    run = model_run(
        "study",
        models=[{"name": "mean", "callable": "crowd:fit"}],
        slices={"by": ["portfolio"], "window": {"column": "date", "size": 24, "step": 12}},
        code={"configMapName": "crowd-code"},
        cluster={"profileName": namespace, "nodes": 1, "minWorkers": "100%"},
        startupDeadlineSeconds=600,
    )
    study = submit(cluster, namespace, run)
    study.until("Running", limit=600)
    worker = study.pods("worker")[0]["metadata"]["name"]
    status = study.until("WindingDown", "Succeeded", limit=400)
    restarts = _restarts(cluster, namespace, worker)
    status = study.until("Succeeded", limit=200)

    assert status["cluster"]["workers"]["desired"] == WORKERS
    assert status["attempts"] == 1, study.told()
    assert restarts == 0, "the kubelet never saw any of it"
    fits = status["fits"]
    assert fits["failed"] == KILLERS + 1, study.told()
    assert fits["succeeded"] == fits["total"] - KILLERS - 1
    found = _failures(cluster, namespace, image)
    assert len(found["reasons"]["WorkerDied"]) == KILLERS
    assert found["reasons"]["OutOfMemory"] == ["S5M5"]
    assert "limit 340 MiB" in found["messages"][0]
    assert found["statuses"] == {"succeeded": fits["succeeded"], "failed": KILLERS + 1}
    assert not study.children()
    cluster.kubectl("delete", "modelrunprofile", namespace)


def _restarts(cluster: Cluster, namespace: str, pod: str) -> int:
    """Return how often the kubelet restarted a pod's containers; 0 when the pod is gone."""
    found = cluster.get("pod", pod, namespace) or {"status": {}}
    return sum(one["restartCount"] for one in found["status"].get("containerStatuses", []))


def _failures(cluster: Cluster, namespace: str, image: str) -> dict[str, dict[str, object]]:
    """Read the tables where they were stored, in a pod that sees the volume."""
    study = Study(cluster, namespace, "study")
    place = study.status()["results"]["uri"].removeprefix("pvc://results/")
    program = FAILURES.replace("PATH", place)
    pod = python_pod("reader", image, program, claims={"/results": "results"})
    cluster.apply(pod, namespace=namespace)
    cluster.wait_for_pod("reader", namespace, phases=("Succeeded",))
    found: dict[str, dict[str, object]] = json.loads(cluster.logs("reader", namespace))
    return found
