"""The cluster as a test sees it: kubectl, helm, objects, waiting, and its faults."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cluster.clock import wait_until
from cluster.command import run
from cluster.errors import ClusterError
from cluster.provider import Provider, Tools

T = TypeVar("T")
Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running test cluster.

    Attributes:
        provider: Who made it; loses and restores nodes.
        kubeconfig: Cluster administrator's kubeconfig.
        tools: kubectl and helm.
    """

    provider: Provider
    kubeconfig: Path
    tools: Tools

    @classmethod
    def running(cls, provider: Provider) -> Cluster:
        """Return the cluster that is up.

        Raises:
            ClusterError: There is none, or it is not healthy.
        """
        status = provider.status()
        if status.empty or not provider.home.kubeconfig.exists():
            raise ClusterError("there is no test cluster; raise one with `make cluster-up`.")
        if not status.healthy:
            why = "; ".join(status.problems)
            raise ClusterError(
                f"the test cluster is not healthy ({why}); `make cluster-up` mends it."
            )
        return cls(provider, provider.home.kubeconfig, provider.tools())

    @property
    def nodes(self) -> tuple[str, ...]:
        """The two real nodes, labelled as c5.24xlarge."""
        return self.provider.nodes

    def kubectl(
        self,
        *arguments: str,
        namespace: str | None = None,
        stdin: str | None = None,
        check: bool = True,
        limit: float = 60,
    ) -> str:
        """Run kubectl and return what it printed (with `check` off: also what went wrong)."""
        place = ["--namespace", namespace] if namespace else []
        done = run(
            [self.tools.kubectl, "--kubeconfig", self.kubeconfig, *place, *arguments],
            stdin=stdin,
            check=check,
            limit=limit,
        )
        return done.stdout if check else done.stdout + done.stderr

    def helm(self, *arguments: str, check: bool = True, limit: float = 300) -> str:
        """Run helm and return what it printed."""
        done = run(
            [self.tools.helm, "--kubeconfig", self.kubeconfig, *arguments], check=check, limit=limit
        )
        return done.stdout if check else done.stdout + done.stderr

    def apply(
        self, *manifests: Manifest, namespace: str | None = None, server_side: bool = False
    ) -> None:
        """Apply objects."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        extra = ["--server-side", "--force-conflicts"] if server_side else []
        self.kubectl("apply", *extra, "-f", "-", namespace=namespace, stdin=json.dumps(whole))

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Return an object, or None if there is none of that name."""
        text = self.kubectl(
            "get", kind, name, "--ignore-not-found", "-o", "json", namespace=namespace
        )
        found: dict[str, Any] | None = json.loads(text) if text.strip() else None
        return found

    def list(
        self, kind: str, namespace: str | None = None, selector: str = ""
    ) -> list[dict[str, Any]]:
        """Return the objects of a kind in a namespace, or without one those of all namespaces."""
        where = [] if namespace else ["--all-namespaces"]
        text = self.kubectl(
            "get", kind, *where, "--selector", selector, "-o", "json", namespace=namespace
        )
        items: list[dict[str, Any]] = json.loads(text)["items"]
        return items

    def wait(self, what: str, condition: Callable[[], T | None], *, limit: float = 60) -> T:
        """Wait until `condition` returns something true; see `cluster.clock.wait_until`."""
        return wait_until(what, condition, limit=limit, every=0.5)

    def wait_for_pod(
        self,
        name: str,
        namespace: str,
        phases: Sequence[str] = ("Running", "Succeeded"),
        limit: float = 90,
    ) -> dict[str, Any]:
        """Return a pod once it is in one of the phases (and ready, where Running is among them)."""

        def reached() -> dict[str, Any] | None:
            pod = self.get("pod", name, namespace)
            phase = pod and pod["status"].get("phase")
            if pod is None or phase not in phases:
                if phase == "Failed" and "Failed" not in phases:
                    raise ClusterError(f"pod {name} failed:\n{self.logs(name, namespace)}")
                return None
            if phase == "Running" and not is_ready(pod):
                return None
            return pod

        return wait_until(
            f"pod {name} in {namespace} is {' or '.join(phases)}",
            reached,
            limit=limit,
            every=0.5,
            explain=lambda: self.kubectl("describe", "pod", name, namespace=namespace, check=False)[
                -3000:
            ],
        )

    def wait_for_rollout(self, what: str, namespace: str, limit: float = 120) -> None:
        """Wait until ``deployment/NAME`` or another workload has all its pods ready."""
        seconds = f"--timeout={limit:.0f}s"
        self.kubectl("rollout", "status", what, seconds, namespace=namespace, limit=limit + 10)

    def logs(self, pod: str, namespace: str) -> str:
        """Return the logs of a pod's containers, as far as there are any."""
        return self.kubectl("logs", pod, "--all-containers", namespace=namespace, check=False)

    # -- faults -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lost_node(self, name: str) -> Iterator[None]:
        """Take a node away, as a power cut would, and bring it back in the end."""
        self.provider.lose_node(name)
        try:
            yield
        finally:
            self.provider.restore_node(name)

    @contextlib.contextmanager
    def api_server_away(self) -> Iterator[None]:
        """Let the API server answer nobody, neither tests nor kubelets; in the end it goes on."""
        self.provider.freeze_api_server()
        try:
            yield
        finally:
            self.provider.thaw_api_server()

    @contextlib.contextmanager
    def memory_pressure(self, name: str) -> Iterator[None]:
        """Make a kubelet believe that memory runs out: it taints its node and evicts pods."""
        self.provider.press_memory(name)
        try:
            yield
        finally:
            self.provider.relieve_memory(name)

            def relieved() -> bool:
                conditions = (self.get("node", name) or {})["status"]["conditions"]
                return any(
                    c["type"] == "MemoryPressure" and c["status"] == "False" for c in conditions
                )

            self.wait(f"{name} has memory again", relieved, limit=60)

    @contextlib.contextmanager
    def no_scheduling(self, *names: str) -> Iterator[None]:
        """Let no new pod onto the given nodes, or any node."""
        chosen = names or self.nodes
        self.kubectl("cordon", *chosen)
        try:
            yield
        finally:
            self.kubectl("uncordon", *chosen)

    @contextlib.contextmanager
    def filled_node(self, name: str, namespace: str, *, leave: str = "100m") -> Iterator[None]:
        """Take all allocatable CPU of a node by the requests of a pod that does nothing.

        Args:
            name: The node.
            namespace: Where the pod goes.
            leave: CPU that stays free.
        """
        node = self.get("node", name) or {}
        free = milli(node["status"]["allocatable"]["cpu"]) - milli(leave)
        pods = self.kubectl(
            "get", "pods", "-A", f"--field-selector=spec.nodeName={name}", "-o", "json"
        )
        for pod in json.loads(pods)["items"]:
            if pod["status"].get("phase") in ("Pending", "Running"):
                for container in pod["spec"]["containers"]:
                    requests = container.get("resources", {}).get("requests", {})
                    free -= milli(requests.get("cpu", "0"))
        filler = f"filler-{name}"
        coredns = self.list("pods", "kube-system", "k8s-app=kube-dns")[0]
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": filler},
                "data": {"Corefile": ".:1053 {\n    errors\n}\n"},
            },
            namespace=namespace,
        )
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": filler},
                "spec": {
                    "nodeName": name,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {
                            "name": "filler",
                            # An image that every node has.
                            "image": coredns["spec"]["containers"][0]["image"],
                            "args": ["-conf", "/etc/filler/Corefile"],
                            "volumeMounts": [{"name": "conf", "mountPath": "/etc/filler"}],
                            "resources": {"requests": {"cpu": f"{free}m"}},
                            "securityContext": RESTRICTED,
                        }
                    ],
                    "volumes": [{"name": "conf", "configMap": {"name": filler}}],
                    "securityContext": RESTRICTED_POD,
                },
            },
            namespace=namespace,
        )
        try:
            self.wait_for_pod(filler, namespace)
            yield
        finally:
            self.kubectl("delete", "pod", filler, "--wait=false", namespace=namespace)


UNPULLABLE_IMAGE = "registry.invalid/modelrun:nowhere"
"""An image that no registry has: pods that name it end in ErrImagePull."""

RESTRICTED_POD: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the Pod Security standard "restricted" asks of a pod."""

RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""What the Pod Security standard "restricted" asks of a container, and a read-only root."""


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod's Ready condition holds."""
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def milli(cpu: str) -> int:
    """Return a CPU quantity in thousandths: "2" is 2000, "100m" is 100."""
    return int(cpu[:-1]) if cpu.endswith("m") else int(float(cpu) * 1000)
