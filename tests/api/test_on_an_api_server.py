"""The definitions on a real API server: it refuses what we refuse, and enforces what only it can.

Runs where MODELRUN_API_SERVER_KUBECONFIG names a kubeconfig with rights to install definitions,
such as that of the test cluster or of a bare kube-apiserver with etcd.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from copy import deepcopy
from pathlib import Path

import pytest

from cluster.definitions import define
from modelrun_api import SpecError, validate_run

ROOT = Path(__file__).parents[2]
KUBECONFIG = os.environ.get("MODELRUN_API_SERVER_KUBECONFIG", "")

pytestmark = [
    pytest.mark.skipif(
        not KUBECONFIG or shutil.which("kubectl") is None,
        reason="MODELRUN_API_SERVER_KUBECONFIG names no API server",
    ),
]


def kubectl(*arguments, document=None):
    return subprocess.run(
        ["kubectl", "--kubeconfig", KUBECONFIG, *arguments],
        input=None if document is None else json.dumps(document),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def namespace():
    define("kubectl", Path(KUBECONFIG))
    name = f"contract-{uuid.uuid4().hex[:8]}"
    assert kubectl("create", "namespace", name).returncode == 0
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def a_run(name="a", **spec):
    return {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": name},
        "spec": {
            "data": {"dataset": "french"},
            "models": [{"name": "m", "estimator": "OLS", "formula": "y ~ x"}],
            "cluster": {"profileName": "c5"},
            **spec,
        },
    }


def without(document, *names):
    for name in names:
        del document["spec"][name]
    return document


MODEL = {"name": "m", "estimator": "OLS", "formula": "y ~ x"}

REFUSED_BY_BOTH = {
    "two sources": (a_run(data={"dataset": "french", "uri": "s3://a/b"}), "exactly one of uri"),
    "no source": (a_run(data={"where": "a > 1"}), "exactly one of uri"),
    "no models": (a_run(models=[]), "at least one model"),
    "models and no data": (without(a_run(), "data"), "data and models, or a program"),
    "a program with data": (a_run(program={"command": ["a"]}), "data and models, or a program"),
    "a program with slices": (
        without(a_run(program={"command": ["a"]}, slices={"by": ["g"]}), "data", "models"),
        "a program has no slices",
    ),
    "estimator and callable": (
        a_run(models=[{**MODEL, "callable": "a:b"}]),
        "exactly one of estimator and callable",
    ),
    "a callable with a formula": (
        a_run(models=[{"name": "m", "callable": "a:b", "formula": "y ~ x"}]),
        "a callable takes neither",
    ),
    "neither formula nor endog": (
        a_run(models=[{"name": "m", "estimator": "OLS"}]),
        "exactly one of formula and endog",
    ),
    "a formula with time": (a_run(models=[{**MODEL, "time": "date"}]), "go with endog"),
    "two models of one name": (a_run(models=[MODEL, MODEL]), "Duplicate value"),
    "an unknown field": (a_run(unknown=1), "unknown field"),
    "a text for a number": (a_run(backoffLimit="2"), "must be of type integer"),
    "a number that is too large": (a_run(backoffLimit=101), "less than or equal to 100"),
    "a wrong word": (a_run(execution={"engine": "fast"}), "Unsupported value"),
    "a window of no length": (a_run(slices={"window": {"column": "d", "size": 0}}), "takes a"),
    "a window of an unknown unit": (
        a_run(slices={"window": {"column": "d", "size": "5 years"}}),
        "such as 5Y",
    ),
    "a percentage with a space": (a_run(execution={"maxFailed": "5 %"}), "such as 5%"),
    "a block bootstrap without a length": (
        a_run(slices={"resample": {"method": "block", "replicates": 9}}),
        "blockLength goes with method block",
    ),
    "p_adjusted without saying how": (
        a_run(results={"coefficients": ["p_adjusted"]}),
        "say how in adjust",
    ),
    "a confidence level of zero": (a_run(results={"confLevel": "0.0"}), "confLevel"),
    "a name with a capital": (a_run(name="Abc"), "metadata.name"),
    "a name that starts with a digit": (a_run(name="2024-run"), "metadata.name"),
    "a name with a dot": (a_run(name="a.b"), "40 lower-case"),
    "a name that is too long": (a_run(name="a" * 41), "40 lower-case"),
}


@pytest.mark.parametrize("case", REFUSED_BY_BOTH)
def test_the_api_server_refuses_what_the_laptop_refuses(case, namespace):
    document, words = REFUSED_BY_BOTH[case]
    with pytest.raises(SpecError):
        validate_run(document)
    done = kubectl(
        "create",
        "-n",
        namespace,
        "--validate=strict",
        "--dry-run=server",
        "-f",
        "-",
        document=document,
    )
    assert done.returncode != 0
    assert words in done.stderr


def changed(**spec):
    document = a_run("steady", slices={"window": {"column": "d", "size": 60}})
    document["spec"].update(spec)
    return document


FREE = {"kwargs": {"deep": {"er": [1, 2]}}}

FORBIDDEN_CHANGES = {
    "another formula": {"models": [{**MODEL, "formula": "y ~ z"}]},
    "a keyword deep in a free map": {"models": [{**MODEL, "fit": {"cov_kwds": {"maxlags": 2}}}]},
    "another member of a section": {"slices": {"window": {"column": "d", "size": 61}}},
    "a section that appears": {"code": {"configMapName": "c"}},
    "another profile": {"cluster": {"profileName": "c6"}},
    "a retry that appears": {"backoffLimit": 9},
}


@pytest.fixture(scope="module")
def steady(namespace):
    done = kubectl("create", "-n", namespace, "-f", "-", document=changed())
    assert done.returncode == 0, done.stderr
    return namespace


@pytest.mark.parametrize("case", FORBIDDEN_CHANGES)
def test_what_defines_a_run_never_changes(case, steady):
    done = kubectl(
        "apply",
        "-n",
        steady,
        "--dry-run=server",
        "-f",
        "-",
        document=changed(**FORBIDDEN_CHANGES[case]),
    )
    assert done.returncode != 0
    assert "cannot change" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"suspend": True},
        {"activeDeadlineSeconds": 600},
        {"startupDeadlineSeconds": 600},
        {"ttlSecondsAfterFinished": 5},
        {"budget": {"amount": "9"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_only_steers_a_run_may_change(change, steady):
    patch = json.dumps({"spec": change})
    done = kubectl(
        "patch", "modelrun", "steady", "-n", steady, "--dry-run=server", "--type=merge", "-p", patch
    )
    assert done.returncode == 0, done.stderr


def test_the_largest_file_passes_the_cost_of_the_rules(namespace):
    models = [
        {"name": f"m{i}", "estimator": "OLS", "formula": "y ~ " + "x" * 2000, "fit": FREE}
        for i in range(256)
    ]
    document = a_run("large", models=models)
    for _ in range(2):
        done = kubectl("apply", "--server-side", "-n", namespace, "-f", "-", document=document)
        assert done.returncode == 0, done.stderr


def test_defaults_of_the_server_are_those_of_the_laptop(namespace):
    document = a_run("defaults")
    done = kubectl(
        "create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-", document=document
    )
    stored = json.loads(done.stdout)
    assert validate_run(stored).spec == validate_run(deepcopy(document)).spec
    assert stored["spec"]["results"]["confLevel"] == "0.95"


def test_every_example_is_accepted_and_applying_it_again_changes_nothing(namespace):
    for example in sorted((ROOT / "app/examples").glob("*.yaml")):
        done = kubectl("apply", "-n", namespace, "--validate=strict", "-f", str(example))
        assert done.returncode == 0, done.stderr
        done = kubectl("apply", "-n", namespace, "--validate=strict", "-f", str(example))
        assert done.stdout.strip().endswith("unchanged")
