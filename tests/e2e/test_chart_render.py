"""What the chart makes: safe pods, least rights, settings that arrive, accepted objects."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.errors import ClusterError
from cluster.handle import Cluster
from cluster.home import CHECKOUT
from modelrun_api.loader import load_profile_text
from modelrun_operator.kube.resources import rights
from modelrun_operator.settings import PREFIX, Settings

CHART = CHECKOUT / "charts" / "modelrun"
FILES = sorted((CHART / "ci").glob("*.yaml")) + sorted((CHART / "examples").rglob("values*.yaml"))
Manifest = dict[str, Any]
Render = Callable[..., tuple[Manifest, ...]]


@pytest.fixture(scope="module")
def render(cluster: Cluster) -> Render:
    @functools.cache
    def rendered(file: Path | None, *flags: str) -> tuple[Manifest, ...]:
        named = ["-f", str(file)] if file is not None else []
        text = cluster.helm(
            "template", "modelrun", str(CHART), "--namespace", "modelrun-system", *named, *flags
        )
        return tuple(m for m in yaml.load_all(text, yaml.CSafeLoader) if m)

    return rendered


NO_CRDS = "--set=crds.enabled=false"
each_file = pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)


def of_kind(manifests: tuple[Manifest, ...], *kinds: str) -> list[Manifest]:
    return [m for m in manifests if m["kind"] in kinds]


def named(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    [found] = [m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name]
    return found


def pod_specs(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, Manifest]]:
    for m in of_kind(manifests, "Deployment", "Job"):
        yield m["metadata"]["name"], m["spec"]["template"]["spec"]
    for m in of_kind(manifests, "Pod"):
        yield m["metadata"]["name"], m["spec"]


def granted(rules: list[Manifest]) -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], frozenset[str]] = {}
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                assert (group, resource) not in found, "one rule for each resource"
                found[group, resource] = frozenset(rule["verbs"])
    return found


@each_file
def test_helm_lint_has_nothing_to_say(cluster: Cluster, file: Path) -> None:
    assert "0 chart(s) failed" in cluster.helm("lint", "--strict", str(CHART), "-f", str(file))


@each_file
def test_every_pod_is_restricted_and_cannot_write_to_its_root(render: Render, file: Path) -> None:
    pods = dict(pod_specs(render(file, NO_CRDS)))
    assert "modelrun-operator" in pods
    for name, pod in pods.items():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["requests"], name
            assert container["resources"]["limits"]["memory"], name


@each_file
def test_no_role_has_a_wildcard(render: Render, file: Path) -> None:
    roles = of_kind(render(file, NO_CRDS), "Role", "ClusterRole")
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], role


def test_the_operator_may_do_what_it_does_and_nothing_else(render: Render) -> None:
    whole = render(CHART / "ci/default-values.yaml", NO_CRDS)
    role = named(whole, "ClusterRole", "modelrun-operator")
    assert granted(role["rules"]) == rights(namespaced=True)
    profiles = named(whole, "ClusterRole", "modelrun-operator-profiles")
    assert granted(profiles["rules"]) == rights(namespaced=False)


def test_a_namespaced_operator_has_rights_in_its_namespaces_only(render: Render) -> None:
    whole = render(CHART / "ci/namespaced-values.yaml", NO_CRDS)
    roles = [m for m in of_kind(whole, "Role") if m["metadata"]["name"] == "modelrun-operator"]
    assert [role["metadata"]["namespace"] for role in roles] == ["quant", "risk"]
    for role in roles:
        assert granted(role["rules"]) == rights(namespaced=True)
    mine = {
        m["roleRef"]["name"]
        for m in of_kind(whole, "ClusterRoleBinding")
        for subject in m["subjects"]
        if subject.get("name") in {"modelrun-operator", "modelrun-dask"}
    }
    assert mine == {"modelrun-operator-profiles"}
    [dask] = [pod for name, pod in pod_specs(whole) if name == "modelrun-dask"]
    args = dask["containers"][0]["args"]
    assert [a for a in args if "namespace" in a] == ["--namespace=quant", "--namespace=risk"]


def test_every_setting_of_the_operator_is_set_by_the_chart(render: Render) -> None:
    flags = [NO_CRDS, "--set=namespaces={a,b}", "--set=daskController.enabled=false"]
    flags += ["--set=daskController.namespace=dask", "--set=operator.logLines=7"]
    flags += ["--set=operator.networkPolicies=false", "--set=operator.runAsUser=0"]
    deployment = named(render(None, *flags), "Deployment", "modelrun-operator")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    environment = {item["name"]: item["value"] for item in container["env"]}
    ours = {name for name in environment if name.startswith(PREFIX)}
    assert ours == {PREFIX + name.upper() for name in Settings.__slots__}
    settings = Settings.from_environment(environment)
    assert settings == Settings(
        namespaces=("a", "b"),
        dask_controller_namespace="dask",
        log_lines=7,
        network_policies=False,
        run_as_user=0,
    )


@each_file
def test_profiles_are_profiles_of_the_contract(render: Render, file: Path) -> None:
    carrier = named(render(file, NO_CRDS), "ConfigMap", "modelrun-profiles")
    for key, text in (carrier["data"] or {}).items():
        profile = load_profile_text(text, source=key)
        assert f"{profile.metadata.name}.yaml" == key
        assert profile.spec.image


def test_the_workers_of_a_profile_fit_a_node(render: Render) -> None:
    """EKS leaves 95,690m and 15,890m CPU; daemons take about 200m of that."""
    carrier = named(render(None, NO_CRDS), "ConfigMap", "modelrun-profiles")
    for name, most_milli in (("c5-24xlarge", 95_490), ("c5-4xlarge", 15_690)):
        spec = load_profile_text(carrier["data"][f"{name}.yaml"], source=name).spec
        requests = spec.worker.resources.requests
        assert int(str(requests["cpu"])) == spec.workers_per_node
        assert spec.workers_per_node * 1000 <= most_milli
        assert requests["memory"] == spec.worker.resources.limits["memory"]
        assert "cpu" not in spec.worker.resources.limits


def test_definitions_can_be_left_out_and_stay_when_the_release_goes(render: Render) -> None:
    crds = of_kind(render(None), "CustomResourceDefinition")
    assert {m["spec"]["group"] for m in crds} == {"modelrun.dev", "kubernetes.dask.org"}
    assert len(crds) == 6
    for m in crds:
        assert m["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert not of_kind(render(None, NO_CRDS), "CustomResourceDefinition")
    without_dask = of_kind(render(None, "--set=crds.dask=false"), "CustomResourceDefinition")
    assert {m["spec"]["group"] for m in without_dask} == {"modelrun.dev"}
    external = render(CHART / "ci/external-dask-values.yaml")
    assert {m["spec"]["group"] for m in of_kind(external, "CustomResourceDefinition")} == {
        "modelrun.dev"
    }
    assert not [name for name, _ in pod_specs(external) if "dask" in name]


def test_helm_refuses_a_key_that_the_chart_does_not_know(render: Render) -> None:
    with pytest.raises(ClusterError, match="replicas"):
        render(None, NO_CRDS, "--set=operator.replicas=2")


@pytest.mark.parametrize("name", ["everything", "namespaced"])
def test_the_api_server_takes_every_object(
    cluster: Cluster, render: Render, namespace: str, name: str
) -> None:
    """Strictly: an unknown field is an error. Kinds of other projects are left out."""
    manifests = [
        json.loads(json.dumps(m))
        for m in render(CHART / "ci" / f"{name}-values.yaml", NO_CRDS)
        if not m["apiVersion"].startswith("monitoring.coreos.com/")
    ]
    for m in manifests:
        if "namespace" in m["metadata"]:
            m["metadata"]["namespace"] = namespace
        m["metadata"]["name"] = f"dry-{m['metadata']['name']}"
        if m["kind"] == "Pod":
            # Nothing is made, so its own account is not there.
            m["spec"]["serviceAccountName"] = "default"
    whole = {"apiVersion": "v1", "kind": "List", "items": manifests}
    cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-",
        stdin=json.dumps(whole),
    )  # fmt: skip
