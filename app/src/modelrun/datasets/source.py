"""From the spec's `data` section to its rows, in a form that every estimator understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from modelrun import arrays
from modelrun.datasets import ahead, settled
from modelrun.datasets.files import File, absolute, format_of
from modelrun.datasets.parquet_rows import ParquetRows
from modelrun.errors import UserMistake
from modelrun.nearest import suggestion

if TYPE_CHECKING:  # workers import this module, and do without what validates files
    from modelrun_api.spec import Data

ROW: Final = "__row__"
"""The column that holds each row's place in the data as read, before `where`, from 0."""

VOLUME_VARIABLE: Final = "MODELRUN_DATA_VOLUME"
"""Environment variable with the folder where `volume` is mounted."""

VOLUME_FOLDER: Final = "/data"


def schema(data: Data, *, base: Path, env: Mapping[str, str] | None = None) -> pa.Schema:
    """Return names and types of all columns, as `read` gives them, without reading the rows.

    Args:
        data: The spec's section.
        base: The folder of the file, to which paths are relative.
        env: The environment, for the folder where a volume is mounted.

    Raises:
        UserMistake: The source is missing, unreadable or unknown.
        InfrastructureError: The storage does not answer.
    """
    source = _open(data, base, env or {})
    found = source.schema() if isinstance(source, File) else source.schema
    return pa.schema([pa.field(field.name, settled.kind(field.type)) for field in found])


def read(
    data: Data,
    *,
    base: Path,
    columns: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    rows: bool = False,
    scratch: Path | None = None,
) -> pa.Table:
    """Read columns of the data, filtered by `where`.

    Args:
        data: The spec's section.
        base: The folder of the file, to which paths are relative.
        columns: The columns that are needed; all by default.
        env: The environment, for the folder where a volume is mounted.
        rows: Whether to add the column `ROW`.
        scratch: A folder where rows that are too many for memory may lie; it must stay while the
            table is used.

    Returns:
        The rows in the order of the file, the columns in the order asked for.

    Raises:
        UserMistake: The source is missing or unreadable, a column is not there, `where` is no
            expression or keeps no row.
        InfrastructureError: The storage does not answer.
    """
    source = _open(data, base, env or {})
    found = source.schema() if isinstance(source, File) else source.schema
    known = list(found.names)
    twice = sorted({name for name in known if known.count(name) > 1})
    wanted = known if columns is None else list(dict.fromkeys(columns))
    for name in wanted:
        if name not in known:
            raise UserMistake(
                f"the data have no column {name!r}; {suggestion(name, known)}", field="spec.data"
            )
    if set(twice) & set(wanted):
        raise UserMistake(
            f"the data have two columns named {twice[0]!r}; rename one of them.",
            field="spec.data",
        )
    condition = None
    if data.where is not None:
        from modelrun.datasets import where

        condition = where.parse(data.where, known)
    needed = list(dict.fromkeys([*wanted, *(condition.columns if condition else ())]))
    if isinstance(source, File):
        content = ahead.take(source.address, needed)
        if content is None:
            some = needed if set(needed) != set(known) else None
            content = source.table(some, scratch=scratch).select(needed)
        table = settled.table(content)
    else:
        table = source.select(needed)
    if rows and ROW in known:
        raise UserMistake(
            f"the data have a column {ROW!r}, a name that is needed here; rename it.",
            field="spec.data",
        )
    if rows:
        table = table.append_column(ROW, arrays.from_numpy(np.arange(table.num_rows)))
    if table.num_rows == 0:
        raise UserMistake("the data have no rows.", field="spec.data")
    if condition is not None:
        mask = condition.mask(table)
        if not mask.any():
            raise UserMistake(
                f"where: {data.where!r} keeps none of the {table.num_rows} rows; "
                "check the values it compares with.",
                field="spec.data.where",
            )
        if not mask.all():
            table = table.filter(arrays.from_numpy(mask))
    return table.select([*wanted, ROW] if rows else wanted)


def in_file(
    data: Data, *, base: Path, columns: Sequence[str], env: Mapping[str, str] | None = None
) -> ParquetRows | None:
    """Return columns of the data that are too many for memory and can stay in their file.

    Args:
        data: The spec's section.
        base: The folder of the file, to which paths are relative.
        columns: The columns that are needed, as `schema` names them.
        env: The environment, for the folder where a volume is mounted.

    Returns:
        None where `read` has to make a table of them.

    Raises:
        UserMistake: The source is missing or unreadable.
    """
    if data.where is not None or data.dataset is not None:
        return None
    source = _open(data, base, env or {})
    return source.resting(columns) if isinstance(source, File) else None


def _open(data: Data, base: Path, env: Mapping[str, str]) -> File | pa.Table:
    if data.dataset is not None:
        from modelrun.datasets import bundled

        return bundled.load(data.dataset)
    if data.volume is not None:
        folder = Path(env.get(VOLUME_VARIABLE, VOLUME_FOLDER))
        path = folder / data.volume.path
        if not folder.is_dir():
            raise UserMistake(
                f"volume: the claim {data.volume.claim_name!r} is mounted on a cluster only; there "
                f"is no folder {folder} here. On a laptop use `uri`, or set {VOLUME_VARIABLE} to "
                "a folder with the same content.",
                field="spec.data.volume",
            )
        return _file(str(path), data, "spec.data.volume.path")
    assert data.uri is not None
    return _file(absolute(data.uri, base), data, "spec.data.uri")


def _file(address: str, data: Data, field: str) -> File:
    kind = data.format or format_of(address)
    if kind is None:
        raise UserMistake(
            f"{address}: its suffix does not tell the format; say `format: parquet`, `csv` or "
            "`arrow`.",
            field=field,
        )
    return File(address=address, format=kind, field=field)
