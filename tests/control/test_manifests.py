"""What the operator makes: equal to the golden files, accepted by the schemas, restricted pods.

Refresh the golden files with `MODELRUN_REFRESH=1 pytest tests/control/test_manifests.py`.
"""

from __future__ import annotations

import os
from importlib.resources import files as package_files
from pathlib import Path

import pytest
import yaml

from modelrun_api.loader import validate_profile
from modelrun_operator.manifests import pods
from modelrun_operator.manifests.dask_cluster import dask_cluster
from modelrun_operator.manifests.jobs import preflight_job, runner_job
from modelrun_operator.manifests.network import network_policies
from modelrun_operator.manifests.quantities import amount
from modelrun_operator.manifests.run_document import run_document
from modelrun_operator.manifests.sizing import quorum, size
from modelrun_operator.manifests.tls_secret import tls_secret
from modelrun_operator.settings import Settings
from support.world import PROFILE, a_program, a_run, a_spec

GOLDEN = Path(__file__).parent / "golden"

RICH_PROFILE = {
    **PROFILE,
    "spec": {
        **PROFILE["spec"],
        "workersPerNode": 94,
        "limits": {"nodes": 10, "workers": 940, "hours": 12},
        "imagePullPolicy": "IfNotPresent",
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "modelrun-data",
        "worker": {
            "nodeSelector": {"eks.amazonaws.com/nodegroup": "c5"},
            "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}
            },
            "priorityClassName": "batch",
            "labels": {"kueue.x-k8s.io/queue-name": "research"},
            "annotations": {"team": "quant"},
            "resources": {
                "requests": {"cpu": 94, "memory": "165Gi"},
                "limits": {"memory": "165Gi"},
            },
            "scratch": {"size": "60Gi"},
        },
        "control": {
            "resources": {"requests": {"cpu": 2, "memory": "8Gi"}, "limits": {"memory": "8Gi"}},
            "scratch": {"size": "20Gi", "storageClassName": "gp3"},
        },
    },
}

PLAIN = a_run()
RICH = a_run(
    a_spec(
        data={
            "volume": {"claimName": "panel", "path": "ff25.parquet"},
            "credentialsSecretName": "s3-reader",
        },
        code={"configMapName": "decay-code"},
        results={"to": {"volume": {"claimName": "out", "path": "/ff25/"}}},
    )
)
PROGRAM = a_run(a_program(code={"uri": "s3://research/code.zip"}))

CASES = {"plain": (PLAIN, PROFILE), "rich": (RICH, RICH_PROFILE), "program": (PROGRAM, PROFILE)}


def everything(run, profile_document):
    profile = validate_profile(profile_document).spec
    settings = Settings()
    sized = size(run.spec, profile, nodes=2)
    made = [
        run_document(run),
        tls_secret(run, incarnation=1, files={"ca.crt": "PEM"}),
        *network_policies(run, settings, size=sized),
        dask_cluster(run, profile, settings, incarnation=1, size=sized),
        runner_job(run, profile, settings, attempt=3, incarnation=1, size=sized),
    ]
    if run.spec.program is None:
        made.append(preflight_job(run, profile, settings))
    return made


def pod_specs(manifest):
    match manifest["kind"]:
        case "Job":
            yield manifest["spec"]["template"]["spec"]
        case "DaskCluster":
            yield manifest["spec"]["scheduler"]["spec"]
            yield manifest["spec"]["worker"]["spec"]


ALL = [(case, manifest) for case, pair in CASES.items() for manifest in everything(*pair)]
IDS = [f"{case}-{m['kind']}-{m['metadata']['name'].rsplit('-', 1)[1]}" for case, m in ALL]
PODS = [(f"{case}-{i}", spec) for case, m in ALL for i, spec in enumerate(pod_specs(m))]


@pytest.mark.parametrize("case", CASES)
def test_the_manifests_are_those_of_the_golden_files(case):
    text = yaml.safe_dump_all(everything(*CASES[case]), sort_keys=False, width=100)
    file = GOLDEN / f"{case}.yaml"
    if os.environ.get("MODELRUN_REFRESH"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert file.read_text() == text


@pytest.mark.parametrize(("case", "manifest"), ALL, ids=IDS)
def test_every_child_says_whose_it_is(case, manifest):
    metadata = manifest["metadata"]
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ModelRun", "study", True)
    assert metadata["labels"]["modelrun.dev/run-uid"] == owner["uid"]
    assert metadata["namespace"] == "lab"


@pytest.mark.parametrize(("case", "spec"), PODS)
def test_every_pod_passes_the_restricted_pod_security_standard(case, spec):
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] != 0
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
    allowed = {"configMap", "secret", "emptyDir", "ephemeral", "persistentVolumeClaim"}
    names = [volume["name"] for volume in spec["volumes"]]
    assert len(names) == len(set(names))
    for volume in spec["volumes"]:
        assert set(volume) - {"name"} <= allowed
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= set(names)


@pytest.mark.parametrize(("case", "spec"), PODS)
def test_every_process_has_one_thread_and_a_home_that_can_be_written(case, spec):
    for container in spec["containers"]:
        env = {one["name"]: one.get("value") for one in container["env"]}
        threads = [name for name in env if name.endswith(("_NUM_THREADS", "MAXIMUM_THREADS"))]
        assert len(threads) == 7
        assert {env[name] for name in threads} == {"1"}
        assert env["HOME"] == env["TMPDIR"] == "/scratch"


def containers(kind, role=None):
    for case, manifest in ALL:
        if manifest["kind"] == kind:
            for key in ("scheduler", "worker") if kind == "DaskCluster" else ("template",):
                if role in {None, key}:
                    yield case, manifest["spec"][key]["spec"]


@pytest.mark.parametrize("role", ["scheduler", "worker"])
def test_each_role_holds_its_own_key_and_cannot_speak_plainly(role):
    for _, spec in containers("DaskCluster", role):
        (tls,) = [v["secret"] for v in spec["volumes"] if v["name"] == "tls"]
        assert {item["key"] for item in tls["items"]} == {"ca.crt", f"{role}.crt", f"{role}.key"}
        env = {one["name"]: one["value"] for one in spec["containers"][0]["env"]}
        assert env["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
        assert env["DASK_DISTRIBUTED__COMM__TLS__MIN_VERSION"] == "1.3"
        own = f"DASK_DISTRIBUTED__COMM__TLS__{role.upper()}__KEY"
        assert [n for n in env if n.endswith("__KEY")] == [own]
        assert "tls" in spec["containers"][0]["args"]


def test_workers_know_the_encrypted_address_before_the_controller_can_say_another():
    for case, spec in containers("DaskCluster", "worker"):
        env = {one["name"]: one["value"] for one in spec["containers"][0]["env"]}
        assert env["DASK_SCHEDULER_ADDRESS"].startswith("tls://study-0f1e2d3c-1-scheduler.lab.svc:")
        terms = spec["affinity"]["podAntiAffinity"]
        (rule,) = terms["requiredDuringSchedulingIgnoredDuringExecution"]
        assert rule["labelSelector"]["matchLabels"] == {
            "dask.org/workergroup-name": "study-0f1e2d3c-1-default"
        }
        assert rule["topologyKey"] == "kubernetes.io/hostname"
        workers = {"plain": "4", "program": "4", "rich": "94"}[case]
        args = spec["containers"][0]["args"]
        assert args[args.index("--nworkers") + 1] == workers


def test_the_runner_reads_the_mounted_file_and_leaves_its_outcome():
    jobs = [m for c, m in ALL if m["kind"] == "Job" and c == "rich"]
    runner = next(j for j in jobs if j["metadata"]["name"].endswith("-a3"))
    spec = runner["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["args"] == [
        "modelrun", "run", "/etc/modelrun/modelrun.yaml", "--backend", "dask",
        "--serve-progress", "8080", "--to", "/results/ff25",
    ]  # fmt: skip
    env = {one["name"]: one["value"] for one in container["env"]}
    assert env["MODELRUN_OUTCOME_FILE"] == "/dev/termination-log"
    assert env["MODELRUN_WORKERS"] == "188"
    assert env["MODELRUN_MIN_WORKERS"] == "141"
    assert int(env["MODELRUN_WORKER_MEMORY_BYTES"]) == int(165 * 2**30 * 0.95 / 94)
    assert runner["spec"]["backoffLimit"] == 0
    assert container["envFrom"] == [{"secretRef": {"name": "s3-reader"}}]
    assert {v["name"] for v in spec["volumes"]} == {
        "run", "scratch", "tls", "code", "code-source", "data", "results",
    }  # fmt: skip


def test_the_document_of_the_run_is_read_back_as_the_same_run():
    from modelrun_api import load_run_text

    text = run_document(RICH)["data"]["modelrun.yaml"]
    assert load_run_text(text).spec == RICH.spec


# ---- against the definition of the Dask controller ------------------------------------------


def dask_schema():
    folder = package_files("dask_kubernetes") / "operator/deployment/helm"
    text = (folder / "dask-kubernetes-operator/crds/daskcluster.yaml").read_text()
    (version,) = yaml.safe_load(text)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def unknown(value, schema, path=""):
    """Yield what a structural schema would prune or refuse."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            child = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if isinstance(child, dict):
                yield from unknown(item, child, f"{path}.{key}")
            elif child is None:
                yield f"{path}.{key}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown(item, schema.get("items", {}), f"{path}[{index}]")
    elif not schema.get("x-kubernetes-int-or-string"):
        kinds = {"string": str, "integer": int, "boolean": bool}
        if not isinstance(value, kinds.get(schema.get("type"), object)):
            yield f"{path}: {value!r} is no {schema.get('type')}"


@pytest.mark.parametrize("case", CASES)
def test_nothing_of_a_dask_cluster_is_pruned_or_refused(case):
    (manifest,) = [m for c, m in ALL if c == case and m["kind"] == "DaskCluster"]
    assert list(unknown({"spec": manifest["spec"]}, dask_schema())) == []
    assert len(manifest["metadata"]["name"]) <= 53


# ---- small sums -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("500m", 0.5), (2, 2), ("94", 94), ("1Ki", 1024), ("165Gi", 165 * 2**30), ("1.5G", 1.5e9)],
)
def test_quantities_are_numbers(quantity, number):
    assert float(amount(quantity)) == number


@pytest.mark.parametrize(
    ("asked", "workers", "needed"),
    [("80%", 470, 376), ("80%", 1, 1), ("75%", 7, 6), (3, 8, 3), (9, 8, 8), ("0%", 8, 1)],
)
def test_a_quorum_is_a_number_or_a_share_rounded_up(asked, workers, needed):
    assert quorum(asked, workers) == needed


def test_without_ids_the_cluster_chooses_them():
    security = pods.pod_security(Settings(run_as_user=0, run_as_group=0))
    assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
