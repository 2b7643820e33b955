"""Runs of other kinds, whole: data and tables in a bucket, and a program of the user's own."""

from __future__ import annotations

import pytest

from cluster.handle import Cluster
from cluster.home import CHECKOUT
from cluster.modelruns import PROFILE, model_run, results_claim, submit
from cluster.s3 import S3

EXAMPLES = CHECKOUT / "app" / "examples"


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
