"""The audit chooses, does fits again by statsmodels, and says what a clean result excludes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from engines.handmade import study_of
from modelrun import arrays
from modelrun.engines import audit
from modelrun.engines.batched import available
from modelrun.engines.batched_engine import BatchedEngine
from modelrun.engines.plain_guard import PlainGuard
from modelrun.plan import study_files
from modelrun.plan.study import Study
from modelrun.plan.task import Task
from support.imports import imported

pytestmark = pytest.mark.skipif(not available(), reason="the kernels were not compiled")

GROUPS = 1000


@pytest.fixture(scope="module")
def study() -> Study:
    rng = np.random.default_rng(1)
    n = GROUPS * 20
    data = pd.DataFrame({"x": rng.normal(size=n), "group": np.repeat(np.arange(GROUPS), 20)})
    data["x"] += 10.0 ** (data.group % 6 / 3)
    data["y"] = data.x + rng.normal(size=n)
    model = {"name": "line", "estimator": "OLS", "formula": "y ~ x"}
    return study_of(data, model, by="group", engine="batched", whole=True, fits=("r_squared",))


def stored(study: Study, sample: audit.Sample) -> pa.RecordBatch:
    return BatchedEngine().fit(study, Task(0, sample.model, sample.slices()), PlainGuard())


def audited(study: Study, ours: list[pa.RecordBatch], samples: list[audit.Sample]):
    theirs = list(audit.refit(study, samples))
    return audit.compare(study, samples, ours, theirs, batched=GROUPS)


def test_half_of_the_fits_are_random_and_half_are_the_hardest(study: Study) -> None:
    (sample,) = audit.choose(study, share=0.001)
    assert len(sample.random) == 150
    assert len(sample.hard) == 150
    assert len(sample.slices()) == 300
    hard = np.bincount(sample.hard % 6, minlength=6)
    # high levels have the largest condition numbers
    assert hard[5] > 60


def test_a_small_study_is_audited_as_a_whole(study: Study) -> None:
    (sample,) = audit.choose(study, share=1.0)
    assert len(sample.slices()) == GROUPS


def test_fits_that_the_gate_hands_over_do_not_count_towards_the_300() -> None:
    rng = np.random.default_rng(4)
    n = GROUPS * 20
    data = pd.DataFrame({"x": rng.normal(size=n), "group": np.repeat(np.arange(GROUPS), 20)})
    data["y"] = data.x + rng.normal(size=n)
    perfect = data.group % 2 == 0
    data.loc[perfect, "y"] = 2 * data.x[perfect]  # no residuals: statsmodels' own numbers wander
    model = {"name": "line", "estimator": "OLS", "formula": "y ~ x"}
    half = study_of(data, model, by="group", engine="batched", whole=True)
    samples = audit.choose(half, share=0.001)
    assert not any(number % 2 == 0 for number in samples[0].slices())
    assert audited(half, [stored(half, s) for s in samples], samples).compared == 300


def test_a_part_of_a_run_is_audited_within_that_part(study: Study) -> None:
    few = np.arange(0, GROUPS, 2)
    (sample,) = audit.choose(study, share=0.001, among=few)
    assert len(sample.slices()) == 300
    assert np.isin(sample.slices(), few).all()
    (sample,) = audit.choose(study, share=0.001, among=few[:40])
    assert sample.slices().tolist() == few[:40].tolist()


def test_a_clean_audit_states_what_it_excludes(study: Study) -> None:
    samples = audit.choose(study, share=0.001)
    outcome = audited(study, [stored(study, s) for s in samples], samples)
    assert outcome.clean
    assert outcome.compared == 300
    assert f"fewer than {3 / outcome.random:.2%}" in outcome.sentence()
    assert outcome.document()["violations"] == 0


def test_a_number_that_is_off_by_a_little_is_found_and_its_model_named(study: Study) -> None:
    samples = audit.choose(study, share=0.001)
    frame = stored(study, samples[0])
    at = frame.schema.get_field_index("r_squared")
    bent = arrays.floats(frame.column(at)).copy()
    bent[7] += 1e-8
    frame = frame.set_column(at, frame.schema.field(at), arrays.from_numpy(bent))
    outcome = audited(study, [frame], samples)
    assert outcome.models == ("line",)
    assert [v.column for v in outcome.violations] == ["r_squared"]
    assert "1 of them were outside" in outcome.sentence()


def test_it_runs_in_a_process_of_its_own(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "audit.arrow"
    study = replace(study, folder=tmp_path / "study")
    study_files.write(study)
    order = json.dumps({"study": str(study.folder), "out": str(out), "share": 0.001})
    command = [sys.executable, "-m", "modelrun.engines.audit"]
    subprocess.run(command, input=order.encode(), check=True, timeout=120)
    samples, theirs = audit.read(study, out)
    ours = [stored(study, sample) for sample in samples]
    outcome = audit.compare(study, samples, ours, theirs, batched=GROUPS)
    assert outcome.clean
    assert outcome.compared == 300


def test_what_its_fits_need_is_loaded_before_there_is_anything_to_audit() -> None:
    needed = {"statsmodels.regression.linear_model", "statsmodels.discrete.discrete_model"}
    program = (
        "import os, sys; sys.argv[1:] = ['OLS', 'Poisson']; sys.stdin = open(os.devnull)\n"
        "from modelrun.engines import audit; audit.main()"
    )
    assert imported(program, *needed) == needed


def test_a_study_without_batched_models_has_nothing_to_audit(tmp_path: Path) -> None:
    data = pd.DataFrame({"x": [1.0, 2, 3], "y": [1.0, 3, 2]})
    plain = study_of(data, {"name": "m", "estimator": "OLS", "formula": "y ~ x"})
    assert audit.choose(plain, share=0.001) == []
    outcome = audit.compare(plain, [], [], [], batched=0)
    assert "No fit was audited" in outcome.sentence()
