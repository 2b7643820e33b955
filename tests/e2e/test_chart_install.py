"""The chart on a real cluster: installed, used, upgraded and uninstalled, for one namespace.

These tests come before those that install operator and Dask controller for the whole cluster, so
that the run here is the work of the release alone. Definitions that are there are left alone: they
belong to whoever made them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.errors import ClusterError
from cluster.evidence import keep_evidence
from cluster.handle import Cluster
from cluster.home import CHECKOUT
from cluster.modelruns import profile, results_claim

CHART = CHECKOUT / "charts" / "modelrun"
MINIMAL: dict[str, Any] = {
    "data": {"dataset": "french"},
    "models": [{"name": "market", "estimator": "OLS", "formula": "excess ~ mkt"}],
    "slices": {"by": ["portfolio"]},
}


@dataclass(frozen=True, slots=True)
class Release:
    """An installed release, which works on runs of its own namespace only."""

    cluster: Cluster
    name: str
    namespace: str
    values: Path

    @property
    def profile(self) -> str:
        return f"{self.name}-small"

    @property
    def full(self) -> str:
        return f"{self.name}-modelrun"

    def helm(self, command: str, *flags: str, limit: float = 200) -> str:
        place = ("--namespace", self.namespace)
        return self.cluster.helm(command, self.name, *flags, *place, limit=limit)

    def phase(self, run: str) -> str:
        found = self.cluster.get("modelrun", run, self.namespace) or {}
        return str(found.get("status", {}).get("phase", ""))

    def submit(self, name: str, *, user: str | None = None, **spec: Any) -> str:
        """Create a run, and return what kubectl printed or why it was refused."""
        run = {
            "apiVersion": "modelrun.dev/v1alpha1",
            "kind": "ModelRun",
            "metadata": {"name": name},
            "spec": {**MINIMAL, "cluster": {"profileName": self.profile, "nodes": 1}, **spec},
        }
        person = ["--as", user] if user else []
        return self.cluster.kubectl(
            "create", *person, "-f", "-",
            namespace=self.namespace, stdin=json.dumps(run), check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def release(
    cluster: Cluster, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Release]:
    name = f"chart-{uuid.uuid4().hex[:6]}"
    labels = {"modelrun.dev/e2e": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    cluster.apply(results_claim(), namespace=name)
    definitions = {
        "enabled": cluster.get("crd", "modelruns.modelrun.dev") is None,
        "dask": cluster.get("crd", "daskclusters.kubernetes.dask.org") is None,
    }
    values = tmp_path_factory.mktemp("chart") / "values.yaml"
    installed = Release(cluster, name, name, values)
    repository, _, tag = image.rpartition(":")
    values.write_text(
        yaml.safe_dump(
            {
                "image": {"repository": repository, "tag": tag},
                "namespaces": [name],
                "crds": definitions,
                "rbac": {"aggregate": False},
                "helmTest": {"profileName": installed.profile, "timeoutSeconds": 150},
                "uninstall": {"timeoutSeconds": 60},
                "profiles": {
                    "c5-24xlarge": {"enabled": False},
                    "c5-4xlarge": {"enabled": False},
                    installed.profile: {
                        **profile(image)["spec"],
                        "price": {"perNodeHour": "1.00"},
                        "users": [{"kind": "User", "name": "carol", "in": [name]}],
                    },
                },
            }
        )
    )
    try:
        try:
            cluster.helm(
                "install", name, str(CHART), "--namespace", name, "-f", str(values),
                "--wait", "--timeout", "120s", limit=150,
            )  # fmt: skip
        except ClusterError:
            keep_evidence(cluster, name, CHECKOUT / ".cache" / "e2e" / name)
            raise
        yield installed
    finally:
        if name in cluster.helm("list", "--namespace", name, "--short", "--all", check=False):
            installed.helm("uninstall", "--no-hooks")
        cluster.kubectl("delete", "modelrunprofile", installed.profile, "--ignore-not-found")
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_an_installed_chart_fits_the_smallest_run(release: Release) -> None:
    """`helm test` submits it; operator and Dask controller have the rights of the chart only."""
    said = release.helm("test", "--timeout", "180s")
    assert "Succeeded" in said and "Failed" not in said


def test_profiles_of_the_values_are_there(release: Release) -> None:
    there = release.cluster.get("modelrunprofile", release.profile)
    assert there is not None
    assert there["spec"]["image"].startswith("modelrun:")
    assert there["spec"]["price"]["perNodeHour"] == "1.00"


def test_who_may_not_use_a_profile_is_refused(release: Release) -> None:
    people = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"}
    release.cluster.apply(
        {
            **people,
            "metadata": {"name": "authors"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": f"{release.full}-editor",
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
                for name in ("alice", "carol")
            ],
        },
        namespace=release.namespace,
    )
    refused = release.submit("alices", user="alice", suspend=True)
    assert f"spec.cluster.profileName is {release.profile}, which alice may not use" in refused
    assert "created" in release.submit("carols", user="carol", suspend=True)
    resumed = release.cluster.kubectl(
        "patch", "modelrun", "carols", "--type=merge", "--as=alice",
        '--patch={"spec": {"suspend": false}}', namespace=release.namespace, check=False,
    )  # fmt: skip
    assert "alice may not use" in resumed
    labelled = release.cluster.kubectl(
        "label", "modelrun", "carols", "seen=true", "--as=alice", namespace=release.namespace
    )
    assert "labeled" in labelled


def test_nobody_reaches_a_secret_a_config_map_or_a_claim_through_a_run(release: Release) -> None:
    data = {"uri": "s3://bucket/rows.parquet", "credentialsSecretName": "keys"}
    refused = release.submit("reader", user="carol", data=data, suspend=True)
    assert "spec.data.credentialsSecretName is keys, a Secret that carol may not read" in refused
    code = {"configMapName": "modules"}
    refused = release.submit("coder", user="carol", code=code, suspend=True)
    assert "spec.code.configMapName is modules, a ConfigMap that carol may not read" in refused
    results = {"to": {"volume": {"claimName": "disk", "path": "out"}}}
    refused = release.submit("writer", user="carol", results=results, suspend=True)
    assert "names a PersistentVolumeClaim (disk) that carol may not read" in refused


def test_the_installed_operator_works_on_runs_of_its_namespace(release: Release) -> None:
    release.submit("paused", suspend=True)
    release.cluster.wait(
        "the run is paused", lambda: release.phase("paused") == "Suspended", limit=40
    )


def test_an_upgrade_changes_profiles_and_operator(release: Release) -> None:
    price = f"profiles.{release.profile}.price.perNodeHour"
    release.cluster.helm(
        "upgrade", release.name, str(CHART), "--namespace", release.namespace,
        "-f", str(release.values), "--set-string", f"{price}=2.00", "--set", "operator.logLines=50",
        "--wait", "--timeout", "120s", limit=150,
    )  # fmt: skip
    there = release.cluster.get("modelrunprofile", release.profile) or {}
    assert there["spec"]["price"]["perNodeHour"] == "2.00"
    deployment = release.cluster.get("deployment", f"{release.full}-operator", release.namespace)
    [container] = (deployment or {})["spec"]["template"]["spec"]["containers"]
    assert {"name": "MODELRUN_OPERATOR_LOG_LINES", "value": "50"} in container["env"]


def test_uninstalling_pauses_what_is_unfinished_and_leaves_nothing_but_runs(
    release: Release,
) -> None:
    # It waits for a profile that does not come.
    release.submit("waiting", cluster={"profileName": "nowhere", "nodes": 1})
    release.cluster.wait("the run is seen", lambda: release.phase("waiting"), limit=40)
    release.helm("uninstall", "--wait", "--timeout", "120s")
    waiting = release.cluster.get("modelrun", "waiting", release.namespace) or {}
    assert waiting["spec"]["suspend"] is True
    assert release.cluster.get("modelrun", "paused", release.namespace) is not None
    assert release.cluster.get("modelrunprofile", release.profile) is None
    assert release.cluster.get("crd", "modelruns.modelrun.dev") is not None
    mine = f"app.kubernetes.io/instance={release.name}"
    for kind in ("deployment", "service", "serviceaccount", "role", "rolebinding", "configmap",
                 "networkpolicy", "job"):  # fmt: skip
        assert release.cluster.list(kind, release.namespace, mine) == [], kind
    for kind in ("clusterrole", "clusterrolebinding", "validatingadmissionpolicy",
                 "validatingadmissionpolicybinding"):  # fmt: skip
        assert release.cluster.list(kind, selector=mine) == [], kind
