"""The whole way: one file, applied with kubectl, becomes a secured cluster, tables, and nothing."""

from __future__ import annotations

import json

import pytest

from cluster.handle import Cluster
from cluster.home import CHECKOUT
from cluster.modelruns import PROFILE, Study, model_run, profile, results_claim, submit
from cluster.pods import python_pod
from cluster.s3 import S3

EXAMPLES = CHECKOUT / "app" / "examples"
MOMENTS = (
    "accepted",
    "preflighted",
    "secured",
    "schedulerAvailable",
    "quorum",
    "stored",
    "workersGone",
    "released",
)

HANDSHAKES = """
import json, socket, ssl
from threadpoolctl import threadpool_info
import numpy
address = ("127.0.0.1", 8786)
def shake(context):
    with socket.create_connection(address, timeout=10) as plain:
        with context.wrap_socket(plain) as secure:
            secure.settimeout(10)
            secure.recv(1)
            return secure.version()
def refused(context):
    try:
        return "connected with " + shake(context)
    except (ssl.SSLError, OSError) as error:
        return "refused"
def context(pair):
    made = ssl.create_default_context(cafile="/etc/dask-tls/ca.crt")
    made.check_hostname = False
    if pair:
        made.load_cert_chain("/etc/dask-tls/tls.crt", "/etc/dask-tls/tls.key")
    return made
old = context(True)
old.maximum_version = ssl.TLSVersion.TLSv1_2
with socket.create_connection(address, timeout=10) as plain:
    plain.sendall(b"\\0" * 64)
    plain.settimeout(10)
    try:
        answer = plain.recv(4096)
    except OSError:
        answer = b""
print(json.dumps({
    "ours": shake(context(True)),
    "without a certificate": refused(context(False)),
    "TLS 1.2": refused(old),
    "plain": "refused" if not answer or answer[0] == 21 else "answered",
    "threads": max(one["num_threads"] for one in threadpool_info()),
}))
"""

COMPARE = """
import json, subprocess, sys
import numpy as np, pandas as pd
open("/scratch/run.yaml", "w").write(FILE)
subprocess.run(["modelrun", "run", "/scratch/run.yaml", "--backend", "serial", "--to",
                "/scratch/local", "--no-report", "--quiet"], check=True)
here, there = "/scratch/local", "/results/" + PATH
worst = 0.0
rows = {}
for table in ("coefficients", "fits"):
    one, two = (pd.read_parquet(f"{place}/{table}.parquet") for place in (here, there))
    rows[table] = len(one)
    assert list(one["fit_key"]) == list(two["fit_key"]), table
    for name in one.select_dtypes("number"):
        if name in ("seconds",):
            continue
        a, b = one[name].to_numpy(float), two[name].to_numpy(float)
        assert (np.isnan(a) == np.isnan(b)).all(), name
        scale = np.maximum(np.abs(a), 1e-300)
        worst = max(worst, float(np.nanmax(np.abs(a - b) / scale, initial=0)))
print(json.dumps({"worst": worst, "rows": rows}))
"""


@pytest.mark.timeout(900)
def test_the_first_example_unchanged_runs_on_two_nodes_secured_and_leaves_nothing(
    cluster: Cluster, namespace: str, image: str, operator: str
) -> None:
    assert operator
    cluster.apply(profile(image, "c5-24xlarge"))
    cluster.apply(results_claim(), namespace=namespace)
    path = EXAMPLES / "fama-french-rolling.yaml"
    cluster.kubectl("apply", "-f", str(path), namespace=namespace)
    study = Study(cluster, namespace, "fama-french-rolling")

    # The cluster, while it is there.
    study.until("Provisioning")
    cluster.wait(
        "the scheduler runs",
        lambda: any(pod["status"].get("phase") == "Running" for pod in study.pods("scheduler")),
        limit=120,
    )
    cluster.wait("both workers have nodes", lambda: len(_nodes(study)) == 2, limit=120)
    assert _nodes(study) == set(cluster.nodes)
    scheduler = study.pods("scheduler")[0]["metadata"]["name"]

    def shaken() -> str:
        said = cluster.kubectl(
            "exec", scheduler, "--", "python", "-c", HANDSHAKES, namespace=namespace, check=False
        )
        return said if said.startswith("{") else ""

    assert json.loads(cluster.wait("the scheduler answers", shaken, limit=120)) == {
        "ours": "TLSv1.3",
        "without a certificate": "refused",
        "TLS 1.2": "refused",
        "plain": "refused",
        "threads": 1,
    }

    status = study.until("Succeeded")
    assert study.children() == []
    assert status["fits"]["succeeded"] == status["fits"]["total"] == 22_800
    assert status["results"]["uri"] == f"pvc://results/tables/{namespace}/fama-french-rolling"
    for condition in ("Accepted", "Preflighted", "Complete", "Released"):
        assert study.condition(condition)["status"] == "True", condition
    moments = [status["times"][name] for name in MOMENTS]
    assert moments == sorted(moments)
    print("\n" + "\n".join(f"{name:20} {status['times'][name]}" for name in MOMENTS))
    logs = cluster.get("configmap", status["results"]["logs"], namespace) or {}
    assert len(logs["data"]) >= 4, "preflight, runner, scheduler, workers"

    # A second apply changes nothing.
    said = cluster.kubectl("apply", "-f", str(path), namespace=namespace)
    assert "unchanged" in said
    before = study.body()["metadata"]["resourceVersion"]

    program = f"FILE = {path.read_text()!r}\nPATH = 'tables/{namespace}/{study.name}'\n{COMPARE}"
    cluster.apply(
        python_pod("compare", image, program, claims={"/results": "results"}),
        namespace=namespace,
    )
    cluster.wait_for_pod("compare", namespace, phases=["Succeeded"], limit=300)
    compared = json.loads(cluster.logs("compare", namespace).splitlines()[-1])
    assert compared["rows"] == {"coefficients": 22_800 * 5, "fits": 22_800}
    assert compared["worst"] <= 1e-12
    assert study.body()["metadata"]["resourceVersion"] == before, "nothing was written meanwhile"


def _nodes(study: Study) -> set[str]:
    return {pod["spec"]["nodeName"] for pod in study.pods("worker") if "nodeName" in pod["spec"]}


@pytest.mark.timeout(600)
def test_data_and_results_may_lie_in_a_bucket_with_credentials_from_a_secret(
    cluster: Cluster, namespace: str, operator: str, s3_server: S3
) -> None:
    import fsspec
    import numpy as np
    import pandas as pd

    assert operator
    bucket = f"study-{namespace[-6:]}"
    storage = fsspec.filesystem("s3", **s3_server.storage_options)
    storage.mkdir(bucket, region_name="eu-central-1")
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"group": np.repeat(list("abcd"), 50), "x": rng.normal(size=200)})
    frame["y"] = 1 + 2 * frame["x"] + rng.normal(size=200)
    with storage.open(f"{bucket}/panel.parquet", "wb") as file:
        frame.to_parquet(file)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "reader"},
        "stringData": s3_server.credentials,
    }
    cluster.apply(secret, namespace=namespace)
    study = submit(
        cluster,
        namespace,
        model_run(
            "bucket",
            data={"uri": f"s3://{bucket}/panel.parquet", "credentialsSecretName": "reader"},
            models=[{"name": "line", "estimator": "OLS", "formula": "y ~ x"}],
            slices={"by": ["group"]},
            results={
                "to": {"uri": f"s3://{bucket}/results"},
                "report": {"html": False, "pdf": False},
            },
        ),
    )
    status = study.until("Succeeded")
    assert status["fits"]["succeeded"] == 4
    with storage.open(f"{bucket}/results/coefficients.parquet", "rb") as file:
        table = pd.read_parquet(file)
    slope = np.polyfit(frame["x"][:50], frame["y"][:50], 1)[0]
    found = table[(table["group"] == "a") & (table["term"] == "x")]["estimate"].item()
    assert found == pytest.approx(slope, rel=1e-10)
    assert study.children() == []


@pytest.mark.timeout(600)
def test_an_unchanged_joblib_script_runs_on_the_cluster(
    cluster: Cluster, namespace: str, operator: str
) -> None:
    assert operator
    code = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "grid-code"},
        "data": {"grid.py": (EXAMPLES / "grid.py").read_text()},
    }
    cluster.apply(code, namespace=namespace)
    cluster.apply(results_claim(), namespace=namespace)
    run = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "grid-program"},
        "spec": {
            "program": {"command": ["python", "grid.py"]},
            "code": {"configMapName": "grid-code"},
            "cluster": {"profileName": PROFILE, "nodes": 2},
        },
    }
    study = submit(cluster, namespace, run)
    status = study.until("Succeeded")
    assert study.condition("Complete")["reason"] == "ProgramFinished"
    assert study.condition("Preflighted")["reason"] == "PreflightSkipped"
    logs = cluster.get("configmap", status["results"]["logs"], namespace) or {}
    assert any("-a1-" in name and text.strip() for name, text in logs["data"].items())
    assert study.children() == []
