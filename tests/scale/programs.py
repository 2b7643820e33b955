"""The programs that are measured, and those around them: operator, Dask controller, kwok."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import wait_until
from cluster.command import tail
from cluster.errors import ClusterError
from cluster.home import CHECKOUT
from cluster.native.api import Api
from scale.control_plane import HOST, free_ports

HERE = Path(__file__).parent
SETTINGS = CHECKOUT / "charts" / "modelrun" / "files" / "programs" / "dask_settings.py"
BIN = Path(sys.executable).parent
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has taken so far."""

    cpu: float
    """Seconds of CPU."""

    memory: int
    """Resident MiB now."""

    peak: int
    """Resident MiB at the most."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process that is measured."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    metrics: str = ""

    def cost(self) -> Cost:
        """Return what it has taken so far."""
        folder = Path("/proc", str(self.process.pid))
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        memory, peak = (int(status[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))
        return Cost((int(fields[11]) + int(fields[12])) / TICKS, memory, peak)

    def require(self) -> None:
        """Raise when it has ended."""
        if self.process.poll() is not None:
            raise ClusterError(f"{self.name} ended:\n{tail(self.log)}")

    def counts(self) -> dict[str, float]:
        """Return its metrics by name and labels."""
        with urllib.request.urlopen(self.metrics, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}


@contextlib.contextmanager
def program(
    name: str, arguments: list[str], folder: Path, *, metrics: str = "", **env: str
) -> Iterator[Program]:
    """Have a program run for as long as the body does."""
    log = folder / "logs" / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "HOME": str(folder), **env},
        )
    try:
        yield Program(name, process, log, metrics)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def operator(folder: Path, kubeconfig: Path, **settings: str) -> Iterator[Program]:
    """The operator, ready."""
    health, metrics = free_ports(2)
    arguments = [
        str(BIN / "modelrun-operator"), "run", "--standalone", "--host", HOST,
        "--health-port", str(health), "--metrics-port", str(metrics), "--log-level", "WARNING",
    ]  # fmt: skip
    env = {f"MODELRUN_OPERATOR_{name}": value for name, value in settings.items()}
    address = f"http://{HOST}:{metrics}/metrics"
    with program(
        "operator", arguments, folder, metrics=address, KUBECONFIG=str(kubeconfig), **env
    ) as one:

        def ready() -> bool:
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(f"http://{HOST}:{health}/readyz").status == 200
            return False

        wait_until("the operator is ready", ready, limit=90, guard=one.require)
        yield one


@contextlib.contextmanager
def dask_controller(folder: Path, kubeconfig: Path, schedulers: str) -> Iterator[Program]:
    """The dask-kubernetes controller as the chart runs it."""
    (port,) = free_ports(1)
    arguments = [
        str(BIN / "kopf"), "run", "--module=dask_kubernetes.operator.controller", "--standalone",
        "--quiet", "--all-namespaces", f"--liveness=http://{HOST}:{port}/healthz",
        str(SETTINGS), str(HERE / "names.py"),
    ]  # fmt: skip
    env = {
        "DASK_KUBERNETES__CONTROLLER__EVENTS__LEVEL": "WARNING",
        "SCALE_SCHEDULERS": schedulers,
    }
    with program("dask", arguments, folder, KUBECONFIG=str(kubeconfig), **env) as one:

        def ready() -> bool:
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(f"http://{HOST}:{port}/healthz").status == 200
            return False

        wait_until("the Dask controller is ready", ready, limit=90, guard=one.require)
        yield one


@contextlib.contextmanager
def kubelets(folder: Path, kubeconfig: Path, kwok: Path, pods: str) -> Iterator[Program]:
    """kwok, which plays the kubelets of all nodes."""
    stages = folder / "stages.yaml"
    stages.write_text((HERE / "stages.yaml").read_text().replace("RUNNERS", pods))
    arguments = [
        str(kwok), f"--config={stages}", f"--kubeconfig={kubeconfig}",
        "--manage-all-nodes=true", "--node-lease-duration-seconds=0", "--v=WARN",
    ]  # fmt: skip
    with program("kwok", arguments, folder) as one:
        yield one


def service_account(api: Api, admin: Path, path: Path, namespace: str, name: str) -> None:
    """Write a kubeconfig for a service account."""
    status, answer = api.call(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
        {"spec": {"expirationSeconds": 86_400}},
    )
    if status != 201:
        raise ClusterError(f"no token for {namespace}/{name}: {status} {answer}")
    document = json.loads(admin.read_text())
    document["users"] = [{"name": name, "user": {"token": answer["status"]["token"]}}]
    document["contexts"][0]["context"]["user"] = name
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))
