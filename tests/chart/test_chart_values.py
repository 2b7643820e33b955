"""The chart's values: documented, typed, in the README, and the definitions it carries."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest
import yaml

from modelrun_api.crd import crd_files

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "modelrun"
CI = sorted((CHART / "ci").glob("*.yaml")) + sorted((CHART / "examples").rglob("values*.yaml"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chart_generate", ROOT / "charts/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_schema_and_readme_are_what_values_yaml_says(generate: ModuleType) -> None:
    for path, text in generate.files().items():
        assert path.read_text() == text, f"{path} is stale: python charts/generate.py"


def test_a_value_without_a_comment_is_refused(generate: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"operator\.extra has no comment"):
        generate.values("# An operator.\noperator:\n  extra: 1\n")


def test_the_defaults_pass_the_schema() -> None:
    jsonschema.validate(yaml.safe_load((CHART / "values.yaml").read_text()), SCHEMA)


@pytest.mark.parametrize("path", CI, ids=lambda path: path.name)
def test_every_values_file_passes_the_schema(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 2},
        {"operator": {"replicas": 2}},
        {"operator": {"runAsUser": "root"}},
        {"profiles": {"mine": {"workerPerNode": 4}}},
        {"profiles": {"mine": {"worker": {"nodeselector": {}}}}},
        {"profiles": {"mine": {"users": [{"kind": "Everybody", "name": "x"}]}}},
        {"uninstall": {"unfinishedRuns": "forget"}},
        {"accessPolicy": {"actions": []}},
    ],
    ids=str,
)
def test_unknown_keys_and_wrong_values_are_refused(wrong: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_the_definitions_are_those_of_the_contract() -> None:
    carried = {path.name: path.read_text() for path in (CHART / "files/crds").iterdir()}
    assert carried == crd_files()


def test_the_dask_definitions_are_those_of_the_installed_controller() -> None:
    found = importlib.util.find_spec("dask_kubernetes")
    assert found is not None and found.origin is not None
    inner = "operator/deployment/helm/dask-kubernetes-operator/crds"
    theirs = {p.name: p.read_text() for p in (Path(found.origin).parent / inner).iterdir()}
    ours = {p.name: p.read_text() for p in (CHART / "files/dask-crds").iterdir()}
    assert ours == theirs


def test_chart_and_program_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project is not None
    assert chart["appVersion"] == chart["version"] == project[1]


def test_every_alert_has_a_runbook_and_asks_for_metrics_that_exist() -> None:
    from prometheus_client import REGISTRY

    import modelrun_operator.telemetry  # noqa: F401  it registers the metrics

    known = {metric.name for metric in REGISTRY.collect()}
    known |= {f"{name}_total" for name in known} | {f"{name}_bucket" for name in known}
    alerts = yaml.safe_load((CHART / "files/alerts.yaml").read_text())["alerts"]
    pages = {path.stem for path in (CHART / "runbooks").glob("Modelrun*.md")}
    assert {alert["alert"] for alert in alerts} == pages
    for alert in alerts:
        asked = set(re.findall(r"\bmodelrun_[a-z_]+", alert["expr"]))
        assert asked and asked <= known, alert["alert"]


def test_skaffold_sets_only_values_that_exist() -> None:
    text = (ROOT / "skaffold.yaml").read_text()
    config = yaml.safe_load(text)
    releases = [
        release
        for part in (config, *config["profiles"])
        for release in part.get("deploy", {}).get("helm", {}).get("releases", [])
    ]
    assert releases
    for release in releases:
        assert (ROOT / release["chartPath"]) == CHART
        for file in release.get("valuesFiles", []):
            assert ROOT / file in CI
        for name in {**release.get("setValueTemplates", {}), **release.get("setValues", {})}:
            node = SCHEMA
            for key in name.split("."):
                assert key in node["properties"], name
                node = node["properties"][key]
