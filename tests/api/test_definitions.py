"""The generated definitions: committed as generated, structural, small, and of one mind with us."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from modelrun_api import SpecError, load_profile_text, validate_run
from modelrun_api.crd import UnsupportedSchemaError, _Translation, crd_documents, crd_files
from modelrun_api.schema import json_schema

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "charts/modelrun/files/crds"
SCHEMA_FILE = ROOT / "app/examples/modelrun.schema.json"


def nodes(node, path=""):
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}.*")


def schema_of(document):
    return document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def test_the_committed_definitions_are_the_generated_ones():
    """Refresh them with `make crd`."""
    for name, text in crd_files().items():
        assert (FOLDER / name).read_text() == text, f"{name} is old: run `make crd`"


def test_the_committed_schema_is_the_generated_one():
    """Refresh it with `make crd`."""
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema(), "old: run `make crd`"


@pytest.mark.parametrize("document", crd_documents(), ids=["run", "profile"])
def test_a_definition_stays_far_below_what_clients_can_apply(document):
    assert len(yaml.safe_dump(document)) < 100_000
    assert "*id" not in "".join(crd_files().values())


@pytest.mark.parametrize("document", crd_documents(), ids=["run", "profile"])
def test_a_definition_is_structural_and_bounded(document):
    for path, node in nodes(schema_of(document)):
        assert "$ref" not in node, path
        assert "const" not in node, path
        assert "oneOf" not in node, path
        if "anyOf" in node:
            assert node["x-kubernetes-int-or-string"] is True, path
            assert node["anyOf"] == [{"type": "integer"}, {"type": "string"}], path
            continue
        assert node["type"] in {"object", "array", "string", "integer", "boolean"}, path
        if node["type"] == "object" and "properties" in node:
            assert "additionalProperties" not in node, path
        if path.startswith(".spec"):
            assert "description" in node or path.endswith(("[]", ".*")), path
            if node["type"] == "array":
                assert "maxItems" in node, path
            if node["type"] == "string":
                assert {"maxLength", "enum", "pattern"} & set(node), path


def test_no_field_is_a_boolean_of_yaml():
    for document in crd_documents():
        for path, _ in nodes(schema_of(document)):
            name = path.rsplit(".", 1)[-1].lower()
            assert name not in {"y", "n", "yes", "no", "on", "off", "true", "false"}, path


def test_our_own_fields_are_never_floats():
    for document in crd_documents():
        for path, node in nodes(schema_of(document)):
            assert node.get("type") != "number", path


def test_what_people_see_in_a_list_of_runs():
    run = crd_documents()[0]["spec"]
    columns = [column["name"] for column in run["versions"][0]["additionalPrinterColumns"]]
    assert columns[:6] == ["Phase", "Fits", "Failed", "Workers", "Cost", "Age"]
    assert run["names"]["shortNames"] == ["mrun"]
    assert "status" in run["versions"][0]["subresources"]


def test_run_defining_fields_are_immutable_and_the_others_are_not():
    spec = schema_of(crd_documents()[0])["properties"]["spec"]
    fixed = {
        rule["fieldPath"].removeprefix(".")
        for rule in spec["x-kubernetes-validations"]
        if rule.get("reason") == "FieldValueForbidden"
    }
    free = set(spec["properties"]) - fixed
    assert free == {
        "suspend",
        "startupDeadlineSeconds",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
        "budget",
    }


@pytest.mark.parametrize(
    "node",
    [
        {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
        {"oneOf": [{"type": "string"}]},
        {"type": "array", "prefixItems": []},
        {"type": "object"},
        {"$ref": "#/$defs/Own"},
    ],
)
def test_what_has_no_structural_form_is_refused_with_its_path(node):
    translation = _Translation({"Own": {"$ref": "#/$defs/Own"}})
    with pytest.raises(UnsupportedSchemaError, match=r"^spec\.x"):
        translation.node(node, "spec.x")


def test_the_schema_for_editors_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert "x-kubernetes" not in json.dumps(json_schema())
    assert '"null"' not in json.dumps(json_schema())


def example(**spec):
    return {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "a"},
        "spec": {
            "data": {"dataset": "french"},
            "models": [{"name": "m", "estimator": "OLS", "formula": "y ~ x"}],
            **spec,
        },
    }


@pytest.mark.parametrize(
    ("document", "right"),
    [
        (example(), True),
        (example(backoffLimit=3, budget={"amount": "5"}), True),
        (example(slices={"window": {"column": "date", "size": "5Y"}}), True),
        (example(slices={"window": {"column": "date", "size": 0}}), False),
        (example(backoffLimit="3"), False),
        (example(results={"fits": ["rsquared"]}), False),
        (example(unknown=1), False),
        (example(cluster={"profileName": "c5", "minWorkers": "80%"}), True),
        (example(cluster={"profileName": "c5", "minWorkers": "80 %"}), False),
    ],
)
def test_editors_and_the_loader_agree(document, right):
    valid = jsonschema.Draft202012Validator(json_schema()).is_valid(document)
    assert valid == right
    if right:
        validate_run(document)
    else:
        with pytest.raises(SpecError):
            validate_run(document)


PROFILE = """\
apiVersion: modelrun.dev/v1alpha1
kind: ModelRunProfile
metadata: {name: c5-24xlarge}
spec:
  image: registry.example/modelrun:0.1.0
  workersPerNode: 94
  price: {perNodeHour: "4.08"}
  limits: {nodes: 5, workers: 470, hours: 12}
  worker:
    nodeSelector: {eks.amazonaws.com/nodegroup: c5}
    tolerations: [{key: dedicated, operator: Equal, value: modelrun, effect: NoSchedule}]
    affinity: {nodeAffinity: {}}
    resources: {requests: {cpu: 94, memory: 165Gi}, limits: {memory: 165Gi}}
    scratch: {size: 60Gi}
    capacityType: spot
"""


def test_a_profile_says_what_a_run_gets():
    profile = load_profile_text(PROFILE).spec
    assert profile.price.per_node_hour == "4.08"
    assert profile.worker.resources.requests == {"cpu": 94, "memory": "165Gi"}
    assert profile.control.scratch.size == "10Gi"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"4.08"', "4.08", 'quote it, "4.08"'),
        ("165Gi}}", "165GB}}", "a quantity of Kubernetes"),
        ("spot", "sport", "did you mean: spot"),
        ("Equal", "Equals", "did you mean: Equal"),
        ("workersPerNode", "workerPerNode", "did you mean: workersPerNode"),
    ],
)
def test_a_mistake_in_a_profile_is_shown_in_the_same_way(old, new, words):
    with pytest.raises(SpecError) as error:
        load_profile_text(PROFILE.replace(old, new, 1), "p.yaml")
    assert words in error.value.render()
