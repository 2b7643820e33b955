"""What is read ahead is what would have been read, or is not used."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelrun import datasets
from modelrun.datasets import ahead
from modelrun.errors import UserMistake
from modelrun_api.spec import Data

TABLE = pa.table({"g": [1, 1, 2], "y": [1.0, None, 3.0], "unused": ["a", "b", "c"]})


def document(uri: str) -> dict[str, object]:
    return {"spec": {"data": {"uri": uri}}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.parquet"
    pq.write_table(TABLE, path)
    return path


def test_columns_that_the_file_names_are_given_once(file: Path) -> None:
    ahead.begin(document(str(file)), "by: [g], formula: y ~ 1", base=file.parent)
    found = ahead.take(str(file), ["y", "g"])
    assert found is not None
    assert found.equals(TABLE.select(["y", "g"]))
    assert ahead.take(str(file), ["y", "g"]) is None


def test_a_relative_address_means_the_folder_of_the_run_s_file(file: Path) -> None:
    ahead.begin(document("rows.parquet"), "g y", base=file.parent)
    assert ahead.take(str(file), ["g"]) is not None


def test_a_wrong_guess_is_not_used(file: Path) -> None:
    for columns in (None, ["g", "unused"]):
        ahead.begin(document(str(file)), "g y", base=file.parent)
        assert ahead.take(str(file), columns) is None
    ahead.begin(document(str(file)), "g y", base=file.parent)
    assert ahead.take(str(file.with_name("other.parquet")), ["g"]) is None


@pytest.mark.parametrize("uri", ["s3://bucket/rows.parquet", "rows.csv", "missing.parquet"])
def test_only_parquet_files_of_this_machine_are_read_ahead(uri: str, file: Path) -> None:
    ahead.begin(document(uri), "g y", base=file.parent)
    assert ahead.take(str(file.parent / uri), ["g"]) is None


def test_what_is_wrong_with_a_file_is_told_by_who_needs_it(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 nothing")
    ahead.begin(document(str(broken)), "g y", base=tmp_path)
    with pytest.raises(UserMistake, match="not a parquet file"):
        datasets.read(Data(uri=str(broken)), base=tmp_path, columns=["g"])


def test_data_read_ahead_are_settled_like_all_others(file: Path) -> None:
    plain = datasets.read(Data(uri=str(file)), base=file.parent, columns=["g", "y"])
    ahead.begin(document(str(file)), "g y", base=file.parent)
    early = datasets.read(Data(uri=str(file)), base=file.parent, columns=["g", "y"])
    assert early.schema == plain.schema
    assert early.column("g").equals(plain.column("g"))
    assert early.column("y").null_count == plain.column("y").null_count == 0
