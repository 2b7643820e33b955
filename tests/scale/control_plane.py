"""A control plane on loopback with ports, certificates and a folder of its own."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import wait_until
from cluster.command import tail
from cluster.native.api import Api
from cluster.native.certificates import Certificates
from cluster.native.kubeconfig import write_kubeconfig
from cluster.native.processes import Processes
from cluster.operator import NAMESPACE

HOST = "127.0.0.1"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:operator"

AUDITED = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "verbs": ["watch"]},
        {
            "level": "Metadata",
            "users": [OPERATOR],
        },
        {
            "level": "Metadata",
            "verbs": ["create", "patch", "update", "delete"],
            "resources": [
                {"group": "", "resources": ["pods", "pods/binding", "pods/status"]},
                {"group": "modelrun.dev", "resources": ["modelruns"]},
                {"group": "kubernetes.dask.org", "resources": ["daskclusters", "daskworkergroups"]},
            ],
        },
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True)
class BareControlPlane:
    """Everything of a cluster but nodes."""

    folder: Path
    """Where it keeps what it has."""

    binaries: Path
    """Where the programs of Kubernetes are."""

    processes: Processes
    """Its processes, found by their mark."""

    @classmethod
    def within(cls, folder: Path, binaries: Path) -> BareControlPlane:
        return cls(folder, binaries, Processes(folder, folder / "logs"))

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def certificates(self) -> Certificates:
        """Its certificates."""
        return Certificates(self.folder / "certificates")

    @property
    def audit(self) -> Path:
        """The audit log."""
        return self.folder / "audit.log"

    def start(self) -> Api:
        """Start etcd and the API server; return the administrator's connection once it is ready."""
        certificates = self.certificates
        certificates.issue_all()
        etcd, peer, port = free_ports(3)
        server = f"https://{HOST}:{port}"
        write_kubeconfig(self.kubeconfig, server, certificates, "admin")
        for part in ("kube-controller-manager", "kube-scheduler"):
            write_kubeconfig(self.folder / f"{part}.conf", server, certificates, part)
        (self.folder / "audit.json").write_text(json.dumps(AUDITED))
        self._start_etcd(etcd, peer)
        self._start_api_server(certificates, etcd, port)
        api = Api.of(self.kubeconfig)
        wait_until(
            "the API server is ready",
            api.ready,
            limit=120,
            guard=lambda: self.processes.require("etcd", "kube-apiserver"),
            explain=lambda: tail(self.processes.log("kube-apiserver")),
        )
        return api

    def _start_etcd(self, port: int, peer: int) -> None:
        client = f"http://{HOST}:{port}"
        self.processes.start(
            "etcd",
            [
                shutil.which("etcd") or "/usr/bin/etcd",
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls=http://{HOST}:{peer}",
                f"--initial-advertise-peer-urls=http://{HOST}:{peer}",
                f"--initial-cluster=default=http://{HOST}:{peer}",
                "--unsafe-no-fsync",
                "--quota-backend-bytes=4294967296",
                "--log-level=warn",
            ],
        )

    def _start_api_server(self, certificates: Certificates, etcd: int, port: int) -> None:
        crt, key = certificates.certificate, certificates.key
        self.processes.start(
            "kube-apiserver",
            [
                self.binaries / "kube-apiserver",
                f"--etcd-servers=http://{HOST}:{etcd}",
                f"--bind-address={HOST}",
                f"--secure-port={port}",
                # Loopback is no address for the Service `kubernetes`, which nobody needs here.
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=198.18.80.0/20",
                "--feature-gates=WatchList=false",
                "--authorization-mode=RBAC",
                # Its taint would be taken off by a controller that wants leases of nodes.
                "--disable-admission-plugins=TaintNodesByCondition",
                f"--client-ca-file={crt('ca')}",
                f"--tls-cert-file={crt('apiserver')}",
                f"--tls-private-key-file={key('apiserver')}",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                f"--service-account-key-file={certificates.folder / 'service-accounts.pub'}",
                f"--service-account-signing-key-file={key('service-accounts')}",
                f"--audit-policy-file={self.folder / 'audit.json'}",
                f"--audit-log-path={self.audit}",
                "--audit-log-mode=blocking",
            ],
        )

    def start_controllers(self) -> None:
        """Start the controller manager and the scheduler.

        A definition that comes after them is one whose children nobody deletes for half a minute:
        the garbage collector looks for new kinds that often.
        """
        certificates = self.certificates
        key = certificates.key
        self.processes.start(
            "kube-controller-manager",
            [
                self.binaries / "kube-controller-manager",
                f"--kubeconfig={self.folder / 'kube-controller-manager.conf'}",
                "--leader-elect=false",
                "--secure-port=0",
                "--use-service-account-credentials=true",
                f"--root-ca-file={certificates.certificate('ca')}",
                f"--service-account-private-key-file={key('service-accounts')}",
                # Nodes here have no leases to miss.
                "--controllers=*,-node-lifecycle-controller",
                "--kube-api-qps=300",
                "--kube-api-burst=600",
            ],
        )
        scheduler = self.folder / "kube-scheduler.conf"
        self.processes.start(
            "kube-scheduler",
            [
                self.binaries / "kube-scheduler",
                f"--kubeconfig={scheduler}",
                f"--authentication-kubeconfig={scheduler}",
                f"--authorization-kubeconfig={scheduler}",
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
            ],
        )

    def stop(self) -> None:
        """End every process that belongs to it; the folder is its caller's."""
        self.processes.stop()


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
