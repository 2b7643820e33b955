"""Everything together: control plane, fake nodes, both controllers, runs; removed at the end."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cluster.clock import wait_until
from cluster.command import run
from cluster.dask import chart as dask_chart
from cluster.definitions import OURS, define
from cluster.errors import ClusterError
from cluster.home import Home
from cluster.native.api import Api
from cluster.native.binaries import built
from cluster.operator import NAMESPACE, rights
from scale import programs, runners
from scale.control_plane import BareControlPlane
from scale.programs import Program

NODES = 20
PLACES = tuple(f"lab-{number}" for number in range(10))
GROUP = "/apis/modelrun.dev/v1alpha1"
PROFILE: dict[str, Any] = {
    "apiVersion": "modelrun.dev/v1alpha1",
    "kind": "ModelRunProfile",
    "metadata": {"name": "fake"},
    "spec": {
        "image": "nowhere/modelrun:1",
        "workersPerNode": 1,
        "resultsPrefix": "s3://results",
        "price": {"perNodeHour": "4.08"},
        "limits": {"nodes": 2, "workers": 2, "hours": 2},
    },
}


@dataclass(frozen=True, slots=True)
class Lab:
    """A running installation."""

    api: Api
    plane: BareControlPlane
    operator: Program
    dask: Program

    def submit(self, name: str, place: str) -> None:
        """Make a run."""
        body = {
            "apiVersion": "modelrun.dev/v1alpha1",
            "kind": "ModelRun",
            "metadata": {"name": name},
            "spec": {
                "data": {"uri": "s3://research/panel.parquet"},
                "models": [{"name": "m", "estimator": "OLS", "formula": "y ~ x + z"}],
                "slices": {"by": ["firm"]},
                "cluster": {"profileName": "fake", "nodes": 1},
            },
        }
        self.call("POST", f"{GROUP}/namespaces/{place}/modelruns", body)

    def submit_all(self, names: list[str]) -> None:
        """Make many runs, as fast as the API server takes them."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda at: self.submit(at[1], place_of(at[0])), enumerate(names)))

    def end(self, names: list[str]) -> None:
        """Let runners end."""
        pods = self.items("/api/v1/pods?labelSelector=modelrun.dev/role=runner")
        wanted = set(names)
        chosen = [p for p in pods if p["metadata"]["labels"]["modelrun.dev/run"] in wanted]
        change = {"metadata": {"annotations": {"scale/end": "now"}}}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda pod: self.call("PATCH", path_of(pod, "pods"), change), chosen))

    def until(self, phase: str, count: int, *, limit: float) -> None:
        """Wait until as many runs are in a phase."""

        def reached() -> bool:
            return self.operator.counts().get(f'modelrun_runs{{phase="{phase}"}}') == count

        wait_until(
            f"{count} runs are {phase}",
            reached,
            limit=limit,
            every=0.5,
            guard=self.require,
            explain=lambda: str({k: v for k, v in self.operator.counts().items() if "runs{" in k}),
        )

    def until_workers_have_run(self, count: int, *, seconds: float, limit: float) -> None:
        """Wait until as many worker pods have been running for a while.

        Runners say that they have workers from the start; the pods come in their own time.
        """
        path = "/api/v1/pods?labelSelector=dask.org/component=worker"

        def reached() -> bool:
            latest = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%FT%TZ")
            running = [p for p in self.items(path) if p["status"].get("phase") == "Running"]
            return sum(pod["status"]["startTime"] <= latest for pod in running) == count

        wait_until(
            f"{count} worker pods have run for {seconds:g} s",
            reached,
            limit=limit,
            every=0.5,
            guard=self.require,
        )

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs."""
        return self.items(f"{GROUP}/modelruns")

    def items(self, path: str) -> list[dict[str, Any]]:
        """Return the objects of a list."""
        found: list[dict[str, Any]] = self.call("GET", path)["items"]
        return found

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API server.

        Raises:
            ClusterError: it refused.
        """
        status, answer = self.api.call(method, path, body)
        if status >= 300:
            raise ClusterError(f"{method} {path}: {status} {answer.get('message', '')}")
        return answer

    def require(self) -> None:
        """Raise when one of the controllers has ended."""
        self.operator.require()
        self.dask.require()


def place_of(number: int) -> str:
    """Return the namespace of a run."""
    return PLACES[number % len(PLACES)]


def path_of(body: dict[str, Any], plural: str) -> str:
    """Return the path of an object of the core group."""
    return f"/api/v1/namespaces/{body['metadata']['namespace']}/{plural}/{body['metadata']['name']}"


@contextlib.contextmanager
def lab(home: Home | None = None, **settings: str) -> Iterator[Lab]:
    """Raise everything, and take it down.

    Args:
        home: where the built programs are; the machine's usual place by default.
        settings: settings of the operator.
    """
    place = home or Home.find()
    binaries, kwok = built(place, "kubernetes"), built(place, "kwok") / "kwok"
    folder = Path(tempfile.mkdtemp(prefix="modelrun-scale-"))
    plane = BareControlPlane.within(folder, binaries)
    answers = runners.serve()
    try:
        api = plane.start()
        _install(plane, binaries / "kubectl")
        plane.start_controllers()
        account = folder / "operator.conf"
        programs.service_account(api, plane.kubeconfig, account, NAMESPACE, "operator")
        with (
            programs.kubelets(folder, plane.kubeconfig, kwok, answers.pods),
            programs.dask_controller(folder, plane.kubeconfig, answers.schedulers) as dask,
            programs.operator(folder, account, **settings) as one,
        ):
            yield Lab(api, plane, one, dask)
    finally:
        answers.close()
        plane.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _install(plane: BareControlPlane, kubectl: Path) -> None:
    def call(*arguments: str, documents: list[dict[str, Any]] | None = None) -> None:
        whole = {"apiVersion": "v1", "kind": "List", "items": documents or []}
        text = json.dumps(whole) if documents else None
        run([kubectl, "--kubeconfig", plane.kubeconfig, *arguments], stdin=text, limit=120)

    for definitions in (OURS, dask_chart() / "crds"):
        define(kubectl, plane.kubeconfig, definitions)
    spaces = [namespace(name) for name in (NAMESPACE, *PLACES)]
    nodes = [node(number) for number in range(NODES)]
    call("create", "-f", "-", documents=[*spaces, *nodes])
    call("create", "-f", "-", documents=[*rights(), PROFILE])


def namespace(name: str) -> dict[str, Any]:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def node(number: int) -> dict[str, Any]:
    """Return a node with room for hundreds of pods."""
    name = f"fake-{number}"
    size = {"cpu": "960", "memory": "9600Gi", "pods": "500"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": size, "capacity": size},
    }
