"""Frames put together: parts of a task one after the other, rows of one instead of another's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays


def joined(frames: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return frames of one schema one after the other."""
    if not any(frame.num_rows for frame in frames):
        return frames[0]
    table = pa.Table.from_batches(frames).unify_dictionaries().combine_chunks()
    return table.to_batches()[0]


def replaced(
    frame: pa.RecordBatch, where: npt.NDArray[np.bool_], others: pa.RecordBatch
) -> pa.RecordBatch:
    """Return a frame with some rows taken from another.

    Args:
        frame: n rows.
        where: Which rows are replaced, shape (n,).
        others: One row for each of them, in their order.
    """
    n = frame.num_rows
    order = np.arange(n, dtype=np.int64)
    order[where] = n + np.arange(others.num_rows)
    if where.all():
        return others
    return joined([frame, others]).take(arrays.from_numpy(order))


def marked(frame: pa.RecordBatch, column: str, word: str) -> pa.RecordBatch:
    """Return a frame with a word where a column of words has none and the fit has terms."""
    at = frame.schema.get_field_index(column)
    words = frame.column(at).cast(pa.string())
    sizes = frame.column("coefficients").value_lengths()
    filled = [
        word if value is None and size else value
        for value, size in zip(words.to_pylist(), sizes.to_pylist(), strict=True)
    ]
    coded = arrays.strings(filled).dictionary_encode().cast(frame.schema.field(at).type)
    return frame.set_column(at, frame.schema.field(at), coded)
