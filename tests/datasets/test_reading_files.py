"""Files of each format are read alike, only needed columns, and mistakes are named."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from modelrun import datasets
from modelrun.errors import UserMistake
from modelrun_api.spec import Data

FRAME = pd.DataFrame(
    {
        "day": pd.to_datetime(["2020-01-31", "2020-02-29", "2020-03-31"]),
        "name": ["a", None, "c"],
        "x": [1.5, np.nan, -2.0],
        "n": [1, 2, 3],
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    pq.write_table(table, tmp_path / "panel.parquet")
    FRAME.to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "panel.csv.gz").write_bytes(gzip.compress((tmp_path / "panel.csv").read_bytes()))
    FRAME.to_csv(tmp_path / "panel.tsv", index=False, sep="\t")
    with ipc.new_file(tmp_path / "panel.arrow", table.schema) as writer:
        writer.write_table(table)
    with ipc.new_stream(tmp_path / "stream.arrow", table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "plain").write_bytes((tmp_path / "panel.parquet").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["panel.parquet", "panel.csv", "panel.csv.gz", "panel.tsv", "panel.arrow", "stream.arrow"],
)
def test_every_format_gives_the_same_rows(folder: Path, name: str) -> None:
    data = Data(uri=name)
    whole = datasets.read(data, base=folder).to_pandas()
    pd.testing.assert_frame_equal(whole, FRAME, check_dtype=False)
    assert datasets.schema(data, base=folder).names == list(FRAME.columns)
    some = datasets.read(data, base=folder, columns=["n", "x"])
    assert some.column_names == ["n", "x"]
    assert datasets.read(Data(uri=f"file://{folder / name}"), base=Path("/")).num_rows == 3


def test_a_format_can_be_said_where_the_suffix_does_not_tell(folder: Path) -> None:
    with pytest.raises(UserMistake, match="say `format: parquet`"):
        datasets.read(Data(uri="plain"), base=folder)
    assert datasets.read(Data(uri="plain", format="parquet"), base=folder).num_rows == 3


def test_where_filters_and_rows_are_numbered_as_in_the_file(folder: Path) -> None:
    data = Data(uri="panel.parquet", where="n >= 2")
    table = datasets.read(data, base=folder, columns=["x"], rows=True)
    assert table.column_names == ["x", datasets.ROW]
    assert table.column(datasets.ROW).to_pylist() == [1, 2]


def test_types_are_settled_as_pandas_has_them(tmp_path: Path) -> None:
    table = pa.table(
        {
            "date": pa.array([0, 1], pa.date32()),
            "money": pa.array(["1.25", None]).cast(pa.decimal128(5, 2)),
            "gaps": pa.array([1, None], pa.int64()),
            "single": pa.array([1.5, None], pa.float32()),
            "nothing": pa.nulls(2),
            "long": pa.array(["a", "b"], pa.large_string()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    read = datasets.read(Data(uri="t.parquet"), base=tmp_path)
    assert [str(kind) for kind in read.schema.types] == [
        "timestamp[us]", "double", "double", "float", "double", "string",
    ]  # fmt: skip
    for name in ("money", "gaps", "single", "nothing"):
        assert np.isnan(read.column(name).to_numpy()[1])
        assert read.column(name).null_count == 0


def test_a_volume_is_read_where_it_is_mounted(folder: Path) -> None:
    data = Data(volume={"claimName": "panel", "path": "panel.parquet"})
    env = {"MODELRUN_DATA_VOLUME": str(folder)}
    assert datasets.read(data, base=Path("/"), env=env).num_rows == 3
    with pytest.raises(UserMistake, match="mounted on a cluster only"):
        datasets.read(data, base=folder, env={"MODELRUN_DATA_VOLUME": str(folder / "none")})


def test_a_missing_file_is_named_with_the_nearest_one(folder: Path) -> None:
    with pytest.raises(UserMistake, match=r"no data file .*panl.parquet.*'panel.parquet'") as got:
        datasets.schema(Data(uri="panl.parquet"), base=folder)
    assert got.value.field == "spec.data.uri"
    with pytest.raises(UserMistake, match="does not exist either"):
        datasets.schema(Data(uri="nowhere/panel.parquet"), base=folder)
    with pytest.raises(UserMistake, match="is a folder"):
        datasets.schema(Data(uri=".", format="csv"), base=folder)


def test_a_file_of_another_format_is_said_to_be_one(folder: Path) -> None:
    (folder / "fake.parquet").write_text("x,y\n1,2\n")
    (folder / "fake.arrow").write_text("x,y\n1,2\n")
    (folder / "empty.parquet").write_bytes(b"")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "ragged.csv").write_text("x,y\n1,2\n1,2,3\n")
    for name in ("fake.parquet", "fake.arrow", "empty.parquet", "empty.csv", "ragged.csv"):
        with pytest.raises(UserMistake, match=r"is not a \w+ file that can be read"):
            datasets.read(Data(uri=name), base=folder)


def test_an_unreadable_file_is_said_to_be_unreadable(folder: Path) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "panel.csv")

    # The superuser may read everything, so the refusal has to come from open itself.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.open", forbidden)
        with pytest.raises(UserMistake, match="may not be read"):
            datasets.read(Data(uri="panel.csv"), base=folder)


def test_mistakes_about_columns_and_rows(folder: Path) -> None:
    with pytest.raises(UserMistake, match="no column 'nam'; did you mean 'name'"):
        datasets.read(Data(uri="panel.csv"), base=folder, columns=["nam"])
    with pytest.raises(UserMistake, match="keeps none of the 3 rows"):
        datasets.read(Data(uri="panel.csv", where="n > 7"), base=folder)
    (folder / "head.csv").write_text("x,y\n")
    with pytest.raises(UserMistake, match="no rows"):
        datasets.read(Data(uri="head.csv"), base=folder)
    (folder / "twice.csv").write_text("x,x\n1,2\n")
    with pytest.raises(UserMistake, match="two columns named 'x'"):
        datasets.read(Data(uri="twice.csv"), base=folder, columns=["x"])


def test_an_unknown_dataset_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserMistake, match="did you mean 'grunfeld'"):
        datasets.read(Data(dataset="grunfold"), base=Path("/"))


@pytest.mark.parametrize(
    ("uri", "extra"), [("gs://bucket/a.parquet", "gcs"), ("abfs://box/a.csv", "azure")]
)
def test_an_address_without_its_client_says_what_to_install(uri: str, extra: str) -> None:
    with pytest.raises(UserMistake, match=rf"pip install 'modelrun\[{extra}\]'"):
        datasets.schema(Data(uri=uri), base=Path("/"))


def test_an_unknown_scheme_is_the_user_s_mistake() -> None:
    with pytest.raises(UserMistake, match="is no address that can be read"):
        datasets.schema(Data(uri="foo://bucket/a.parquet"), base=Path("/"))
