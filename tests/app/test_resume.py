"""Nothing that was finished is computed again or lost, whatever happened in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelrun.fitting import PROBES_PER_MODEL
from modelrun.store.store import Store

RUN = ("run", "file.yaml", "--backend", "serial", "--no-report")

SLOW = """
import os, time
import numpy as np

def fit(frame, pause=0.02):
    time.sleep(pause)
    with open(os.environ["CALLS"], "a") as file:
        file.write(str(frame["g"].iloc[0]) + "\\n")
    return {"mean": frame["y"].mean()}
"""


def run_file(name: str = "study", model: str = "m", more: str = "") -> str:
    return f"""\
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata: {{name: {name}}}
spec:
  data: {{uri: data.csv}}
  models: [{{name: {model}, callable: "slow:fit", kwargs: {{pause: 0.02}}}}]
  slices: {{by: [g]}}
{more}"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"g": np.arange(120).repeat(4), "y": random.normal(size=480)})
    frame.to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "file.yaml").write_text(run_file())
    monkeypatch.setenv("CALLS", str(tmp_path / "calls.txt"))
    return tmp_path


def calls(folder: Path) -> list[str]:
    path = folder / "calls.txt"
    return path.read_text().split() if path.exists() else []


def start(folder: Path, to: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "modelrun", "run", "file.yaml", "--backend", "serial", "--to", to,
         "--no-report"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_calls(folder: Path, wanted: int) -> None:
    end = time.monotonic() + 60
    while len(calls(folder)) < wanted:
        assert time.monotonic() < end, "the run does not get on"
        time.sleep(0.02)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_parquet(folder / f"{name}.parquet").drop(
            columns=["seconds", "reused"], errors="ignore"
        )
        for name in ("fits", "coefficients", "failures")
    }


def test_a_killed_run_goes_on_and_its_tables_equal_those_of_an_undisturbed_run(study, modelrun):
    process = start(study, "killed")
    wait_for_calls(study, 60)
    process.kill()
    process.communicate(timeout=10)
    before = len(calls(study))
    assert not (study / "killed" / "run.json").exists()
    assert modelrun(*RUN, "--to", "killed").code == 0
    counts = json.loads((study / "killed" / "run.json").read_text())["fits"]
    assert counts["reused"] > 0
    assert len(calls(study)) - before == 120 - counts["reused"]
    (study / "calls.txt").unlink()
    assert modelrun(*RUN, "--to", "calm").code == 0
    for name, table in tables(study / "calm").items():
        pd.testing.assert_frame_equal(table, tables(study / "killed")[name])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stores_what_is_finished_and_says_how_to_go_on(study, number, code):
    process = start(study, "out")
    wait_for_calls(study, 60)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == code
    assert b"the same command goes on" in said
    assert b"Traceback" not in said


def test_tasks_that_take_longer_than_expected_answer_with_what_is_finished(
    study, modelrun, monkeypatch
):
    assert modelrun(*RUN, "--to", "calm").code == 0
    (study / "calls.txt").unlink()
    monkeypatch.setattr("modelrun.plan.tasks.PATIENCE_SECONDS", 0.0)
    stored = []
    append = Store.append
    monkeypatch.setattr(
        Store, "append", lambda self, *a: stored.append(len(a[1])) or append(self, *a)
    )
    assert modelrun(*RUN, "--to", "hasty").code == 0
    assert max(stored[PROBES_PER_MODEL:]) == 1, "each task came back after its first fit"
    assert sorted(map(int, calls(study))) == list(range(120)), "none was fitted twice"
    for name, table in tables(study / "calm").items():
        pd.testing.assert_frame_equal(table, tables(study / "hasty")[name])


def test_a_run_that_is_finished_computes_nothing_again(study, modelrun):
    for _ in range(2):
        assert modelrun(*RUN, "--to", "out").code == 0
    assert len(calls(study)) == 120


def test_another_model_leaves_the_finished_one_alone(study, modelrun):
    command = (*RUN, "--to", "out")
    assert modelrun(*command).code == 0
    text = run_file().replace(
        "models: [", 'models: [{name: ols, estimator: OLS, formula: "y ~ 1"}, '
    )
    (study / "file.yaml").write_text(text)
    assert modelrun(*command).code == 0
    assert len(calls(study)) == 120
    assert json.loads(Path("out/run.json").read_text())["fits"]["total"] == 240


def test_new_rows_make_only_the_fits_that_see_them_new(study, modelrun):
    command = (*RUN, "--to", "out")
    assert modelrun(*command).code == 0
    with (study / "data.csv").open("a") as file:
        file.write("7,0.5\n200,1.0\n200,2.0\n")
    assert modelrun(*command).code == 0
    assert sorted(calls(study)[120:]) == ["200", "7"]


def test_finished_fits_of_another_study_are_taken_over(study, modelrun):
    assert modelrun(*RUN, "--to", "one").code == 0
    (study / "file.yaml").write_text(
        run_file("other", "renamed", f"  results: {{reuseFrom: [{{uri: {study}/one}}]}}\n")
    )
    assert modelrun(*RUN, "--to", "two").code == 0
    assert len(calls(study)) == 120
    assert json.loads(Path("two/run.json").read_text())["fits"]["reused"] == 120


def test_a_second_runner_is_told_who_holds_the_location(study, modelrun):
    process = start(study, "out")
    try:
        wait_for_calls(study, 5)
        ended = modelrun(*RUN, "--to", "out")
        assert ended.code == 75
        assert str(process.pid) in ended.err
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_stored_failures_are_kept_until_they_are_wanted_again(study, modelrun):
    (study / "slow.py").write_text(
        "import os\n\ndef fit(frame, pause=0):\n"
        "    if os.path.exists('broken') and frame['g'].iloc[0] == 3:\n"
        "        raise ValueError('broken')\n    return {'mean': 1.0}\n"
    )
    (study / "broken").touch()
    command = (*RUN, "--to", "out")
    assert modelrun(*command).code == 0
    (study / "broken").unlink()
    assert modelrun(*command).code == 0
    assert len(pd.read_parquet("out/failures.parquet")) == 1
    assert modelrun(*command, "--retry-failed", "Timeout").code == 0
    assert len(pd.read_parquet("out/failures.parquet")) == 1
    assert modelrun(*command, "--retry-failed").code == 0
    assert len(pd.read_parquet("out/failures.parquet")) == 0


def test_plan_says_what_is_stored_and_which_field_made_fits_new(study, modelrun):
    command = (*RUN, "--to", "out")
    assert modelrun(*command).code == 0
    (study / "file.yaml").write_text(run_file().replace("pause: 0.02", "pause: 0.01"))
    ended = modelrun("plan", "file.yaml", "--to", "out", "--no-pilot", "--output", "json")
    assert ended.code == 0, ended.err
    model = json.loads(ended.out)["models"][0]
    assert model["fits"] == {"total": 120, "stored": 0}
    assert model["changed"] == ["kwargs"]


def test_a_mistyped_reason_leaves_a_complete_run_complete(study, modelrun):
    assert modelrun(*RUN, "--to", "out").code == 0
    before = Path("out/run.json").read_bytes()
    ended = modelrun(*RUN, "--to", "out", "--retry-failed", "Timout")
    assert ended.code == 2
    assert "did you mean 'Timeout'" in ended.err
    assert Path("out/run.json").read_bytes() == before
