"""The Python door and the smaller commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

DOCUMENT = {
    "apiVersion": "modelrun.dev/v1alpha1",
    "kind": "ModelRun",
    "metadata": {"name": "door"},
    "spec": {
        "data": {"dataset": "grunfeld"},
        "models": [{"name": "pooled", "estimator": "OLS", "formula": "invest ~ value + capital"}],
        "slices": {"by": ["firm"]},
        "results": {"report": {"html": False, "pdf": False}},
    },
}


def test_run_takes_a_dictionary_and_returns_pandas_frames(tmp_path, monkeypatch):
    import modelrun

    monkeypatch.chdir(tmp_path)
    result = modelrun.run(DOCUMENT, backend="serial", quiet=True)
    assert isinstance(result.coefficients, pd.DataFrame)
    assert set(result.coefficients["term"]) == {"Intercept", "value", "capital"}
    assert len(result.fits) == 11
    assert len(result.failures) == 0
    assert (tmp_path / "results" / "door" / "run.json").exists()
    assert "pooled" in result._repr_html_()


def test_missing_kernels_are_told_once_and_statsmodels_does_the_fits(tmp_path, monkeypatch, capsys):
    import modelrun

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "modelrun.engines.batched._kernels", None)
    document = json.loads(json.dumps(DOCUMENT))
    document["spec"]["models"].append(document["spec"]["models"][0] | {"name": "again"})
    result = modelrun.run(document, backend="serial")
    assert set(result.fits["engine"]) == {"statsmodels"}
    assert capsys.readouterr().err.count("kernels of the batched engine are missing") == 1


def test_run_takes_a_file_and_a_model_run_object_alike(tmp_path, monkeypatch):
    import yaml

    import modelrun

    monkeypatch.chdir(tmp_path)
    Path("file.yaml").write_text(yaml.safe_dump(DOCUMENT))
    by_file = modelrun.run("file.yaml", to="one", backend="serial", quiet=True)
    by_object = modelrun.run(
        modelrun.ModelRun.model_validate(DOCUMENT), to="two", backend="serial", quiet=True
    )
    pd.testing.assert_frame_equal(by_file.coefficients, by_object.coefficients)
    assert len(modelrun.open_results("one").fits) == 11


def test_plots_return_axes(tmp_path, monkeypatch):
    import matplotlib as mpl

    mpl.use("Agg")
    import modelrun

    monkeypatch.chdir(tmp_path)
    result = modelrun.run(DOCUMENT, backend="serial", quiet=True)
    axes = result.plot.coefficients()
    assert axes.get_title() or axes.get_xlabel()


def test_a_mistake_in_a_dictionary_names_the_field(tmp_path, monkeypatch):
    import modelrun
    from modelrun_api import SpecError

    monkeypatch.chdir(tmp_path)
    document = json.loads(json.dumps(DOCUMENT))
    document["spec"]["slices"]["by"] = ["frim"]
    with pytest.raises(SpecError, match="firm"):
        modelrun.run(document, backend="serial", quiet=True)


def test_help_is_quick_because_it_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['modelrun', '--help']\n"
        "from modelrun.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'statsmodels', 'distributed', 'matplotlib',"
        " 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "modelrun run modelrun.yaml" in ended.stdout


def test_the_starter_file_is_valid_and_runs(modelrun):
    assert modelrun("init", "first.yaml").code == 0
    assert modelrun("validate", "first.yaml").code == 0
    ended = modelrun("run", "first.yaml", "--backend", "serial", "--sample", "20", "--no-report")
    assert ended.code == 0, ended.err
    assert Path("results/first-run-trial/fits.parquet").exists()
    assert modelrun("init", "first.yaml").code == 2


def test_plan_forecasts_and_names_engine_and_columns(modelrun):
    modelrun("init", "first.yaml")
    ended = modelrun("plan", "first.yaml", "--output", "json", "--no-pilot")
    assert ended.code == 0, ended.err
    plan = json.loads(ended.out)
    assert plan["fits"]["stored"] == 0
    assert [model["name"] for model in plan["models"]] == ["capm", "three-factor"]
    assert set(plan["models"][0]["columns"]) == {"excess", "mkt"}


def test_results_show_export_and_compare(modelrun):
    modelrun("init", "first.yaml")
    run = ("run", "first.yaml", "--backend", "serial", "--sample", "12", "--no-report")
    assert modelrun(*run, "--to", "one").code == 0
    assert modelrun(*run, "--to", "two").code == 0
    assert modelrun("results", "one").code == 0
    assert modelrun("results", "one", "--diff", "two").code == 0
    assert modelrun("results", "one", "--csv", "csv").code == 0
    assert len(pd.read_csv("csv/fits.csv")) == 12


def test_a_single_fit_is_shown_by_its_key(modelrun):
    modelrun("init", "first.yaml")
    modelrun("run", "first.yaml", "--backend", "serial", "--sample", "3", "--no-report")
    key = pd.read_parquet("results/first-run-trial/fits.parquet")["fit_key"].iloc[0]
    ended = modelrun("fit", key[:12], "first.yaml")
    assert ended.code == 0, ended.err
    assert "OLS Regression Results" in ended.out


@pytest.mark.parametrize("command", ["schema", "crd", "version", "datasets"])
def test_commands_that_print_end_well(modelrun, command):
    ended = modelrun(command)
    assert ended.code == 0
    assert ended.out


def test_progress_is_served_while_a_run_goes_on(tmp_path):
    import urllib.request

    from modelrun.progress import Tally
    from modelrun.serving import serve

    tally = Tally()
    tally.counts["total"] = 10
    tally.enter("fitting")
    tally.add({"succeeded": 4}, work=1.0)
    with serve(tally, 0, host="127.0.0.1") as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/progress", timeout=5) as answer:
            document = json.load(answer)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
    assert document["fits"]["done"] == 4
    assert document["stage"] == "fitting"
    assert 'modelrun_fits{status="succeeded"} 4.0' in metrics
