"""Data from a bucket, results to a bucket: the same run, on a server that speaks S3."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

FILE = """\
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata: {name: bucket}
spec:
  data: {uri: s3://lab/panel.parquet, where: "firm != 'Union Oil'"}
  models: [{name: m, estimator: OLS, formula: "invest ~ value + capital"}]
  slices: {by: [firm]}
  results: {to: {uri: s3://lab/results/bucket}, report: {html: true, pdf: false}}
"""


@pytest.fixture
def bucket(monkeypatch):
    import s3fs

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem(use_listings_cache=False)
    files.makedirs("lab", exist_ok=True)
    yield files
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_a_run_reads_from_and_writes_to_a_bucket_and_resumes_there(modelrun, write, bucket):
    import statsmodels.api as sm

    with bucket.open("lab/panel.parquet", "wb") as file:
        sm.datasets.grunfeld.load_pandas().data.to_parquet(file)
    write("file.yaml", FILE)
    ended = modelrun("run", "file.yaml", "--backend", "serial")
    assert ended.code == 0, ended.err
    names = {path.rpartition("/")[2] for path in bucket.ls("lab/results/bucket")}
    assert {"coefficients.parquet", "fits.parquet", "report.html", "run.json"} <= names
    with bucket.open("lab/results/bucket/coefficients.parquet") as file:
        assert len(pd.read_parquet(file)) == 30
    ended = modelrun("run", "file.yaml", "--backend", "serial", "--output", "json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["counts"]["reused"] == 10
    bucket.invalidate_cache()
    assert b"secret-of-the-test" not in bucket.cat("lab/results/bucket/run.json")
    assert modelrun("results", "s3://lab/results/bucket").code == 0


def test_a_bucket_that_is_not_there_is_named(modelrun, write, bucket):
    write("file.yaml", FILE.replace("s3://lab/results", "s3://no-such-bucket/results"))
    import statsmodels.api as sm

    with bucket.open("lab/panel.parquet", "wb") as file:
        sm.datasets.grunfeld.load_pandas().data.to_parquet(file)
    ended = modelrun("run", "file.yaml", "--backend", "serial")
    assert ended.code in {2, 75}
    assert "no-such-bucket" in ended.err
