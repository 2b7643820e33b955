"""The image runs as a non-root pod with a read-only root file system, in every role."""

from __future__ import annotations

import json

from cluster.handle import Cluster
from cluster.pods import python_pod

LOOK = """
import getpass, importlib.metadata, json, os, pathlib, subprocess, sys
def writable(path):
    try:
        probe = pathlib.Path(path, "probe"); probe.write_text("x"); probe.unlink(); return True
    except OSError:
        return False
import matplotlib.pyplot as plt
figure, axes = plt.subplots(); axes.plot([1, 2]); figure.savefig("/scratch/figure.pdf")
from modelrun.engines.batched import _kernels
def code(*command):
    return subprocess.run(command, capture_output=True, timeout=60).returncode
threads = ["OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR", "NUMBA"]
names = [t + ("_THREADS" if t.endswith("MAXIMUM") else "_NUM_THREADS") for t in threads]
print(json.dumps({
    "uid": os.getuid(),
    "user": getpass.getuser(),
    "writable": {p: writable(p) for p in ("/", "/opt/modelrun", "/scratch")},
    "threads": {n: os.environ.get(n) for n in names},
    "backlog": os.environ["DASK_DISTRIBUTED__COMM__SOCKET_BACKLOG"],
    "connect": os.environ["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"],
    "codes": {c: code(*c.split()) for c in (
        "modelrun --help", "modelrun-operator --help", "kopf --help", "dask scheduler --help",
        "pip check")},
    "controller": importlib.metadata.version("dask-kubernetes"),
}))
"""


def test_image_runs_as_a_non_root_pod_with_a_read_only_root(
    cluster: Cluster, namespace: str, image: str
) -> None:
    cluster.apply(python_pod("look", image, LOOK), namespace=namespace)
    cluster.wait_for_pod("look", namespace, phases=["Succeeded"], limit=180)
    seen = json.loads(cluster.logs("look", namespace).splitlines()[-1])
    assert seen["uid"] == 10001
    assert seen["user"] == "modelrun"
    assert seen["writable"] == {"/": False, "/opt/modelrun": False, "/scratch": True}
    assert set(seen["threads"].values()) == {"1"}
    assert (seen["backlog"], seen["connect"]) == ("4096", "1m")
    assert seen["controller"] == "2026.3.0"
    assert set(seen["codes"].values()) == {0}, seen["codes"]


def test_an_image_that_no_registry_has_ends_in_a_pull_error(
    cluster: Cluster, namespace: str
) -> None:
    from cluster.handle import UNPULLABLE_IMAGE

    cluster.apply(python_pod("lost", UNPULLABLE_IMAGE, ""), namespace=namespace)

    def reason() -> str:
        pod = cluster.get("pod", "lost", namespace) or {}
        for container in pod["status"].get("containerStatuses", []):
            return str(container["state"].get("waiting", {}).get("reason", ""))
        return ""

    cluster.wait("the pull fails", lambda: reason() in ("ErrImagePull", "ImagePullBackOff"))
