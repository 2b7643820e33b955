"""Hundreds of nodes and thousands of pods for the control side, without their kubelets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster.handle import Cluster, milli
from cluster.pool import SELECTOR, TOLERATION, fake_pool

NODES = 200
PODS = 2000


@pytest.mark.timeout(1000)
def test_two_thousand_pods_run_on_two_hundred_fake_nodes(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    container: dict[str, Any] = {
        "name": "worker",
        "image": "none",
        "resources": {"requests": {"cpu": "8"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    template = {
        "metadata": {"labels": {"app": "many"}},
        "spec": {
            "nodeSelector": SELECTOR,
            "tolerations": [TOLERATION],
            "automountServiceAccountToken": False,
            "containers": [container],
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        },
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": PODS,
            "selector": {"matchLabels": {"app": "many"}},
            "template": template,
        },
    }
    with fake_pool(cluster, NODES, tmp_path / "kwok.log"):
        size = cluster.list("nodes", selector="eks.amazonaws.com/nodegroup=fake-c5-24xlarge")
        assert len(size) == NODES
        assert milli(size[0]["status"]["allocatable"]["cpu"]) == 96_000
        cluster.apply(deployment, namespace=namespace)

        def running() -> bool:
            found = cluster.get("deployment", "many", namespace) or {}
            if found["status"].get("readyReplicas", 0) < 0.9 * PODS:
                return False
            # Where a node's heartbeat is late its pods are marked, and a kubelet takes that back; a
            # fake one does not, so that not all pods need to be ready.
            pods = cluster.list("pods", namespace, "app=many")
            return [pod["status"]["phase"] for pod in pods] == ["Running"] * PODS

        cluster.wait(f"{PODS} pods run", running, limit=480)
        cluster.kubectl("delete", "deployment", "many", "--wait=true", namespace=namespace)
        cluster.wait(
            "all pods are gone",
            lambda: not cluster.list("pods", namespace, "app=many"),
            limit=480,
        )
