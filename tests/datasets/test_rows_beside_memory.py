"""Rows that are too many for memory are mapped from files, and are the same rows."""

from __future__ import annotations

import datetime as dt
import errno
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import modelrun
from modelrun import datasets
from modelrun.backends import machine
from modelrun.datasets import ahead, mapped
from modelrun.errors import UserMistake
from modelrun_api.spec import Data

ROWS = 10_000
COLUMNS = ["g", "y", "x", "gaps", "counted", "day", "date", "word", "level", "yes"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    y = random.normal(size=ROWS)
    some = random.random(ROWS) < 0.1
    days = np.datetime64("2020-01-01", "us") + np.arange(ROWS).astype("timedelta64[D]")
    words = np.where(some, None, random.choice(["one", "two", "three"], ROWS))
    table = pa.table(
        {
            "g": np.arange(ROWS) // 40,
            "y": y,
            "x": random.normal(size=ROWS).astype(np.float32),
            "gaps": pa.array(y, mask=some),
            "counted": pa.array(random.integers(0, 9, ROWS), mask=some),
            "day": days,
            "date": pa.array([dt.date(2020, 1, 1)] * ROWS),
            "word": words,
            "level": pa.array(words).dictionary_encode(),
            "yes": some,
        }
    )
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path, row_group_size=3_000)
    return path


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory", lambda: 200_000)


def read(file: Path, columns: list[str] | None = None) -> pa.Table:
    data = Data(uri=str(file))
    return datasets.read(data, base=file.parent, columns=columns, scratch=file.parent / "scratch")


@pytest.mark.parametrize("piece", [1 << 20, 1_000])
def test_the_rows_are_those_of_reading_into_memory(
    file: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = read(file, COLUMNS)
    monkeypatch.setattr(machine, "memory", lambda: 200_000)
    monkeypatch.setattr(mapped, "ROWS", piece)
    found = read(file, COLUMNS)
    assert found.schema == plain.schema
    for name in COLUMNS:
        ours, theirs = found.column(name).to_pandas(), plain.column(name).to_pandas()
        assert ours.equals(theirs), name
    assert (file.parent / "scratch" / "rows").is_dir()


@pytest.mark.usefixtures("little_memory")
def test_numbers_take_no_memory(file: Path) -> None:
    before = pa.total_allocated_bytes()
    found = read(file, ["g", "y", "x", "gaps", "day"])
    assert found.num_rows == ROWS
    assert pa.total_allocated_bytes() - before < 8 * ROWS


def test_rows_that_fit_are_read_into_memory(file: Path) -> None:
    read(file, COLUMNS)
    assert not (file.parent / "scratch").exists()


@pytest.mark.usefixtures("little_memory")
def test_only_the_columns_that_are_needed_count(file: Path) -> None:
    read(file, ["x"])
    assert not (file.parent / "scratch").exists()


@pytest.mark.usefixtures("little_memory")
def test_rows_that_are_too_many_are_not_read_ahead(file: Path) -> None:
    ahead.begin({"spec": {"data": {"uri": str(file)}}}, "g y gaps day", base=file.parent)
    assert ahead.take(str(file), ["g", "y", "gaps", "day"]) is None


@pytest.mark.usefixtures("little_memory")
def test_a_full_disk_is_told_with_what_to_do(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mapped, "_append", full)
    with pytest.raises(UserMistake, match=r"too many for memory.*TMPDIR"):
        read(file)


def test_a_run_finds_its_fits_again_whichever_way_the_rows_came(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "large"},
        "spec": {
            "data": {"uri": str(file)},
            "models": [{"name": "m", "estimator": "OLS", "formula": "y ~ x + gaps"}],
            "slices": {"by": ["g"]},
            "execution": {"audit": "0%"},
            "cluster": {"profileName": "c5-4xlarge"},
        },
    }
    to = file.parent / "results"
    first = modelrun.run(document, to=to, report=False, quiet=True)
    estimates = first.coefficients["estimate"].to_numpy()
    keys = first.fits["fit_key"].tolist()
    monkeypatch.setattr(machine, "memory", lambda: 200_000)
    again = modelrun.run(document, to=to, report=False, quiet=True)
    assert again.fits["fit_key"].tolist() == keys
    beside = modelrun.run(document, to=file.parent / "beside", report=False, quiet=True)
    assert (beside.coefficients["estimate"].to_numpy() == estimates).all()
