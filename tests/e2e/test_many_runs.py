"""Thirty runs at once on an API server of their own: all end right, quietly, and leave nothing.

The same as `make bench-operator` in small, beside the test cluster and without its nodes. kwok ends
the pods; the Dask controller is the real one, unmodified.
"""

from __future__ import annotations

import pytest

from cluster.handle import Cluster
from modelrun_operator.kube.resources import rights
from scale.lab import Lab, lab
from scale.timeline import read

RUNS = 30
MOST_WRITES = 40
"""Of one status in a whole life: every phase, its conditions, and some progress between them."""


@pytest.mark.timeout(300)
def test_thirty_runs_at_once_end_right_and_leave_nothing(cluster: Cluster) -> None:
    if cluster.provider.name != "native":
        pytest.skip("needs the programs that the native cluster is built of; kind brings none")
    names = [f"many{number:02}" for number in range(RUNS)]
    with lab(cluster.provider.home) as place:
        place.submit_all(names)
        place.until("Running", RUNS, limit=120)
        place.until_workers_have_run(RUNS, seconds=2, limit=60)
        place.end(names)
        place.until("Succeeded", RUNS, limit=120)

        for run in place.runs():
            status = run["status"]
            conditions = {c["type"]: c["status"] for c in status["conditions"]}
            assert conditions["Complete"] == conditions["Released"] == "True"
            assert status["fits"] == {
                "total": 1000, "done": 1000, "succeeded": 1000,
                "notConverged": 0, "failed": 0, "skipped": 0, "reused": 0,
            }  # fmt: skip
            assert status["attempts"] == status["cluster"]["incarnation"] == 1
            assert float(status["cost"]["soFar"]) >= 0
            assert status["cost"]["workerPodSeconds"] > 0

        assert leftovers(place) == {"configmaps": RUNS}, "only the logs outlive a run"
        log = read(place.plane.audit)

    assert not log.refused, "the operator asked for what it may not have"
    granted = {
        (group, resource): verbs
        for namespaced in (True, False)
        for (group, resource), verbs in rights(namespaced=namespaced).items()
    }
    for (verb, group, resource), count in log.calls.items():
        if resource:
            assert verb in granted[group, resource], (verb, group, resource, count)
    for name in names:
        assert len(log.lives[name].status_writes) <= MOST_WRITES
    made = {"jobs": 2 * RUNS, "daskclusters": RUNS, "secrets": RUNS, "networkpolicies": 3 * RUNS}
    for resource, count in made.items():
        calls = sum(
            number
            for (verb, _, plural), number in log.calls.items()
            if (verb, plural) == ("create", resource)
        )
        assert calls == count, "nothing is made twice"


def leftovers(place: Lab) -> dict[str, int]:
    """Count what carries the label of a run."""
    paths = {
        "configmaps": "/api/v1/configmaps",
        "secrets": "/api/v1/secrets",
        "pods": "/api/v1/pods",
        "services": "/api/v1/services",
        "jobs": "/apis/batch/v1/jobs",
        "deployments": "/apis/apps/v1/deployments",
        "replicasets": "/apis/apps/v1/replicasets",
        "networkpolicies": "/apis/networking.k8s.io/v1/networkpolicies",
        "daskclusters": "/apis/kubernetes.dask.org/v1/daskclusters",
        "daskworkergroups": "/apis/kubernetes.dask.org/v1/daskworkergroups",
    }
    selector = "?labelSelector=modelrun.dev/run-uid"
    found = {kind: len(place.items(path + selector)) for kind, path in paths.items()}
    return {kind: count for kind, count in found.items() if count}
