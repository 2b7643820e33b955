"""The faults that tests can ask for are real: a node lost, full, short of memory, closed."""

from __future__ import annotations

from cluster.handle import Cluster, is_ready
from cluster.pods import python_pod

SLEEP = "import time; time.sleep(600)"


def test_a_lost_node_is_noticed_and_comes_back(
    cluster: Cluster, namespace: str, image: str
) -> None:
    lost = cluster.nodes[1]
    cluster.apply(python_pod("victim", image, SLEEP, node=lost), namespace=namespace)
    cluster.wait_for_pod("victim", namespace, limit=120)
    with cluster.lost_node(lost):

        def unknown() -> bool:
            return not is_ready(cluster.get("node", lost) or {})

        cluster.wait(f"{lost} is noticed to be gone", unknown, limit=60)
    assert is_ready(cluster.get("node", lost) or {})
    cluster.apply(python_pod("next", image, "print('alive')", node=lost), namespace=namespace)
    cluster.wait_for_pod("next", namespace, phases=["Succeeded"], limit=120)


def test_a_node_short_of_memory_evicts_its_pods(
    cluster: Cluster, namespace: str, image: str
) -> None:
    node = cluster.nodes[1]
    cluster.apply(python_pod("heavy", image, SLEEP, node=node), namespace=namespace)
    cluster.wait_for_pod("heavy", namespace, limit=120)
    with cluster.memory_pressure(node):
        cluster.wait_for_pod("heavy", namespace, phases=["Failed"], limit=90)
    pod = cluster.get("pod", "heavy", namespace) or {}
    assert pod["status"]["reason"] == "Evicted"


def test_a_full_cluster_leaves_a_pod_pending(cluster: Cluster, namespace: str, image: str) -> None:
    asks = {"resources": {"requests": {"cpu": "500m"}}}
    first, second = cluster.nodes
    with cluster.filled_node(first, namespace), cluster.no_scheduling(second):
        cluster.apply(python_pod("waits", image, "", container=asks), namespace=namespace)

        def why() -> str:
            pod = cluster.get("pod", "waits", namespace) or {}
            conditions = pod["status"].get("conditions", [])
            return next((c["message"] for c in conditions if c["type"] == "PodScheduled"), "")

        message = cluster.wait("the scheduler says why", why)
        assert "Insufficient cpu" in message
        assert "unschedulable" in message
    cluster.wait_for_pod("waits", namespace, phases=["Succeeded"], limit=90)
