"""ModelRuns as a test sees them: submit one, wait for what it says, and look for what is left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cluster.errors import ClusterError
from cluster.handle import Cluster

PROFILE = "modelrun-e2e"
"""The profile of tests; examples have names of their own."""

KINDS = (
    "pods,jobs,secrets,configmaps,services,deployments,networkpolicies,"
    "daskclusters,daskworkergroups"
)
ENDS = ("Succeeded", "Failed")

SLOW = """
import os, time
def mean(frame, seconds=0.3):
    time.sleep(seconds)
    return {"mean": float(frame["excess"].mean())}
def mean_slower_than_its_pilot(frame, seconds, pilot=0.2):
    # Workers know a scheduler, the preflight does not.
    return mean(frame, seconds if "DASK_SCHEDULER_ADDRESS" in os.environ else pilot)
def mean_of_few(frame):
    if frame["portfolio"].iloc[0].startswith("S"):
        raise ArithmeticError("no mean of sorted portfolios")
    return mean(frame, 0)
"""


def profile(image: str, name: str = PROFILE, **changes: Any) -> dict[str, Any]:
    """Return a profile of test size: one worker on each node, results on the claim `results`."""
    shape = {
        "resources": {
            "requests": {"cpu": "20m", "memory": "150Mi"},
            "limits": {"memory": "1500Mi"},
        },
        "scratch": {"size": "500Mi"},
    }
    return {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRunProfile",
        "metadata": {"name": name},
        "spec": {
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "resultsPrefix": "pvc://results/tables",
            "workersPerNode": 1,
            "limits": {"nodes": 2, "workers": 4, "hours": 1},
            "price": {"perNodeHour": "4.08"},
            "worker": shape,
            "control": shape,
            **changes,
        },
    }


def results_claim() -> dict[str, Any]:
    """Return the claim on which results go, shared between the nodes."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "results"},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def model_run(name: str, **spec: Any) -> dict[str, Any]:
    """Return a small run over bundled data; members of `spec` replace its own."""
    return {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": name},
        "spec": {
            "data": {"dataset": "french"},
            "models": [{"name": "market", "estimator": "OLS", "formula": "excess ~ mkt"}],
            "slices": {"by": ["portfolio"], "window": {"column": "date", "size": 120, "step": 60}},
            "results": {"report": {"html": False, "pdf": False}},
            "cluster": {"profileName": PROFILE, "nodes": 1},
            **spec,
        },
    }


def slow_code() -> dict[str, Any]:
    """Return the ConfigMap with the module of `slow_run`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "slow-code"},
        "data": {"slow.py": SLOW},
    }


def slow_run(name: str, *, seconds: float = 0.3, **spec: Any) -> dict[str, Any]:
    """Return a run of some two hundred fits that take a moment each, on two nodes."""
    return model_run(
        name,
        **{
            "models": [{"name": "mean", "callable": "slow:mean", "kwargs": {"seconds": seconds}}],
            "slices": {"by": ["portfolio"], "window": {"column": "date", "size": 120, "step": 120}},
            "code": {"configMapName": "slow-code"},
            "cluster": {"profileName": PROFILE, "nodes": 2},
            **spec,
        },
    )


@dataclass(frozen=True, slots=True)
class Study:
    """One ModelRun in the cluster.

    Attributes:
        cluster: The test cluster.
        namespace: Where it lives.
        name: Its name.
    """

    cluster: Cluster
    namespace: str
    name: str

    def body(self) -> dict[str, Any]:
        """Return the ModelRun, or nothing of one that is gone."""
        return self.cluster.get("modelrun", self.name, self.namespace) or {}

    def status(self) -> dict[str, Any]:
        """Return its status."""
        status: dict[str, Any] = self.body().get("status", {})
        return status

    def condition(self, kind: str) -> dict[str, Any]:
        """Return a condition, or nothing."""
        for one in self.status().get("conditions", []):
            if one["type"] == kind:
                found: dict[str, Any] = one
                return found
        return {}

    def until(self, *phases: str, limit: float = 300) -> dict[str, Any]:
        """Wait for one of some phases, and return the status.

        Raises:
            ClusterError: It did not come, or the run ended otherwise.
        """

        def reached() -> dict[str, Any] | None:
            status = self.status()
            phase = status.get("phase")
            if phase in phases:
                return status
            if phase in ENDS:
                raise ClusterError(f"{self.name} is {phase}:\n{self.told()}")
            return None

        return self.cluster.wait(f"{self.name} is {' or '.join(phases)}", reached, limit=limit)

    def until_blocked(self, reason: str, limit: float = 30) -> str:
        """Wait until the run says what is in the way, and return the sentence."""

        def said() -> str | None:
            blocked = self.condition("Blocked")
            fits = blocked.get("status") == "True" and blocked["reason"] == reason
            return str(blocked["message"]) if fits else None

        return self.cluster.wait(f"{self.name} is blocked by {reason}", said, limit=limit)

    def until_done(self, fits: int, limit: float = 300) -> dict[str, Any]:
        """Wait until so many fits are done while the run goes on."""

        def enough() -> dict[str, Any] | None:
            status = self.status()
            if status.get("phase") in ENDS:
                raise ClusterError(f"{self.name} is {status['phase']} already:\n{self.told()}")
            done = (status.get("fits") or {}).get("done", 0)
            return status if status.get("phase") == "Running" and done >= fits else None

        return self.cluster.wait(f"{fits} fits of {self.name} are done", enough, limit=limit)

    def children(self, uid: str | None = None, *, but: str = "") -> list[str]:
        """Return kind and name of everything that belongs to the run but its logs.

        Args:
            uid: Of the run; None for all runs of this name.
            but: A component that is left out, `results-reader` for instance.
        """
        selector = f"modelrun.dev/run-uid={uid}" if uid else f"modelrun.dev/run={self.name}"
        selector += f",app.kubernetes.io/component!={but}" if but else ""
        found = self.cluster.list(KINDS, self.namespace, selector)
        return [
            f"{one['kind']} {one['metadata']['name']}"
            for one in found
            if not one["metadata"]["name"].endswith("-logs")
        ]

    def pods(self, role: str) -> list[dict[str, Any]]:
        """Return the living pods of a role: preflight, runner, scheduler or worker."""
        label = (
            f"dask.org/component={role}"
            if role in {"scheduler", "worker"}
            else f"modelrun.dev/role={role}"
        )
        found = self.cluster.list("pods", self.namespace, f"modelrun.dev/run={self.name},{label}")
        return [
            pod
            for pod in found
            if "deletionTimestamp" not in pod["metadata"]
            and pod["status"].get("phase") in {"Pending", "Running"}
        ]

    def kill(self, role: str) -> str:
        """End a pod of a role without warning; return its name."""
        name: str = self.pods(role)[0]["metadata"]["name"]
        self.cluster.kubectl(
            "delete", "pod", name, "--grace-period=0", "--force", namespace=self.namespace
        )
        return name

    def patch(self, spec: dict[str, Any]) -> None:
        """Change the spec."""
        text = json.dumps({"spec": spec})
        self.cluster.kubectl(
            "patch", "modelrun", self.name, "--type=merge", f"--patch={text}",
            namespace=self.namespace,
        )  # fmt: skip

    def delete(self) -> str:
        """Delete the run, without waiting; return its uid."""
        uid: str = self.body()["metadata"]["uid"]
        self.cluster.kubectl(
            "delete", "modelrun", self.name, "--wait=false", namespace=self.namespace
        )
        return uid

    def until_nothing_is_left(self, uid: str | None = None, limit: float = 120) -> None:
        """Wait until no object of the run is there."""
        try:
            self.cluster.wait("nothing is left", lambda: not self.children(uid), limit=limit)
        except ClusterError as error:
            raise ClusterError(f"left of {self.name}: {self.children(uid)}") from error

    def told(self) -> str:
        """Return what the run says about itself, for messages of failed tests."""
        status = self.status()
        lines = [f"{self.name}: {status.get('phase')} {status.get('fits')}"]
        lines += [
            f"  {one['type']}={one['status']} {one['reason']}: {one['message']}"
            for one in status.get("conditions", [])
        ]
        lines.append(f"  last attempt: {status.get('lastAttempt')}")
        return "\n".join(lines)


def submit(cluster: Cluster, namespace: str, run: dict[str, Any]) -> Study:
    """Apply a run as a person does, and return it."""
    cluster.apply(run, namespace=namespace)
    return Study(cluster, namespace, run["metadata"]["name"])
