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
    "a callable that is not in its module": (
        (DATA, "models: [{name: m, callable: 'own:missing'}]"),
        ("missing", "spec.models[0].callable"),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda text: text.replace(" ", "-"))
def test_a_mistake_is_named_with_its_place_and_exit_code_2(modelrun, write, panel, mistake):
    sections, fragments = MISTAKES[mistake]
    write("own.py", "def f(frame, y=1):\n    return {'a': 1.0}\n")
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
