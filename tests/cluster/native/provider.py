"""The native provider: puts control plane, nodes and additions together, and takes them apart."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template

from cluster.clock import step, wait_until
from cluster.command import run, tail
from cluster.errors import ClusterError
from cluster.home import SOURCE, Home, content_hash
from cluster.native import leftovers, network, preconditions, sysctl
from cluster.native.addresses import DNS_SERVICE, HOST, NODES, Ports
from cluster.native.api import Api
from cluster.native.binaries import built
from cluster.native.certificates import Certificates
from cluster.native.control_plane import ROLES, ControlPlane
from cluster.native.images import references, write_binary_image
from cluster.native.node import Node
from cluster.native.processes import Process, Processes
from cluster.native.volumes import CLASS
from cluster.provider import BuiltImage, Status, Tools

MANIFESTS = SOURCE / "native" / "manifests"


class NativeProvider:
    """Kubernetes started from binaries built here; see the package for how."""

    name = "native"
    nodes: tuple[str, ...] = tuple(node.name for node in NODES)
    storage_class = CLASS

    def __init__(self, home: Home) -> None:
        self.home = home
        self.ports = Ports.chosen()
        self.processes = Processes(home.root, home.logs)

    # -- the cluster as a whole ---------------------------------------------------------------

    def prepare(self) -> None:
        preconditions.require_root()
        with self.home.locked("packages"):
            preconditions.require_tools()

    def up(self) -> None:
        preconditions.require_root()
        with self.home.locked():
            if self._current() and not self._problems():
                print(f"taking over the healthy cluster in {self.home.root}", flush=True)
                return
            self.prepare()
            kubernetes = built(self.home, "kubernetes")
            pause, coredns = built(self.home, "pause"), built(self.home, "coredns")
            if not self.status().empty or self.home.run.exists():
                with step("what was left of an earlier cluster removed"):
                    self._remove()
            preconditions.require_ports(self.ports)
            try:
                self._start(kubernetes, pause / "pause", coredns / "coredns")
            except BaseException:
                self._remove(keep_logs=True)
                raise

    def down(self) -> None:
        preconditions.require_root()
        with self.home.locked():
            self._remove()
            left = self.status().found
            if left:
                raise ClusterError("could not be removed:\n" + "\n".join(f"  {x}" for x in left))

    def status(self) -> Status:
        found = leftovers.find(self.processes, self.home)
        problems = self._problems() if found else ()
        stale = bool(found) and not self._current()
        return Status(self.name, bool(found) and not problems, found, problems, stale)

    def _current(self) -> bool:
        """Whether the running cluster is the one these sources describe."""
        description = self.home.run / "description"
        return description.exists() and description.read_text() == self._description()

    def _description(self) -> str:
        return content_hash([SOURCE / "native", SOURCE / "go"], repr(self.ports))

    def _roles(self) -> tuple[str, ...]:
        nodes = [role for node in self._nodes(Path(), Path(), "") for role in node.roles]
        return ("registry", *ROLES, "volumes", *nodes)

    def _problems(self) -> tuple[str, ...]:
        running = {p.role for p in self.processes.all()}
        missing = [f"{role} is not running" for role in self._roles() if role not in running]
        if not self.home.kubeconfig.exists():
            missing.append(f"{self.home.kubeconfig} is missing")
        if not missing and not Api.of(self.home.kubeconfig).ready():
            missing.append("the API server is not ready")
        return tuple(missing)

    def _start(self, kubernetes: Path, pause: Path, coredns: Path) -> None:
        self.home.run.mkdir(parents=True)
        self.home.logs.mkdir()
        sysctl.remember(self.home.run)
        pause_image = write_binary_image(self.home.images, "pause", pause)
        coredns_image = write_binary_image(self.home.images, "coredns", coredns)
        with step("control plane ready"):
            network.lay_bridge()
            self._start_daemon("registry", HOST, str(self.ports.registry), str(self.home.images))
            self._control_plane(kubernetes).start(self.home.kubeconfig)
            self._start_daemon("volumes", str(self.home.kubeconfig), str(self.home.run / "volumes"))
        with step("nodes ready, with DNS and storage"):
            for node in self._nodes(kubernetes, pause, pause_image):
                node.start()
            values = {"coredns_image": coredns_image, "dns_service": DNS_SERVICE}
            for file in sorted(MANIFESTS.glob("*.yaml")):
                text = Template(file.read_text()).substitute(values)
                run([*self._kubectl(), "apply", "-f", "-"], stdin=text)
            for name in self.nodes:
                self._wait_ready(name)
            self._wait_for_dns()
        (self.home.run / "nodes.json").write_text(
            json.dumps({"kubernetes": str(kubernetes), "pause": str(pause), "image": pause_image})
        )
        (self.home.run / "description").write_text(self._description())

    def _start_daemon(self, role: str, *arguments: str) -> None:
        self.processes.start(
            role,
            [sys.executable, "-m", f"cluster.native.{role}", *arguments],
            env={"PYTHONPATH": str(SOURCE.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def _control_plane(self, kubernetes: Path) -> ControlPlane:
        certificates = Certificates(self.home.run / "certificates")
        return ControlPlane(self.home.run, kubernetes, certificates, self.ports, self.processes)

    def _nodes(self, kubernetes: Path, pause: Path, pause_image: str) -> list[Node]:
        return [
            Node(
                address=address,
                folder=self.home.run / address.name,
                store=self.home.cache / "nodes" / address.name,
                binaries=kubernetes,
                pause=pause,
                pause_image=pause_image,
                server=f"https://{HOST}:{self.ports.api}",
                ports=self.ports,
                certificates=Certificates(self.home.run / "certificates"),
                processes=self.processes,
            )
            for address in NODES
        ]

    def _wait_ready(self, name: str) -> None:
        api = Api.of(self.home.kubeconfig)

        def ready() -> bool:
            code, node = api.call("GET", f"/api/v1/nodes/{name}")
            conditions = node.get("status", {}).get("conditions", []) if code == 200 else []
            return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

        wait_until(
            f"{name} is Ready",
            ready,
            limit=90,
            guard=lambda: self.processes.require(*self._node(name).roles),
            explain=lambda: tail(self.processes.log(f"{name}-kubelet")),
        )

    def _wait_for_dns(self) -> None:
        api = Api.of(self.home.kubeconfig)
        path = "/apis/apps/v1/namespaces/kube-system/daemonsets/coredns"
        wait_until(
            "DNS answers on every node",
            lambda: api.call("GET", path)[1].get("status", {}).get("numberReady") == len(NODES),
            limit=90,
            guard=lambda: self.processes.require(*self._roles()),
            explain=lambda: run(
                [*self._kubectl(), "-n", "kube-system", "describe", "pods"], check=False
            ).stdout[-4000:],
        )

    def _remove(self, *, keep_logs: bool = False) -> None:
        if keep_logs and self.home.logs.exists():
            kept = self.home.root / "logs" / "last-failure"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.home.logs, kept)
        sysctl.restore(self.home.run)
        self.processes.stop()
        leftovers.remove(self.home)
        network.remove_bridge()

    # -- tools and images ---------------------------------------------------------------------

    def tools(self) -> Tools:
        return Tools(
            kubectl=built(self.home, "kubernetes") / "kubectl",
            helm=built(self.home, "helm") / "helm",
        )

    def kwok(self) -> Path:
        return built(self.home, "kwok") / "kwok"

    def _kubectl(self) -> list[str]:
        kubectl = built(self.home, "kubernetes") / "kubectl"
        return [str(kubectl), "--kubeconfig", str(self.home.kubeconfig)]

    def load(self, image: BuiltImage) -> None:
        available = references(self.home.images, image.reference.partition(":")[0])
        with ThreadPoolExecutor() as pool:
            nodes = [self._node(name) for name in self.nodes]
            list(pool.map(lambda node: node.pull(image.reference, available), nodes))

    # -- faults -------------------------------------------------------------------------------

    def _node(self, name: str) -> Node:
        notes = self.home.run / "nodes.json"
        made = json.loads(notes.read_text()) if notes.exists() else {}
        nodes = self._nodes(
            Path(made.get("kubernetes", "")), Path(made.get("pause", "")), made.get("image", "")
        )
        for node in nodes:
            if node.address.name == name:
                return node
        raise ClusterError(f"there is no node {name}; there are {', '.join(self.nodes)}.")

    def lose_node(self, name: str) -> None:
        self._node(name).lose()

    def restore_node(self, name: str) -> None:
        node = self._node(name)
        node.lose()
        node.start()
        self._wait_ready(name)

    def press_memory(self, name: str) -> None:
        self._node(name).start_kubelet(memory_threshold="99%")

    def relieve_memory(self, name: str) -> None:
        self._node(name).start_kubelet()

    def freeze_api_server(self) -> None:
        self._api_server().signal(signal.SIGSTOP)

    def thaw_api_server(self) -> None:
        self._api_server().signal(signal.SIGCONT)
        api = Api.of(self.home.kubeconfig)
        wait_until("the API server is ready again", api.ready, limit=60)

    def _api_server(self) -> Process:
        found = self.processes.find("kube-apiserver")
        if found is None:
            raise ClusterError("kube-apiserver is not running; `make cluster-up` mends it.")
        return found
