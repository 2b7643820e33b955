"""Rows that are too many for memory: each column in a file of plain numbers that is mapped.

A parquet file is decoded piece by piece, and each piece is appended to the files of its columns,
which costs the disk's speed once. What is read of them afterwards lies in the system's cache and
goes when memory is needed elsewhere. Columns of text, booleans, and whole numbers with gaps stay in
memory: their form depends on all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.backends import machine

SHARE: Final = 4
"""Rows that need more than memory divided by this are mapped: sorting them may take it twice."""

ROWS: Final = 1 << 20
"""Rows of a piece of a row group that has more than twice as many."""

WRITERS: Final = 2
"""Threads that write while the next piece is decoded."""


def wanted(file: Any, names: Sequence[str] | None) -> bool:
    """Return whether these columns of a `pyarrow.parquet.ParquetFile` are too large for memory."""
    chosen = _columns(file, names)
    return sum(_bytes(file, name) for name in chosen) > machine.memory() // SHARE


def table(file: Any, names: Sequence[str] | None, folder: Path) -> pa.Table:
    """Return columns of a parquet file, those of numbers mapped from files beside memory.

    Floating columns have NaN for null.

    Args:
        file: The open `pyarrow.parquet.ParquetFile`.
        names: The columns; None for all.
        folder: Where files are written; they must stay while the table is used.

    Raises:
        OSError: There is no room for them.
    """
    chosen = _columns(file, names)
    kinds = {name: file.schema_arrow.field(name).type for name in chosen}
    paths = {
        name: folder / f"column-{at}"
        for at, name in enumerate(chosen)
        if _is_plain(file, name, kinds[name])
    }
    kept: dict[str, list[pa.Array]] = {name: [] for name in chosen if name not in paths}
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # A file has one writer at a time, so that a second one needs a column of its own.
        writers = stack.enter_context(ThreadPoolExecutor(WRITERS))
        sinks = {name: stack.enter_context(path.open("wb")) for name, path in paths.items()}
        writing: list[Future[None]] = []
        for piece in _pieces(file, chosen):
            for name, chunks in kept.items():
                chunks.extend(piece.column(name).chunks)
            _finish(writing)
            writing = [
                writers.submit(_append, sink, piece.column(name)) for name, sink in sinks.items()
            ]
        _finish(writing)
    columns = [
        _array(paths[name], kinds[name], file.metadata.num_rows)
        if name in paths
        else pa.chunked_array(kept[name], type=kinds[name])
        for name in chosen
    ]
    return pa.Table.from_arrays(columns, names=chosen)


def _array(path: Path, kind: pa.DataType, rows: int) -> pa.Array:
    return pa.Array.from_buffers(kind, rows, [None, pa.memory_map(str(path)).read_buffer()])


def _columns(file: Any, names: Sequence[str] | None) -> list[str]:
    return list(file.schema_arrow.names if names is None else names)


def _leaves(file: Any, name: str) -> Iterator[Any]:
    """Yield the column's metadata in each row group."""
    metadata = file.metadata
    for at in range(metadata.num_columns):
        if metadata.schema.column(at).path.partition(".")[0] == name:
            for group in range(metadata.num_row_groups):
                yield metadata.row_group(group).column(at)


def _bytes(file: Any, name: str) -> int:
    """Return about how many bytes a column takes in memory."""
    kind = file.schema_arrow.field(name).type
    if pa.types.is_primitive(kind):
        return int(file.metadata.num_rows * kind.bit_width // 8)
    return sum(leaf.total_uncompressed_size for leaf in _leaves(file, name))


def _is_plain(file: Any, name: str, kind: pa.DataType) -> bool:
    """Return whether a column is one of numbers whose form no row can change."""
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return True
    if not (pa.types.is_integer(kind) or pa.types.is_timestamp(kind)):
        return False
    return all(
        leaf.statistics is not None
        and leaf.statistics.has_null_count
        and leaf.statistics.null_count == 0
        for leaf in _leaves(file, name)
    )


def _pieces(file: Any, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the rows in pieces."""
    for group in range(file.metadata.num_row_groups):
        if file.metadata.row_group(group).num_rows <= 2 * ROWS:
            yield file.read_row_group(group, columns=list(names))
            continue
        for batch in file.iter_batches(ROWS, row_groups=[group], columns=list(names)):
            yield pa.Table.from_batches([batch])


def _finish(writing: Sequence[Future[None]]) -> None:
    for one in writing:
        one.result()


def _append(sink: BinaryIO, column: pa.ChunkedArray) -> None:
    sink.write(_numbers(column).data)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    values = arrays.to_numpy(column)
    if column.null_count:
        values = np.where(arrays.missing_mask(column), values.dtype.type(np.nan), values)
    elif values.dtype.kind == "M":
        values = values.view(np.int64)
    return np.ascontiguousarray(values)
