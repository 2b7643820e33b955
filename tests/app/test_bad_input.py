"""Every mistake gets its exit code and one message with the place; no traceback, nothing lost."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DATA = "data: {uri: panel.csv}"
MODEL = "models: [{name: m, estimator: OLS, formula: 'y ~ x'}]"
TWICE = MODEL.replace("]", ", {name: m, estimator: OLS, formula: 'y ~ z'}]")
BY = "slices: {by: [firm]}"


def run_file(*sections: str, name: str = "case") -> str:
    body = textwrap.indent("\n".join(sections), "  ")
    head = f"apiVersion: modelrun.dev/v1alpha1\nkind: ModelRun\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n{body}\n"


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "firm": np.repeat(["a", "b", "c"], 30),
            "day": np.tile(np.arange(30), 3),
            "x": random.normal(size=90),
            "z": random.normal(size=90),
            "constant": 2.0,
            "empty": np.nan,
        }
    )
    frame["y"] = 1 + frame["x"] + random.normal(size=90)
    frame["twice"] = 2 * frame["x"]
    frame["infinite"] = frame["x"].where(frame["firm"] != "b", np.inf)
    frame["same"] = 1
    path = tmp_path / "panel.csv"
    frame.to_csv(path, index=False)
    return path


MISTAKES = {
    "an unknown field": ((DATA, MODEL, "slicse: {by: [firm]}"), ("slicse", "slices", "file.yaml:")),
    "a wrong type": ((DATA, MODEL, "slices: {by: firm}"), ("spec.slices.by", "file.yaml:")),
    "a YAML 1.1 trap as a key": (
        (DATA, "models: [{name: m, callable: 'own:f', kwargs: {y: 1}}]"),
        ("quote", "file.yaml:"),
    ),
    "a number that YAML reads as text": (
        (DATA, MODEL, "execution: {fitTimeoutSeconds: '1e2'}"),
        ("fitTimeoutSeconds", "1e2"),
    ),
    "two sources": (("data: {uri: panel.csv, dataset: french}", MODEL), ("exactly one", "dataset")),
    "no source": (("data: {where: 'x > 0'}", MODEL), ("exactly one",)),
    "a missing file": (("data: {uri: nowhere.csv}", MODEL), ("nowhere.csv",)),
    "a file that is not parquet": (
        ("data: {uri: panel.csv, format: parquet}", MODEL),
        ("panel.csv", "parquet"),
    ),
    "an unknown dataset": (("data: {dataset: frenhc}", MODEL), ("frenhc", "french")),
    "an unknown estimator": (
        (DATA, "models: [{name: m, estimator: OSL, formula: 'y ~ x'}]"),
        ("OSL", "OLS", "spec.models[0].estimator"),
    ),
    "a formula that does not parse": (
        (DATA, "models: [{name: m, estimator: OLS, formula: 'y ~ x +* z'}]"),
        ("y ~ x +* z", "spec.models[0].formula"),
    ),
    "a formula that names a column that is not there": (
        (DATA, "models: [{name: m, estimator: OLS, formula: 'y ~ xx'}]"),
        ("xx", "spec.models[0].formula"),
    ),
    "a by column that is missing": (
        (DATA, MODEL, "slices: {by: [frim]}"),
        ("frim", "firm", "spec.slices.by"),
    ),
    "a by column that is named like a table column": (
        ("data: {uri: clash.csv}", MODEL, "slices: {by: [term]}"),
        ("term", "spec.slices.by"),
    ),
    "two models of one name": ((DATA, TWICE), ("m", "unique")),
    "a window larger than every group": (
        (DATA, MODEL, "slices: {by: [firm], window: {column: day, size: 31}}"),
        ("31", "30"),
    ),
    "a negative window": (
        (DATA, MODEL, "slices: {window: {column: day, size: -3}}"),
        ("size", "-3"),
    ),
    "a window over a column that is not unique": (
        (DATA, MODEL, "slices: {window: {column: day, size: 10}}"),
        ("day", "spec.slices.window.column"),
    ),
    "adjusted p-values without p-values": (
        (DATA, MODEL, "results: {coefficients: [estimate, p_adjusted], adjust: {method: holm}}"),
        ("p_value", "spec.results.coefficients"),
    ),
    "a family of tests that is no column": (
        (DATA, MODEL, BY, "results: {adjust: {within: [modle]}}"),
        ("modle", "model", "spec.results.adjust.within"),
    ),
    "no rows after where": (("data: {uri: panel.csv, where: 'x > 1000'}", MODEL), ("x > 1000",)),
    "a where that is no expression": (
        ("data: {uri: panel.csv, where: 'x >'}", MODEL),
        ("x >", "spec.data.where"),
    ),
    "a callable that does not import": (
        (DATA, "models: [{name: m, callable: 'nowhere:f'}]"),
        ("nowhere", "spec.models[0].callable"),
    ),
    "a covariance that statsmodels does not have": (
        (DATA, MODEL.replace("'}", "', fit: {cov_type: HC9}}")),
        ("HC9", "HC3", "spec.models[0].fit.cov_type"),
    ),
    "autocorrelation without lags": (
        (DATA, MODEL.replace("'}", "', fit: {cov_type: HAC}}")),
        ("maxlags", "spec.models[0].fit.cov_type"),
    ),
    "clusters without groups": (
        (DATA, MODEL.replace("'}", "', fit: {cov_type: cluster}}")),
        ("groups: {column:", "spec.models[0].fit.cov_type"),
    ),
    "a keyword that the estimator does not take": (
        (DATA, MODEL.replace("'}", "', fit: {cov_tpe: HC3}}")),
        ("cov_tpe", "allowed:      cov_kwds, cov_type", "did you mean: cov_type", "^^^^^^^"),
    ),
    "a function that numpy does not have": (
        (DATA, "models: [{name: m, estimator: OLS, formula: 'y ~ np.lg(x)'}]"),
        ("np.lg", "log", "spec.models[0].formula"),
    ),
    "a formula with an open bracket": (
        (DATA, "models: [{name: m, estimator: OLS, formula: 'y ~ np.log(x'}]"),
        ("bracket", "spec.models[0].formula"),
    ),
    "more rows than a window has": (
        (DATA, MODEL, "slices: {by: [firm], window: {column: day, size: 10, minRows: 11}}"),
        ("minRows 11", "10 rows", "spec.slices.window.minRows"),
    ),
    "kernels for a function": (
        (DATA, "models: [{name: m, callable: 'own:f'}]", "execution: {engine: batched}"),
        ("batched", "function of your own", "spec.models[0].callable"),
    ),
    "results at a web address": (
        (DATA, MODEL, "results: {to: {uri: 'https://localhost/results'}}"),
        ("https://localhost/results", "spec.results.to"),
    ),
    "a keyword that the callable does not take": (
        (DATA, "models: [{name: m, callable: 'own:f', kwargs: {z: 1}}]"),
        ("'z'", "there are: y", "spec.models[0].kwargs.z"),
    ),
    "a keyword that the callable needs": (
        (DATA, "models: [{name: m, callable: 'own:needy'}]"),
        ("needs depth", "spec.models[0].callable"),
    ),
    "a callable that is not in its module": (
        (DATA, "models: [{name: m, callable: 'own:missing'}]"),
        ("missing", "spec.models[0].callable"),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda text: text.replace(" ", "-"))
def test_a_mistake_is_named_with_its_place_and_exit_code_2(modelrun, write, panel, mistake):
    sections, fragments = MISTAKES[mistake]
    write(
        "own.py",
        "def f(frame, y=1):\n    return {'a': 1.0}\n\n"
        "def needy(frame, *, depth):\n    return {'a': depth}\n",
    )
    write("clash.csv", "term,x,y\na,1,2\na,2,3\na,4,5\n")
    write("file.yaml", run_file(*sections))
    ended = modelrun("run", "file.yaml", "--backend", "serial")
    assert ended.code == 2, ended.err
    assert "Traceback" not in ended.err
    for fragment in fragments:
        assert fragment in ended.err


def test_an_unreadable_file_is_said_to_be_unreadable(modelrun, write, panel):
    write("file.yaml", run_file("data: {uri: folder.parquet}", MODEL))
    (panel.parent / "folder.parquet").mkdir()
    ended = modelrun("run", "file.yaml", "--backend", "serial")
    assert ended.code == 2
    assert "folder.parquet" in ended.err


FLAGGED = {
    "a constant regressor": ("y ~ constant", "rank_deficient"),
    "perfect collinearity": ("y ~ x + twice", "rank_deficient"),
}


@pytest.mark.parametrize("case", FLAGGED, ids=lambda text: text.replace(" ", "-"))
def test_collinearity_is_flagged_and_not_a_failure(modelrun, write, panel, case):
    formula, column = FLAGGED[case]
    model = f"models: [{{name: m, estimator: OLS, formula: '{formula}'}}]"
    write("file.yaml", run_file(DATA, model, BY))
    ended = modelrun("run", "file.yaml", "--backend", "serial", "--to", "out", "--no-report")
    assert ended.code == 0, ended.err
    fits = pd.read_parquet("out/fits.parquet")
    assert fits["status"].tolist() == ["succeeded"] * 3
    assert fits[column].tolist() == [True] * 3


def test_an_all_missing_column_skips_every_fit_with_the_reason(modelrun, write, panel):
    model = "models: [{name: m, estimator: OLS, formula: 'y ~ empty'}]"
    write("file.yaml", run_file(DATA, model, BY))
    ended = modelrun("run", "file.yaml", "--backend", "serial", "--to", "out", "--no-report")
    assert ended.code == 0, ended.err
    fits = pd.read_parquet("out/fits.parquet")
    assert fits["status"].tolist() == ["skipped"] * 3
    assert set(fits["reason"]) == {"EmptySlice"}
    assert "reasons  3 EmptySlice" in ended.out


def test_infinite_values_fail_the_fits_that_see_them(modelrun, write, panel):
    model = "models: [{name: m, estimator: OLS, formula: 'y ~ infinite'}]"
    write("file.yaml", run_file(DATA, model, BY, "execution: {maxFailed: 1}"))
    ended = modelrun("run", "file.yaml", "--backend", "serial", "--to", "out", "--no-report")
    assert ended.code == 0, ended.err
    fits = pd.read_parquet("out/fits.parquet")
    assert fits["status"].tolist() == ["succeeded", "failed", "succeeded"]
    failures = pd.read_parquet("out/failures.parquet")
    assert failures["reason"].tolist() == ["NonFiniteInput"]
    assert failures["firm"].tolist() == ["b"]


def test_more_failures_than_allowed_end_with_exit_code_3_and_keep_the_tables(
    modelrun, write, panel
):
    model = "models: [{name: m, estimator: OLS, formula: 'y ~ infinite'}]"
    write("file.yaml", run_file(DATA, model, BY, "execution: {maxFailed: 0}"))
    ended = modelrun("run", "file.yaml", "--backend", "serial", "--to", "out", "--no-report")
    assert ended.code == 3
    assert "maxFailed" in ended.err
    assert "1 NonFiniteInput, such as m · firm=b: the response" in ended.err
    assert len(pd.read_parquet("out/coefficients.parquet")) == 4


CALLABLES = {
    "nonsense": ("return 'nonsense'", "InvalidResult"),
    "exception": ("raise ValueError('no such thing')", "CallableError"),
    "exit": ("import sys; sys.exit(3)", "CallableError"),
    "fork": (
        "import os\n        if os.fork() == 0: return {'a': 2.0}\n        os.wait(); raise OSError",
        "CallableError",
    ),
}


@pytest.mark.parametrize("case", CALLABLES)
def test_a_callable_that_misbehaves_ends_as_a_record(modelrun, write, panel, case):
    body, reason = CALLABLES[case]
    write(
        "own.py",
        "def f(frame):\n    print('chatter')\n    if frame['firm'].iloc[0] == 'b':\n"
        f"        {body}\n    return {{'a': 1.0}}\n",
    )
    write(
        "file.yaml",
        run_file(DATA, "models: [{name: m, callable: 'own:f'}]", BY, "execution: {maxFailed: 1}"),
    )
    ended = modelrun("run", "file.yaml", "--backend", "serial", "--to", "out", "--no-report")
    assert ended.code == 0, ended.err
    failures = pd.read_parquet("out/failures.parquet")
    assert failures["reason"].tolist() == [reason]
    assert "modelrun fit" in failures["reproduce"].iloc[0]
    coefficients = pd.read_parquet("out/coefficients.parquet")
    assert coefficients[["firm", "term", "estimate"]].values.tolist() == [
        ["a", "a", 1.0],
        ["c", "a", 1.0],
    ]


def test_windows_over_unsorted_rows_are_those_of_sorted_ones(modelrun, write, panel):
    window = "slices: {by: [firm], window: {column: day, size: 10}}"
    shuffled = pd.read_csv(panel).sample(frac=1, random_state=1)
    shuffled.to_csv(panel.with_name("shuffled.csv"), index=False)
    for name, data in (("sorted", DATA), ("unsorted", "data: {uri: shuffled.csv}")):
        write("file.yaml", run_file(data, MODEL, window))
        ended = modelrun("run", "file.yaml", "--backend", "serial", "--to", name, "--no-report")
        assert ended.code == 0, ended.err
    left, right = (
        pd.read_parquet(f"{name}/coefficients.parquet").drop(columns="fit_key")
        for name in ("sorted", "unsorted")
    )
    pd.testing.assert_frame_equal(left, right)


KILLERS = """
import ctypes, os, signal

def f(frame):
    firm = frame["firm"].iloc[0]
    if firm == "aborts":
        os.abort()
    if firm == "allocates":
        blocks = []
        while True:
            blocks.append(b"x" * (64 << 20))
    if firm == "sleeps":
        ctypes.PyDLL(None).sleep(3600)
    if firm == "exits":
        os._exit(3)
    return {"mean": float(frame["y"].mean())}
"""


def test_callables_that_kill_their_worker_end_as_records_and_nothing_else_is_lost(
    modelrun, write, tmp_path, monkeypatch
):
    monkeypatch.setenv("MODELRUN_WORKER_MEMORY_BYTES", str(1 << 30))
    firms = ["aborts", "allocates", "exits", "sleeps", *(f"good {i}" for i in range(8))]
    random = np.random.default_rng(2)
    frame = pd.DataFrame({"firm": np.repeat(firms, 5), "y": random.normal(size=5 * len(firms))})
    frame.to_csv(tmp_path / "panel.csv", index=False)
    write("own.py", KILLERS)
    write(
        "file.yaml",
        run_file(
            DATA, "models: [{name: m, callable: 'own:f'}]", BY,
            "execution: {maxFailed: 4, fitTimeoutSeconds: 5}",
        ),
    )  # fmt: skip
    ended = modelrun("run", "file.yaml", "--backend", "dask", "--workers", 2, "--to", "out",
                     "--no-report")  # fmt: skip
    assert ended.code == 0, ended.err
    failures = pd.read_parquet("out/failures.parquet").set_index("firm")
    assert failures["reason"].to_dict() == {
        "aborts": "WorkerDied",
        "allocates": "OutOfMemory",
        "exits": "WorkerDied",
        "sleeps": "Timeout",
    }
    assert failures["reproduce"].str.startswith("modelrun fit ").all()
    coefficients = pd.read_parquet("out/coefficients.parquet")
    expected = frame.groupby("firm")["y"].mean().filter(like="good")
    assert coefficients.set_index("firm")["estimate"].to_dict() == pytest.approx(expected.to_dict())


def test_a_results_folder_that_cannot_be_written_is_named(modelrun, write, panel):
    write("file.yaml", run_file(DATA, MODEL, BY))
    write("occupied", "a file, not a folder")
    ended = modelrun("run", "file.yaml", "--backend", "serial", "--to", "occupied/out")
    assert ended.code in (2, 75)
    assert "occupied" in ended.err
    assert os.path.isfile("occupied")


def test_the_folder_of_another_study_is_refused_and_kept(modelrun, write, panel):
    write("one.yaml", run_file(DATA, MODEL, BY, name="one"))
    write("two.yaml", run_file(DATA, MODEL, BY, name="two"))
    assert (
        modelrun("run", "one.yaml", "--backend", "serial", "--to", "out", "--no-report").code == 0
    )
    before = Path("out/run.json").read_bytes()
    ended = modelrun("run", "two.yaml", "--backend", "serial", "--to", "out", "--no-report")
    assert ended.code == 2
    assert "one" in ended.err
    assert Path("out/run.json").read_bytes() == before
