"""The same file gives the same tables on every backend and with any number of workers."""

from __future__ import annotations

import pandas as pd
import pytest

FILE = """\
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata: {name: agree}
spec:
  data: {dataset: french, where: "date >= '2005-01-01'"}
  models:
  - {name: kernels, estimator: OLS, formula: "excess ~ mkt + smb", fit: {cov_type: HC3}}
  - {name: by-statsmodels, estimator: RLM, formula: "excess ~ mkt"}
  - {name: own, callable: "own:fit"}
  slices: {by: [portfolio], window: {column: date, size: 5Y, step: 2Y}}
"""

OWN = """\
def fit(frame):
    if frame["portfolio"].iloc[0] == "BusEq":
        raise ValueError("no technology")
    return {"mean": frame["excess"].mean()}
"""

WAYS = {
    "serial": ("--backend", "serial"),
    "threads": ("--backend", "threads", "--workers", "2"),
    "dask": ("--backend", "dask", "--workers", "2"),
    "dask over TLS with one worker": ("--backend", "dask", "--workers", "1", "--tls"),
}


@pytest.mark.timeout(240)
def test_all_backends_give_the_same_tables(modelrun, write):
    write("own.py", OWN)
    write("file.yaml", FILE)
    found = {}
    for way, flags in WAYS.items():
        to = way.replace(" ", "-")
        ended = modelrun("run", "file.yaml", *flags, "--to", to, "--no-report")
        assert ended.code == 0, ended.err
        found[way] = {
            name: pd.read_parquet(f"{to}/{name}.parquet").drop(
                columns=["seconds", "worker", "traceback"], errors="ignore"
            )
            for name in ("fits", "coefficients", "failures")
        }
    assert len(found["serial"]["fits"]) == 3 * 30 * 4
    assert set(found["serial"]["failures"]["reason"]) == {"CallableError"}
    for way in WAYS:
        for name, table in found[way].items():
            pd.testing.assert_frame_equal(table, found["serial"][name], rtol=1e-12, atol=0)
