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
from modelrun.datasets import extent

ROWS: Final = 1 << 20
"""Rows of a piece of a row group that has more than twice as many."""

WRITERS: Final = 2
"""Threads that write while the next piece is decoded."""


def table(file: Any, names: Sequence[str], folder: Path) -> pa.Table:
    """Return columns of a parquet file, those of numbers mapped from files beside memory.

    Floating columns have NaN for null.

    Args:
        file: The open `pyarrow.parquet.ParquetFile`.
        names: The columns.
        folder: Where files are written; they must stay while the table is used.

    Raises:
        OSError: There is no room for them.
    """
    kinds = {name: file.schema_arrow.field(name).type for name in names}
    paths = {
        name: folder / f"column-{at}"
        for at, name in enumerate(names)
        if extent.is_plain(file, name)
    }
    kept: dict[str, list[pa.Array]] = {name: [] for name in names if name not in paths}
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # A file has one writer at a time, so that a second one needs a column of its own.
        writers = stack.enter_context(ThreadPoolExecutor(WRITERS))
        sinks = {name: stack.enter_context(path.open("wb")) for name, path in paths.items()}
        writing: list[Future[None]] = []
        for piece in _pieces(file, names):
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
        for name in names
    ]
    return pa.Table.from_arrays(columns, names=list(names))


def _array(path: Path, kind: pa.DataType, rows: int) -> pa.Array:
    return pa.Array.from_buffers(kind, rows, [None, pa.memory_map(str(path)).read_buffer()])


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
