"""Rows that are too many for memory stay in their parquet file, and nobody can tell from a result.

What is compared: keys, fingerprints and every number of a run with little memory against a run
with enough of it, for models of each engine, and what happens where rows cannot stay.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import modelrun
from modelrun.backends import machine
from modelrun.datasets import parquet_rows
from modelrun.engines.batched_engine import BatchedEngine
from modelrun.errors import InfrastructureError
from modelrun.plan import study_files
from modelrun.plan.build import Plan
from modelrun.plan.near import pieces
from modelrun.plan.study import Study
from modelrun.preparing import prepare
from modelrun_api.loader import load
from modelrun_api.problems import SpecError

GROUPS, LENGTH = 150, 40


def facts(result: Any) -> Any:
    return json.loads((Path(result.location) / "run.json").read_text(encoding="utf-8"))


OLS: Mapping[str, Any] = {"name": "m", "estimator": "OLS", "formula": "y ~ x + np.log(z)"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file whose groups lie across its row groups."""
    path = tmp_path / "rows.parquet"
    pq.write_table(rows(), path, row_group_size=270)
    return path


def rows() -> pa.Table:
    random = np.random.default_rng(3)
    n = GROUPS * LENGTH
    x, z = random.normal(size=n), random.uniform(0.5, 2, n)
    return pa.table(
        {
            "g": (np.arange(n) // LENGTH).astype(np.int32),
            "y": 1 + x + random.normal(size=n),
            "x": pa.array(x, mask=random.random(n) < 0.02),
            "z": z,
            "count": random.poisson(np.exp(0.3 * x)),
            "firm": (np.arange(n) // 8) % 5,
        }
    )


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine have so little memory that the rows are too many for it."""
    monkeypatch.setattr(parquet_rows, "BLOCK_ROWS", 500)
    monkeypatch.setattr(machine, "processors", lambda: 2)
    monkeypatch.setattr(machine, "memory", lambda: 500_000)
    monkeypatch.setattr(machine, "memory_per_worker", lambda _: 1 << 30)


def written(file: Path, *models: Mapping[str, Any], **spec: Any) -> Path:
    """Write a run of some models on the rows beside them; return its file."""
    document = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "large"},
        "spec": {
            "data": {"uri": file.name},
            "models": list(models),
            "slices": {"by": ["g"]},
            "execution": {"audit": "0%"},
            "cluster": {"profileName": "c5-4xlarge"},
        }
        | spec,
    }
    path = file.with_name("run.yaml")
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def run(path: Path, to: str, backend: str | None = None) -> Any:
    return modelrun.run(
        path, to=path.with_name(to), report=False, quiet=True, backend=backend, workers=2
    )


def planned(path: Path, **environment: str) -> Plan:
    return prepare(
        load(path), base=path.parent, folder=path.with_name("study"), environment=environment
    ).plan


def same(ours: Any, plain: Any) -> None:
    for table in ("coefficients", "fits"):
        mine, theirs = (
            getattr(result, table).drop(columns="seconds", errors="ignore")
            for result in (ours, plain)
        )
        pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    data = [facts(result)["data"] for result in (ours, plain)]
    assert data[0] == data[1]


OLS: Mapping[str, Any] = {"name": "m", "estimator": "OLS", "formula": "y ~ x + np.log(z)"}
OTHER = OLS | {"name": "other", "formula": "y ~ 0 + z"}
CLUSTER = {"cov_type": "cluster", "cov_kwds": {"groups": {"column": "firm"}}}
MODELS: Mapping[str, Mapping[str, Any]] = {
    "ols": OLS,
    "clusters": OLS | {"fit": CLUSTER},
    "poisson": {"name": "m", "estimator": "Poisson", "formula": "count ~ x"},
    "quantiles": {"name": "m", "estimator": "QuantReg", "formula": "y ~ x", "fit": {"q": 0.3}},
    "by statsmodels": {"name": "m", "estimator": "RLM", "formula": "y ~ x + z"},
    "callable": {"name": "m", "callable": "own:spread"},
}


@pytest.mark.parametrize("kind", MODELS)
def test_results_are_those_of_rows_in_memory(
    kind: str, file: Path, request: pytest.FixtureRequest
) -> None:
    file.with_name("own.py").write_text(
        "def spread(data):\n    return {'range': data.y.max() - data.y.min(), 'n': len(data)}\n"
    )
    path = written(file, MODELS[kind], OTHER)
    plain = run(path, "plain", backend="threads")
    assert planned(path).study.resting is None
    request.getfixturevalue("little")
    assert planned(path).study.resting is not None
    ours = run(path, "ours", backend="threads")
    assert len(ours.fits) == 2 * GROUPS
    same(ours, plain)
    # What was fitted one way is found again the other way.
    again = run(path, "plain", backend="threads")
    assert again.fits["reused"].all()


def test_replicates_are_those_of_rows_in_memory(file: Path, request: pytest.FixtureRequest) -> None:
    resample = {"method": "pairs", "replicates": 7, "seed": 3}
    path = written(
        file, OLS, MODELS["poisson"] | {"name": "p"}, slices={"by": ["g"], "resample": resample}
    )
    plain = run(path, "plain")
    request.getfixturevalue("little")
    assert planned(path).study.resting is not None
    same(run(path, "ours"), plain)


@pytest.mark.usefixtures("little")
def test_workers_and_the_audit_open_the_file_themselves(file: Path) -> None:
    path = written(file, OLS, MODELS["by statsmodels"] | {"name": "r"}, execution={"audit": "10%"})
    ours = run(path, "ours", backend="dask")
    assert (ours.fits["status"] == "succeeded").all()
    assert set(ours.fits["engine"]) == {"batched", "statsmodels"}
    found = facts(ours)["audit"]
    assert found["fits"] == GROUPS
    assert found["violations"] == 0


def test_the_hard_half_of_an_audit_is_chosen_as_from_memory(
    file: Path, request: pytest.FixtureRequest
) -> None:
    from modelrun.engines import audit

    path = written(file, OLS)
    plain = audit.choose(planned(path).study, share=0.01, least=10)
    request.getfixturevalue("little")
    ours = audit.choose(planned(path).study, share=0.01, least=10)
    assert ours[0].random.tolist() == plain[0].random.tolist()
    assert ours[0].hard.tolist() == plain[0].hard.tolist()
    assert len(ours[0].hard) == 5


@pytest.mark.usefixtures("little")
def test_every_piece_has_the_rows_of_its_slices(file: Path) -> None:
    plan = planned(written(file, OLS))
    study_files.write(plan.study)
    y = pq.read_table(file)["y"].to_numpy()
    wanted = np.random.default_rng(1).permutation(GROUPS)[:60]
    seen: list[int] = []
    for study, at in pieces(study_files.open(plan.study.folder), 0, wanted):
        for fit in wanted[at].tolist():
            start, stop = int(study.slices.start[fit]), int(study.slices.stop[fit])
            here = study.models[0].design.endog[start:stop]
            assert (here == y[fit * LENGTH : (fit + 1) * LENGTH]).all()
        assert study.panel.num_rows <= 2 * 540
        seen.extend(at.tolist())
    assert sorted(seen) == list(range(60))


@pytest.mark.usefixtures("little")
def test_what_is_held_is_a_block_for_each_worker(file: Path) -> None:
    table = pa.concat_tables([rows()] * 40).drop_columns("g")
    g = np.arange(table.num_rows) // LENGTH
    pq.write_table(table.append_column("g", pa.array(g)), file, row_group_size=540)
    path = written(file, OLS)
    seen: list[weakref.ref[pa.Table]] = []
    held: list[int] = []
    fit = BatchedEngine.fit

    def watched(engine: BatchedEngine, study: Study, *given: Any) -> Any:
        seen.append(weakref.ref(study.panel))
        alive = [panel for one in seen if (panel := one()) is not None]
        held.append(sum(panel.num_rows for panel in alive))
        return fit(engine, study, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchedEngine, "fit", watched)
        run(path, "ours")
    assert len(held) > 100
    assert max(held) < table.num_rows / 10


CANNOT: Mapping[str, Mapping[str, Any]] = {
    "filtered": {"data": {"uri": "rows.parquet", "where": "z > 0"}},
    "windows": {
        "slices": {
            "by": ["g"],
            "window": {"column": "at", "kind": "rolling", "size": 39, "step": 1},
        }
    },
    "not in order": {"slices": {"by": ["mixed"]}},
    "one row not in order": {"slices": {"by": ["late"]}},
    "groups of text": {"slices": {"by": ["word"]}},
    "two groups": {"slices": {"by": ["g", "firm"]}},
    "one long group": {"slices": {"by": ["half"]}},
    "no groups": {"slices": {}},
    "observations": {"results": {"observations": ["resid"]}},
    "categories": {"models": [OLS | {"formula": "y ~ C(firm)"}]},
    "text": {"models": [OLS | {"formula": "y ~ word"}]},
    "booleans": {"models": [OLS | {"formula": "y ~ z + yes"}]},
    "whole numbers with gaps": {"models": [OLS | {"formula": "y ~ gaps"}]},
}


@pytest.mark.parametrize("why", CANNOT)
def test_rows_that_cannot_stay_are_read_as_ever(
    why: str, file: Path, request: pytest.FixtureRequest
) -> None:
    random = np.random.default_rng(5)
    table = rows()
    n = table.num_rows
    for name, values in {
        "at": np.arange(n),
        "mixed": random.permutation(n) // LENGTH,
        "late": np.where(np.arange(n) == 330, 2, np.arange(n) // LENGTH),
        "half": np.arange(n) // (n // 2),
        "word": random.choice(["one", "two"], n),
        "yes": random.random(n) < 0.5,
        "gaps": pa.array(random.integers(0, 9, n), mask=random.random(n) < 0.1),
    }.items():
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, file, row_group_size=270)
    path = written(file, OLS, **CANNOT[why])
    plain = planned(path)
    request.getfixturevalue("little")
    ours = planned(path)
    assert ours.study.resting is None
    assert ours.study.panel.num_rows == n
    assert (ours.key_hi == plain.key_hi).all()


@pytest.mark.usefixtures("little")
def test_workers_on_other_machines_are_given_the_rows(file: Path) -> None:
    path = written(file, OLS)
    assert planned(path).study.resting is not None
    study = planned(path, DASK_SCHEDULER_ADDRESS="tcp://scheduler:8786").study
    assert study.resting is None
    assert study.panel.num_rows == GROUPS * LENGTH


@pytest.mark.usefixtures("little")
def test_row_groups_that_are_too_long_are_read_as_ever(file: Path) -> None:
    pq.write_table(rows(), file)
    assert planned(written(file, OLS)).study.resting is None


@pytest.mark.usefixtures("little")
def test_a_file_that_changes_meanwhile_is_not_mixed_up(file: Path) -> None:
    study = planned(written(file, OLS)).study
    found = file.stat()
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    with pytest.raises(InfrastructureError, match=r"rows\.parquet was changed.*run again"):
        next(pieces(study, 0, np.arange(3)))


@pytest.mark.usefixtures("little")
def test_a_block_that_cannot_be_decoded_is_told_with_its_place(file: Path) -> None:
    path = written(file, OLS)
    column = pq.ParquetFile(file).metadata.row_group(10).column(1)
    content = bytearray(file.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + 40] = b"\xff" * 40
    file.write_bytes(content)
    with pytest.raises(SpecError, match=r"rows\.parquet cannot be read from row 2700"):
        planned(path)
