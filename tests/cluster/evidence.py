"""What is kept of a failed test: the objects, the events and the logs of its namespace."""

from __future__ import annotations

from pathlib import Path

from cluster.errors import ClusterError
from cluster.handle import Cluster
from cluster.home import CHECKOUT

EVIDENCE = CHECKOUT / ".cache" / "e2e"

CUSTOM = "daskclusters,daskworkergroups,modelruns"
KINDS = f"all,configmaps,endpointslices,pvc,networkpolicies,{CUSTOM}"


def keep_evidence(cluster: Cluster, namespace: str, folder: Path) -> None:
    """Write everything that explains a failure into `folder`; nothing missing is an error."""
    folder.mkdir(parents=True, exist_ok=True)

    def note(name: str, *arguments: str, place: str | None = namespace) -> None:
        try:
            said = cluster.kubectl(*arguments, namespace=place, check=False, limit=30)
        except ClusterError as error:
            said = str(error)
        (folder / name).write_text(said)

    note("events.txt", "get", "events", "--sort-by=.lastTimestamp", "-o", "wide")
    note("pods.txt", "get", "pods", "-o", "wide")
    note("describe.txt", "describe", "pods")
    for kind in KINDS.split(","):
        note(f"{kind}.yaml", "get", kind, "-o", "yaml")
    note("nodes.txt", "describe", "nodes", place=None)
    try:
        pods = [pod["metadata"]["name"] for pod in cluster.list("pods", namespace)]
    except ClusterError:
        pods = []
    for pod in pods:
        note(f"log-{pod}.txt", "logs", pod, "--all-containers", "--timestamps")
        note(f"log-{pod}-before.txt", "logs", pod, "--all-containers", "--previous")
