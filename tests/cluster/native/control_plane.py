"""etcd, API server, controller manager and scheduler: processes of this machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import wait_until
from cluster.command import tail
from cluster.native.addresses import HOST, POD_RANGE, SERVICE_RANGE, Ports
from cluster.native.api import Api
from cluster.native.certificates import Certificates
from cluster.native.kubeconfig import write_kubeconfig
from cluster.native.processes import Processes

ROLES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The control plane in the folder `run`, with the binaries of `kubernetes`."""

    run: Path
    kubernetes: Path
    certificates: Certificates
    ports: Ports
    processes: Processes

    @property
    def server(self) -> str:
        return f"https://{HOST}:{self.ports.api}"

    def start(self, kubeconfig: Path) -> None:
        """Start everything and wait until the API server is ready; about 5 seconds."""
        self.certificates.issue_all()
        write_kubeconfig(kubeconfig, self.server, self.certificates, "admin")
        self._start_etcd()
        self._start_api_server()
        for part in ("kube-controller-manager", "kube-scheduler"):
            write_kubeconfig(self.run / f"{part}.conf", self.server, self.certificates, part)
        api = Api.of(kubeconfig)
        wait_until(
            "the API server is ready",
            api.ready,
            limit=90,
            guard=lambda: self.processes.require("etcd", "kube-apiserver"),
            explain=lambda: tail(self.processes.log("kube-apiserver")),
        )
        self._start_controllers()

    def _start_etcd(self) -> None:
        client = f"http://127.0.0.1:{self.ports.etcd}"
        peer = f"http://127.0.0.1:{self.ports.etcd_peer}"
        self.processes.start(
            "etcd",
            [
                shutil.which("etcd") or "/usr/bin/etcd",
                f"--data-dir={self.run / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
                "--auto-compaction-mode=periodic",
                "--auto-compaction-retention=10m",
                "--quota-backend-bytes=4294967296",
                "--log-level=warn",
            ],
            env={"GOMAXPROCS": "2"},
        )

    def _start_api_server(self) -> None:
        crt, key = self.certificates.certificate, self.certificates.key
        self.processes.start(
            "kube-apiserver",
            [
                self.kubernetes / "kube-apiserver",
                f"--etcd-servers=http://127.0.0.1:{self.ports.etcd}",
                f"--bind-address={HOST}",
                f"--advertise-address={HOST}",
                f"--secure-port={self.ports.api}",
                f"--service-cluster-ip-range={SERVICE_RANGE}",
                "--allow-privileged=true",
                # Needs a newer etcd than Debian's; clients fall back to list and watch.
                "--feature-gates=WatchList=false",
                "--anonymous-auth=true",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                f"--client-ca-file={crt('ca')}",
                f"--tls-cert-file={crt('apiserver')}",
                f"--tls-private-key-file={key('apiserver')}",
                f"--kubelet-certificate-authority={crt('ca')}",
                f"--kubelet-client-certificate={crt('apiserver-kubelet')}",
                f"--kubelet-client-key={key('apiserver-kubelet')}",
                # Nobody resolves the names of the nodes.
                "--kubelet-preferred-address-types=InternalIP",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                f"--service-account-key-file={self.certificates.folder / 'service-accounts.pub'}",
                f"--service-account-signing-key-file={key('service-accounts')}",
                # Pods leave a lost node after half a minute, not after the usual five.
                "--default-not-ready-toleration-seconds=30",
                "--default-unreachable-toleration-seconds=30",
            ],
        )

    def _start_controllers(self) -> None:
        crt, key = self.certificates.certificate, self.certificates.key
        self.processes.start(
            "kube-controller-manager",
            [
                self.kubernetes / "kube-controller-manager",
                f"--kubeconfig={self.run / 'kube-controller-manager.conf'}",
                "--leader-elect=false",
                "--secure-port=0",
                "--use-service-account-credentials=true",
                f"--root-ca-file={crt('ca')}",
                f"--service-account-private-key-file={key('service-accounts')}",
                f"--cluster-signing-cert-file={crt('ca')}",
                f"--cluster-signing-key-file={key('ca')}",
                f"--cluster-cidr={POD_RANGE}",
                "--allocate-node-cidrs=false",
                # A lost node is noticed after 16 seconds instead of 50.
                "--node-monitor-period=2s",
                "--node-monitor-grace-period=16s",
                "--kube-api-qps=100",
                "--kube-api-burst=200",
            ],
        )
        self.processes.start(
            "kube-scheduler",
            [
                self.kubernetes / "kube-scheduler",
                f"--kubeconfig={self.run / 'kube-scheduler.conf'}",
                f"--authentication-kubeconfig={self.run / 'kube-scheduler.conf'}",
                f"--authorization-kubeconfig={self.run / 'kube-scheduler.conf'}",
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
            ],
        )
