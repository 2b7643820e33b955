"""Results on a claim of the cluster come to this machine: through a pod, by exec, as anybody may.

A pod fits models and writes their tables onto the claim, as a runner does; the ModelRun and its
status are written for it, so no operator is needed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import modelrun as door
from cluster.definitions import define
from cluster.handle import UNPULLABLE_IMAGE, Cluster
from cluster.modelruns import profile, results_claim
from cluster.pods import python_pod
from modelrun.errors import InfrastructureError
from modelrun.remote.volume import NEEDED

LARGE = 80_000_000

RUN: dict[str, Any] = {
    "apiVersion": "modelrun.dev/v1alpha1",
    "kind": "ModelRun",
    "metadata": {"name": "first"},
    "spec": {
        "data": {"dataset": "french"},
        "models": [{"name": "capm", "estimator": "OLS", "formula": "excess ~ mkt"}],
        "slices": {"by": ["portfolio"]},
        "results": {"report": {"html": True, "pdf": False}},
    },
}

WRITE = f"""
import hashlib, json, os, pathlib, subprocess
folder = pathlib.Path("/results/study/first")
pathlib.Path("/scratch/run.json").write_text({json.dumps(RUN)!r})
subprocess.run(["modelrun", "run", "/scratch/run.json", "--backend", "serial", "--quiet",
                "--to", str(folder)], check=True)
(folder / "observations.parquet").write_bytes(os.urandom({LARGE}))
print(json.dumps({{path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                  for path in folder.iterdir()
                  if path.suffix in (".parquet", ".html") or path.name == "run.json"}}))
"""


@dataclass(frozen=True)
class Study:
    """A run whose tables lie on a claim."""

    cluster: Cluster
    namespace: str
    profile: str
    sums: dict[str, str]
    """The SHA-256 of each file."""

    def pods(self) -> list[str]:
        """Return the pods that copies have left."""
        selector = "app.kubernetes.io/component=results-reader"
        found = [one["metadata"] for one in self.cluster.list("pods", self.namespace, selector)]
        return [one["name"] for one in found if "deletionTimestamp" not in one]

    def submit(self, name: str, profile_name: str, uri: str) -> None:
        """Make a run that has succeeded, with results there."""
        spec = {**RUN["spec"], "cluster": {"profileName": profile_name}}
        run = {**RUN, "metadata": {"name": name}, "spec": spec}
        self.cluster.apply(run, namespace=self.namespace)
        status = {"observedGeneration": 1, "phase": "Succeeded", "results": {"uri": uri}}
        self.cluster.kubectl(
            "patch", "modelrun", name, "--subresource=status", "--type=merge",
            f"--patch={json.dumps({'status': status})}", namespace=self.namespace,
        )  # fmt: skip

    def arrived(self, folder: Path) -> None:
        """Check that every file is here, byte for byte."""
        here = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        assert here == self.sums


@pytest.fixture
def study(cluster: Cluster, namespace: str, image: str) -> Iterator[Study]:
    """A claim with tables, a report and one large file, and the run that they belong to."""
    define(cluster.tools.kubectl, cluster.kubeconfig)
    name = f"{namespace[:50]}-p"
    cluster.apply(profile(image, name))
    writer = python_pod("writer", image, WRITE, claims={"/results": "results"})
    cluster.apply(results_claim(), writer, namespace=namespace)
    cluster.wait_for_pod("writer", namespace, phases=["Succeeded"], limit=240)
    sums = json.loads(cluster.logs("writer", namespace).splitlines()[-1])
    made = Study(cluster, namespace, name, sums)
    made.submit("first", name, "pvc://results/study/first")
    yield made
    cluster.kubectl("delete", "modelrunprofile", name, "--wait=false")


@pytest.fixture
def modelrun(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command as a person does, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))

    def command(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "modelrun", *map(str, arguments), "-n", namespace]
        return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)

    return command


@pytest.mark.timeout(600)
def test_tables_report_and_a_large_file_come_byte_for_byte(study, modelrun, namespace):
    done = modelrun("results", "--run", "first")
    assert done.returncode == 0, done.stderr
    assert "into results/first" in done.stderr
    assert "capm" in done.stdout or "mkt" in done.stdout
    study.arrived(Path("results/first"))
    assert study.pods() == []

    before = time.monotonic()
    again = modelrun("results", "--run", "first", "--output", "json")
    print(f"copied again, nothing new: {time.monotonic() - before:.1f} s")
    assert json.loads(again.stdout)["fits"]["succeeded"] > 0
    study.arrived(Path("results/first"))

    result = door.remote_run("first", namespace=namespace).wait(timeout=120)
    assert set(result.coefficients["term"]) == {"Intercept", "mkt"}
    assert study.pods() == []


@pytest.mark.timeout(600)
def test_the_rights_that_a_refusal_names_are_enough(study, modelrun, cluster, namespace, tmp_path):
    for name in ("looker", "copier"):
        cluster.kubectl("create", "serviceaccount", name, namespace=namespace)
    looking = ["--verb=get,list", "--resource=modelruns.modelrun.dev"]
    cluster.kubectl("create", "role", "looker", *looking, namespace=namespace)
    rules = [
        {
            "apiGroups": [""],
            "resources": [right.resource],
            "verbs": [right.verb],
        }
        for right in NEEDED
    ]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "copier"},
        "rules": rules,
    }
    cluster.apply(role, namespace=namespace)
    reader = f"{namespace[:50]}-profiles"
    profiles = ["--verb=get,list", "--resource=modelrunprofiles.modelrun.dev"]
    cluster.kubectl("create", "clusterrole", reader, *profiles)
    try:
        for name in ("looker", "copier"):
            who = f"--serviceaccount={namespace}:{name}"
            bound = f"{name}-looks"
            cluster.kubectl(
                "create", "rolebinding", bound, "--role=looker", who, namespace=namespace
            )
            cluster.kubectl("create", "clusterrolebinding", f"{reader}-{name}",
                            f"--clusterrole={reader}", who)  # fmt: skip
        cluster.kubectl(
            "create", "rolebinding", "copies", "--role=copier",
            f"--serviceaccount={namespace}:copier", namespace=namespace,
        )  # fmt: skip
        refused = modelrun("results", "--run", "first", "--kubeconfig",
                           _as(cluster, namespace, "looker", tmp_path))  # fmt: skip
        assert refused.returncode == 2
        assert f"you may not {', '.join(map(str, NEEDED))} in" in refused.stderr
        assert f"kubectl -n {namespace} cp" in refused.stderr
        done = modelrun("results", "--run", "first", "--kubeconfig",
                        _as(cluster, namespace, "copier", tmp_path))  # fmt: skip
        assert done.returncode == 0, done.stderr
        study.arrived(Path("results/first"))
    finally:
        for name in ("looker", "copier"):
            bound = f"{reader}-{name}"
            cluster.kubectl("delete", "clusterrolebinding", bound, "--ignore-not-found")
        cluster.kubectl("delete", "clusterrole", reader, "--ignore-not-found")


@pytest.mark.timeout(600)
def test_a_pod_that_cannot_read_says_why_and_is_gone(study, modelrun, cluster, namespace):
    nowhere = f"{namespace[:50]}-q"
    cluster.apply(profile(UNPULLABLE_IMAGE, nowhere))
    try:
        study.submit("no-image", nowhere, "pvc://results/study/first")
        done = modelrun("results", "--run", "no-image")
        assert done.returncode == 2
        assert "it cannot get its image" in done.stderr
        assert "pull secret in the profile" in done.stderr
    finally:
        cluster.kubectl("delete", "modelrunprofile", nowhere, "--wait=false")
    study.submit("no-claim", study.profile, "pvc://nowhere/study")
    done = modelrun("results", "--run", "no-claim")
    assert done.returncode == 2
    assert '"nowhere" not found' in done.stderr
    study.submit("no-folder", study.profile, "pvc://results/elsewhere")
    done = modelrun("results", "--run", "no-folder")
    assert done.returncode == 2
    assert "no tables in the folder elsewhere of the claim results" in done.stderr
    assert study.pods() == []


@pytest.mark.timeout(600)
def test_waiting_for_a_node_is_limited_and_may_be_stopped(
    study, modelrun, cluster, namespace, image, tmp_path
):
    from modelrun.remote.access import Access
    from modelrun.remote.connection import Connection
    from modelrun.remote.fetching import bring
    from modelrun.remote.runs import Runs

    elsewhere = f"{namespace[:50]}-r"
    cluster.apply(profile(image, elsewhere, control={"nodeSelector": {"pool": "nowhere"}}))
    try:
        study.submit("no-node", elsewhere, "pvc://results/study/first")
        connection = Connection.open(Access(namespace))
        run = Runs(connection).get("no-node")
        with pytest.raises(InfrastructureError, match="no node takes it"):
            bring(connection, run, tmp_path / "copy", patience=5)
        assert study.pods() == []

        words = [sys.executable, "-m", "modelrun", "results", "--run", "no-node", "-n", namespace]
        program = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        cluster.wait("the pod is made", study.pods, limit=60)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
        assert program.returncode == 130, said
        cluster.wait("the pod is gone", lambda: not study.pods(), limit=30)
    finally:
        cluster.kubectl("delete", "modelrunprofile", elsewhere, "--wait=false")


def _as(cluster: Cluster, namespace: str, name: str, folder: Path) -> Path:
    """Write the kubeconfig of a service account."""
    token = cluster.kubectl("create", "token", name, namespace=namespace).strip()
    raw = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json"))
    for user in raw["users"]:
        user["user"] = {"token": token}
    path = folder / f"{name}.kubeconfig"
    path.write_text(json.dumps(raw))
    return path
