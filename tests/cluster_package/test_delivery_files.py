"""skaffold.yaml and the workflow say what their tools understand."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from cluster.home import CHECKOUT

SCHEMA = CHECKOUT.parent / "shared" / "data" / "skaffold-v4beta14.json"


@pytest.fixture(scope="module")
def skaffold() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CHECKOUT / "skaffold.yaml").read_text())
    return content


def test_skaffold_yaml_follows_the_schema_of_skaffold(skaffold: dict[str, Any]) -> None:
    if not SCHEMA.exists():
        pytest.skip(f"skaffold's schema v4beta14 is not at {SCHEMA}, beside the checkout")
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator(schema).validate(skaffold)


def test_skaffold_names_files_that_exist(skaffold: dict[str, Any]) -> None:
    configs = [skaffold, *skaffold["profiles"]]
    for config in configs:
        for artifact in config.get("build", {}).get("artifacts", []):
            assert (CHECKOUT / artifact["context"] / artifact["docker"]["dockerfile"]).is_file()
    assert {profile["name"] for profile in skaffold["profiles"]} == {"kind", "eks"}
    assert skaffold["verify"]


def test_the_model_that_skaffold_verifies_with_is_valid(skaffold: dict[str, Any]) -> None:
    from modelrun_api.loader import load_run_text

    program = skaffold["verify"][0]["container"]["args"][0]
    text = program.split('"""')[1]
    run = load_run_text(text)
    assert run.metadata.name == "verify"


def test_the_workflow_runs_make_e2e_on_two_versions_of_kubernetes() -> None:
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "e2e.yaml").read_text())
    job = workflow["jobs"]["kind"]
    assert len(job["strategy"]["matrix"]["kubernetes"]) == 2
    assert any("make e2e" in step.get("run", "") for step in job["steps"])
