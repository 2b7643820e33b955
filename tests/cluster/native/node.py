"""One node: namespaces with a containerd, a kubelet and a kube-proxy of their own in them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import wait_until
from cluster.command import run, tail
from cluster.native import cgroups, network
from cluster.native.addresses import DNS_SERVICE, HOST, POD_RANGE, NodeAddress, Ports
from cluster.native.certificates import Certificates
from cluster.native.kubeconfig import write_kubeconfig
from cluster.native.processes import Process, Processes

FIRST_PROCESS = "node"
DAEMONS = ("containerd", "kubelet", "kube-proxy")

# Folders that containerd, kubelet and kube-proxy share with whoever else runs on the machine:
# each node gets its own, in memory. /run also holds the lock of iptables and the sockets of shims.
PRIVATE_FOLDERS = ("/run", "/var/log", "/var/lib/kubelet")

# Whatever registry an image's name says, the machine's own is asked.
ANY_REGISTRY = ("_default", "docker.io")
MEMORY_THRESHOLD = "100Mi"

# The last thing that containerd says before it answers kubelets.
CRI_STARTED = b"Start streaming server"


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the native cluster.

    Attributes:
        address: Its name and addresses.
        folder: Its files, deleted with the cluster.
        store: Images and snapshots of its containerd, kept for the next cluster. Containers of
            an earlier one are in it too, and dead: the kubelet clears them away, as after a boot.
        binaries: Where kubelet and kube-proxy are.
        pause: The first process of the node, a static binary.
        pause_image: The image of the first process of each pod.
        server: URL of the API server.
        ports: For the registry.
    """

    address: NodeAddress
    folder: Path
    store: Path
    binaries: Path
    pause: Path
    pause_image: str
    server: str
    ports: Ports
    certificates: Certificates
    processes: Processes

    def role(self, part: str) -> str:
        return f"{self.address.name}-{part}"

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.role(part) for part in (FIRST_PROCESS, *DAEMONS))

    @property
    def socket(self) -> Path:
        return self.folder / "containerd.sock"

    def start(self) -> None:
        """Make the namespaces and start the daemons in them; they join by themselves."""
        cgroups.create(self.address)
        first = self._make_namespaces()
        network.connect(self.address, first.pid)
        self._write_files()
        within = ["nsenter", "--target", str(first.pid), "--net", "--mount", "--pid"]
        log = self.processes.log(self.role("containerd"))
        before = log.stat().st_size if log.exists() else 0
        self.processes.start(
            self.role("containerd"),
            ["containerd", "--config", self.folder / "containerd.toml"],
            within=within,
        )
        wait_until(
            f"containerd of {self.address.name} answers",
            # The socket is there before what a kubelet asks for, and a kubelet asks only once.
            lambda: self.socket.exists() and CRI_STARTED in log.read_bytes()[before:],
            limit=60,
            every=0.05,
            guard=lambda: self.processes.require(self.role("containerd")),
            explain=lambda: tail(log),
        )
        self.start_kubelet()
        self.processes.start(
            self.role("kube-proxy"),
            [self.binaries / "kube-proxy", f"--config={self.folder / 'kube-proxy.json'}"],
            within=within,
        )

    def lose(self) -> None:
        """End the node as a power cut would: no pod, mount or link of it is left."""
        self.processes.stop(self.roles)
        network.disconnect(self.address)

    def start_kubelet(self, memory_threshold: str = MEMORY_THRESHOLD) -> None:
        """Start the kubelet, in place of one that runs.

        Args:
            memory_threshold: Evict pods when less memory than this is available on the machine.
        """
        first = self.processes.find(self.role(FIRST_PROCESS))
        self.processes.require(self.role(FIRST_PROCESS))
        assert first is not None
        self.processes.stop([self.role("kubelet")])
        self._write_kubelet(memory_threshold)
        self.processes.start(
            self.role("kubelet"),
            [
                self.binaries / "kubelet",
                f"--config={self.folder / 'kubelet.json'}",
                f"--kubeconfig={self.folder / 'kubelet.conf'}",
                f"--root-dir={self.folder / 'kubelet'}",
                f"--cert-dir={self.folder / 'kubelet' / 'pki'}",
                f"--hostname-override={self.address.name}",
                f"--node-ip={self.address.address}",
                "--node-labels=" + ",".join(f"{k}={v}" for k, v in self.address.labels.items()),
            ],
            within=["nsenter", "--target", str(first.pid), "--net", "--mount", "--pid"],
        )

    def _make_namespaces(self) -> Process:
        first = self.processes.start(
            self.role(FIRST_PROCESS),
            [self.pause],
            within=[
                "unshare",
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child=KILL",
                "--mount-proc",
            ],
        )
        within = ["nsenter", "--target", str(first.pid), "--mount", "--pid"]
        for folder in PRIVATE_FOLDERS:
            Path(folder).mkdir(parents=True, exist_ok=True)
            run([*within, "mount", "-t", "tmpfs", "-o", "mode=755", "modelrun", folder])
        # Volumes that a pod mounts for others reach them through shared mounts.
        run([*within, "mount", "--make-rshared", "/"])
        return first

    def _write_files(self) -> None:
        name, folder = self.address.name, self.folder
        for part in ("kubelet/pki", "cni", "pods"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.store.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        (folder / "resolv.conf").write_text("")
        registry = f"http://{HOST}:{self.ports.registry}"
        for host in ANY_REGISTRY:
            (folder / "registry" / host).mkdir(parents=True, exist_ok=True)
            (folder / "registry" / host / "hosts.toml").write_text(
                f'server = "{registry}"\n[host."{registry}"]\ncapabilities = ["pull", "resolve"]\n'
            )
        (folder / "containerd.toml").write_text(self._containerd())
        # Point-to-point cables, not a bridge: all traffic of pods is routed, so Services work
        # without the kernel filtering bridged packets.
        (folder / "cni" / "10-pods.conflist").write_text(
            json.dumps(
                {
                    "cniVersion": "0.4.0",
                    "name": "pods",
                    "plugins": [
                        {
                            "type": "ptp",
                            "ipMasq": False,
                            "ipam": {
                                "type": "host-local",
                                "dataDir": str(folder / "cni-leases"),
                                "ranges": [[{"subnet": self.address.pods}]],
                                "routes": [{"dst": "0.0.0.0/0"}],
                            },
                        },
                        {"type": "portmap", "capabilities": {"portMappings": True}},
                    ],
                }
            )
        )
        shutil.rmtree(folder / "cni-leases", ignore_errors=True)
        write_kubeconfig(folder / "kubelet.conf", self.server, self.certificates, name)
        write_kubeconfig(folder / "kube-proxy.conf", self.server, self.certificates, "kube-proxy")
        (folder / "kube-proxy.json").write_text(
            json.dumps(
                {
                    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                    "kind": "KubeProxyConfiguration",
                    "clientConnection": {"kubeconfig": str(folder / "kube-proxy.conf")},
                    "hostnameOverride": name,
                    "mode": "iptables",
                    "clusterCIDR": POD_RANGE,
                    # These are settings of the whole machine.
                    "conntrack": {
                        "maxPerCore": 0,
                        "min": 0,
                        "tcpEstablishedTimeout": "0s",
                        "tcpCloseWaitTimeout": "0s",
                    },
                    "iptables": {"syncPeriod": "30s", "minSyncPeriod": "0.2s"},
                }
            )
        )

    def _containerd(self) -> str:
        cri = 'plugins."io.containerd.grpc.v1.cri"'
        return f"""\
version = 2
root = "{self.store}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{self.socket}"

[{cri}]
sandbox_image = "{self.pause_image}"
# Without CAP_SYS_RESOURCE runc may not lower this value, and dies when it tries.
restrict_oom_score_adj = true
disable_tcp_service = true

[{cri}.containerd]
snapshotter = "overlayfs"
discard_unpacked_layers = true

[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{cri}.containerd.runtimes.runc.options]
SystemdCgroup = false

[{cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{self.folder / "cni"}"

[{cri}.registry]
config_path = "{self.folder / "registry"}"
"""

    def _write_kubelet(self, memory_threshold: str) -> None:
        certificates, name = self.certificates, self.address.name
        content = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(certificates.certificate("ca"))},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(certificates.certificate(name)),
            "tlsPrivateKeyFile": str(certificates.key(name)),
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.address.cgroup,
            "clusterDNS": [DNS_SERVICE],
            "clusterDomain": "cluster.local",
            "resolvConf": str(self.folder / "resolv.conf"),
            "podLogsDir": str(self.folder / "pods"),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            "failSwapOn": False,
            "podPidsLimit": 4096,
            "serializeImagePulls": False,
            "nodeStatusUpdateFrequency": "4s",
            "evictionPressureTransitionPeriod": "10s",
            "evictionHard": {
                "memory.available": memory_threshold,
                "nodefs.available": "1Gi",
                "nodefs.inodesFree": "1%",
                "imagefs.available": "1Gi",
                "imagefs.inodesFree": "1%",
            },
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
        }
        (self.folder / "kubelet.json").write_text(json.dumps(content, indent=1))

    def pull(self, reference: str, available: Collection[str]) -> None:
        """Bring an image of the machine's registry onto the node ahead of the first pod.

        Args:
            reference: The image.
            available: What the registry has under the same name; the node forgets all others.
        """
        begin = time.monotonic()
        images: list[str | Path] = [
            "ctr",
            "--address",
            self.socket,
            "--namespace",
            "k8s.io",
            "images",
        ]
        prefix = "docker.io/library/"
        run(
            [
                *images,
                "pull",
                "--hosts-dir",
                self.folder / "registry",
                "--snapshotter",
                "overlayfs",
                prefix + reference,
            ],
            limit=300,
        )
        name = reference.partition(":")[0]
        for listed in run([*images, "list", "--quiet"]).stdout.split():
            short = listed.removeprefix(prefix)
            if short.startswith(f"{name}:") and short not in available:
                run([*images, "remove", listed], check=False)
        took = time.monotonic() - begin
        print(f"{took:7.1f} s  {reference} on {self.address.name}", flush=True)
