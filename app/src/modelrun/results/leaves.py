"""Taking frames apart: the columns of a chunk, and of its lists, in the order that was asked for.

Terms and observations lie in frames as lists of structs. A table wants them as columns with one
row per term; these are the leaves of the list, taken without a copy where rows lie in order.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.store.rows import Chunk

Ints = npt.NDArray[np.int64]


def column(chunk: Chunk, name: str) -> pa.ChunkedArray:
    """Return a column with one row per fit, in the asked order; shape (n,)."""
    values = pa.chunked_array([batch.column(name) for batch in chunk.batches])
    return _ordered(values, chunk.order)


def _ordered(values: pa.ChunkedArray, order: Ints | None) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.unify_dictionaries()
    if order is None:
        return values
    return pa.chunked_array([values.combine_chunks().take(pa.array(order))])


class Lists:
    """A list column of a chunk, seen as the rows of a table."""

    def __init__(self, chunk: Chunk, name: str) -> None:
        lists = [batch.column(name) for batch in chunk.batches]
        lengths = _joined(_lengths(part) for part in lists)
        self._children = [_rows(part) for part in lists]
        self._rows: Ints | None = None
        if chunk.order is not None:
            starts = (np.cumsum(lengths) - lengths)[chunk.order]
            lengths = lengths[chunk.order]
            shift = starts - (np.cumsum(lengths) - lengths)
            self._rows = np.repeat(shift, lengths) + np.arange(lengths.sum())
        self.lengths: Ints = lengths
        """Rows of each fit, in the asked order, shape (n,)."""

    def parents(self) -> Ints:
        """Return the fit of each row, as a place among the chunk's fits; shape (rows,)."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def leaf(self, name: str) -> pa.ChunkedArray:
        """Return a column of the table, in the asked order, shape (rows,)."""
        leaves = [_child(struct, name) for struct in self._children]
        return _ordered(pa.chunked_array(leaves), self._rows)


def _lengths(lists: pa.ListArray) -> npt.NDArray[np.int32]:
    """Return how many rows each list has, 0 where it is null."""
    lengths = np.diff(arrays.to_numpy(lists.offsets))
    return np.where(arrays.missing_mask(lists), 0, lengths) if lists.null_count else lengths


def _rows(lists: pa.ListArray) -> pa.StructArray:
    """Return what is in the lists, one after the other."""
    if lists.null_count:
        return lists.flatten()
    edges = arrays.to_numpy(lists.offsets)
    return lists.values.slice(int(edges[0]), int(edges[-1] - edges[0]))


def _child(struct: pa.StructArray, name: str) -> pa.Array:
    if struct.null_count:
        import pyarrow.compute as pc

        return pc.struct_field(struct, name)
    at = struct.type.get_field_index(name)
    return struct.field(at)


def _joined(parts: Iterable[npt.NDArray[np.int32]]) -> Ints:
    return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)
