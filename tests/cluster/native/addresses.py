"""Names, addresses and labels of the native cluster, all in one place.

The addresses are those set aside for benchmarks (RFC 2544): no home, office or VPN uses them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

BRIDGE = "modelrun0"
HOST = "198.18.77.1"
PREFIX = 24
POD_RANGE = "198.18.128.0/17"
SERVICE_RANGE = "198.18.96.0/20"
KUBERNETES_SERVICE = "198.18.96.1"
DNS_SERVICE = "198.18.96.10"
CGROUP = "modelrun-cluster"


def port(variable: str, usual: int) -> int:
    """Return the port named by an environment variable, or the usual one."""
    return int(os.environ.get(variable) or usual)


@dataclass(frozen=True, slots=True)
class Ports:
    """What listens on this machine: the control plane. Everything else has its own network."""

    api: int
    etcd: int
    etcd_peer: int
    registry: int

    @classmethod
    def chosen(cls) -> Ports:
        return cls(
            api=port("MODELRUN_CLUSTER_API_PORT", 6443),
            etcd=port("MODELRUN_CLUSTER_ETCD_PORT", 12379),
            etcd_peer=port("MODELRUN_CLUSTER_ETCD_PEER_PORT", 12380),
            registry=port("MODELRUN_CLUSTER_REGISTRY_PORT", 15000),
        )


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """One node: its name, where it is reached, and the addresses of its pods."""

    name: str
    address: str
    pods: str
    zone: str

    @property
    def link(self) -> str:
        """The machine's end of the cable to this node."""
        return f"mr-{self.name}"

    @property
    def cgroup(self) -> str:
        return f"/{CGROUP}/{self.name}"

    @property
    def labels(self) -> dict[str, str]:
        """What an EKS node group of c5.24xlarge puts on its nodes."""
        return {
            "node.kubernetes.io/instance-type": "c5.24xlarge",
            "eks.amazonaws.com/nodegroup": "c5-24xlarge",
            "eks.amazonaws.com/capacityType": "ON_DEMAND",
            "topology.kubernetes.io/region": "eu-central-1",
            "topology.kubernetes.io/zone": self.zone,
        }


NODES = (
    NodeAddress("node-1", "198.18.77.11", "198.18.129.0/24", "eu-central-1a"),
    NodeAddress("node-2", "198.18.77.12", "198.18.130.0/24", "eu-central-1b"),
)
