"""The same file gives the same tables on every backend and with any number of workers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "app" / "examples"
FILES = [
    path.name
    for path in sorted(EXAMPLES.glob("*.yaml"))
    if "program" not in yaml.safe_load(path.read_text())["spec"]
]

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


def tables(folder: str) -> dict[str, pd.DataFrame]:
    """Return the tables of a run without what tells of its way."""
    return {
        name: pd.read_parquet(f"{folder}/{name}.parquet").drop(
            columns=["seconds", "worker", "traceback"], errors="ignore"
        )
        for name in ("fits", "coefficients", "failures")
    }


def assert_same(found: dict[str, dict[str, pd.DataFrame]]) -> None:
    """Hold the tables of each way against those of `serial`."""
    for of_way in found.values():
        for name, table in of_way.items():
            pd.testing.assert_frame_equal(table, found["serial"][name], rtol=1e-12, atol=0)


@pytest.mark.timeout(240)
def test_all_backends_give_the_same_tables(modelrun, write):
    write("own.py", OWN)
    write("file.yaml", FILE)
    found = {}
    for way, flags in WAYS.items():
        to = way.replace(" ", "-")
        ended = modelrun("run", "file.yaml", *flags, "--to", to, "--no-report")
        assert ended.code == 0, ended.err
        found[way] = tables(to)
    assert len(found["serial"]["fits"]) == 3 * 30 * 4
    assert set(found["serial"]["failures"]["reason"]) == {"CallableError"}
    assert_same(found)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", FILES)
def test_an_example_gives_the_same_tables_on_every_backend(modelrun, write, name):
    document = yaml.safe_load((EXAMPLES / name).read_text())
    document["spec"].setdefault("execution", {})["audit"] = "0%"
    write(name, yaml.safe_dump(document))
    for module in EXAMPLES.glob("*.py"):
        write(module.name, module.read_text())
    found = {}
    for backend in ("serial", "threads", "dask"):
        ended = modelrun("run", name, "--backend", backend, "--to", backend, "--no-report")
        assert ended.code == 0, ended.err
        found[backend] = tables(backend)
    assert len(found["serial"]["fits"])
    assert_same(found)
