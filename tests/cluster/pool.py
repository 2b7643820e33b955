"""A pool of nodes that exist only in the API server, for tests of the control side at scale.

kwok plays their kubelets: nodes stay Ready, pods bound to them start at once and end when told.
They carry the labels of a node group of their own and a taint, so no real pod lands there.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.clock import wait_until
from cluster.command import tail
from cluster.errors import ClusterError
from cluster.handle import Cluster
from cluster.home import SOURCE

NODE_GROUP = "fake-c5-24xlarge"
SELECTOR = {"eks.amazonaws.com/nodegroup": NODE_GROUP}
TOLERATION = {"key": "kwok.x-k8s.io/node", "operator": "Exists"}


@contextlib.contextmanager
def fake_pool(cluster: Cluster, nodes: int, log: Path) -> Iterator[None]:
    """Have `nodes` fake nodes of 96 CPUs and 185 GiB for as long as the body runs.

    Pods reach them by the node selector `SELECTOR` and the toleration `TOLERATION`.
    """
    _remove_nodes(cluster)
    with log.open("w") as output:
        kwok = subprocess.Popen(
            [
                str(cluster.provider.kwok()),
                f"--config={SOURCE / 'stages.yaml'}",
                f"--kubeconfig={cluster.kubeconfig}",
                f"--manage-nodes-with-label-selector=eks.amazonaws.com/nodegroup={NODE_GROUP}",
                "--cidr=198.19.0.0/16",
                # Without leases a node is taken for lost after a quarter of a minute.
                "--node-lease-duration-seconds=12",
                "--v=WARN",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd="/",
        )
    try:
        items = [_node(number) for number in range(nodes)]
        whole = {"apiVersion": "v1", "kind": "List", "items": items}
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(whole), limit=120)

        def guard() -> None:
            if kwok.poll() is not None:
                raise ClusterError(f"kwok ended with code {kwok.returncode}:\n{tail(log)}")

        wait_until(
            f"{nodes} fake nodes are Ready",
            lambda: _ready(cluster) == nodes,
            limit=120,
            every=1,
            guard=guard,
            explain=lambda: tail(log),
        )
        yield
    finally:
        try:
            _remove_nodes(cluster)
        finally:
            kwok.terminate()
            kwok.wait(timeout=20)


def _remove_nodes(cluster: Cluster) -> None:
    """Remove the pool's nodes, those of an interrupted test too; their pods go with them."""
    group = f"--selector=eks.amazonaws.com/nodegroup={NODE_GROUP}"
    cluster.kubectl("delete", "nodes", group, "--wait=false", limit=120)


def _ready(cluster: Cluster) -> int:
    listed = cluster.list("nodes", selector=f"eks.amazonaws.com/nodegroup={NODE_GROUP}")
    return sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        for node in listed
        if node["status"].get("conditions")
    )


def _node(number: int) -> dict[str, Any]:
    name = f"fake-{number:04}"
    size = {"cpu": "96", "memory": "185Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                **SELECTOR,
                "kubernetes.io/hostname": name,
                "node.kubernetes.io/instance-type": "c5.24xlarge",
                "topology.kubernetes.io/region": "eu-central-1",
                "topology.kubernetes.io/zone": f"eu-central-1{'abc'[number % 3]}",
            },
        },
        "spec": {
            "taints": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]
        },
        "status": {"allocatable": size, "capacity": size},
    }
