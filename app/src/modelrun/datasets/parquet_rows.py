"""Rows that are too many for memory and stay in their parquet file.

They are decoded in blocks, whenever somebody needs some of them: about as fast as a copy of the
decoded rows could be read from a disk, without the copy. Only numbers can stay, for the form of
text, booleans and whole numbers with gaps depends on all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from modelrun.backends import machine
from modelrun.datasets import extent, settled
from modelrun.errors import InfrastructureError, UserMistake

BLOCK_ROWS: Final = 1 << 20
"""Row groups are put together to blocks of at least so many rows."""

ROOM: Final = 8
"""What all processors hold of blocks at once is memory divided by this at most."""


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """Columns of numbers of a parquet file on this machine."""

    address: str
    """The path of the file."""

    names: tuple[str, ...]
    """The columns, in the order asked for."""

    edges: tuple[int, ...]
    """First row of each block, and the number of rows; one more than there are blocks."""

    groups: tuple[int, ...]
    """First row group of each block, and the number of row groups."""

    row_bytes: float
    """Bytes that a row of all columns that were asked for at first takes in memory."""

    stamp: tuple[int, int]
    """Size of the file in bytes and when it was changed, in nanoseconds."""

    @property
    def count(self) -> int:
        """The number of rows."""
        return self.edges[-1]

    def select(self, names: Sequence[str]) -> ParquetRows:
        """Return some of the columns."""
        return replace(self, names=tuple(names))

    def none(self) -> pa.Table:
        """Return a table of these columns without rows."""
        return Reader(self).none()


class Reader:
    """Decodes blocks in one thread; the last one is kept, for neighbours often need it next."""

    def __init__(self, rows: ParquetRows) -> None:
        """Open the file.

        Raises:
            InfrastructureError: It is not the file any more that it was.
        """
        import pyarrow.parquet as pq

        if _stamp(rows.address) != rows.stamp:
            raise InfrastructureError(
                f"{rows.address} was changed while its rows were fitted. What is stored belongs to "
                "the rows as they were; run again to fit those of the new file."
            )
        self._rows = rows
        self._file: Any = pq.ParquetFile(pa.memory_map(rows.address))
        self._last: tuple[int, pa.Table] | None = None

    def none(self) -> pa.Table:
        """Return a table of the columns without rows."""
        fields = [self._file.schema_arrow.field(name) for name in self._rows.names]
        return settled.table(pa.schema(fields).empty_table())

    def block(self, at: int) -> pa.Table:
        """Return the rows of a block, one chunk for each column.

        Raises:
            UserMistake: They cannot be decoded.
        """
        if self._last is not None and self._last[0] == at:
            return self._last[1]
        self._last = None
        rows = self._rows
        try:
            table = self._file.read_row_groups(
                list(range(rows.groups[at], rows.groups[at + 1])),
                columns=list(rows.names),
                use_threads=False,  # whoever decodes is one of many threads or processes
            )
        except (pa.ArrowInvalid, OSError) as error:
            raise UserMistake(
                f"{rows.address} cannot be read from row {rows.edges[at]}: {error}",
                field="spec.data",
            ) from None
        found = settled.table(table.select(list(rows.names))).combine_chunks()
        self._last = (at, found)
        return found

    def between(self, start: int, stop: int) -> pa.Table:
        """Return the rows of a range that is not empty, one chunk for each column."""
        edges = self._rows.edges
        first, last = np.searchsorted(edges, [start, stop - 1], side="right") - 1
        parts = []
        for at in range(first, last + 1):
            low, high = max(start, edges[at]), min(stop, edges[at + 1])
            parts.append(self.block(at).slice(low - edges[at], high - low))
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()


def of_file(file: Any, address: str, names: Sequence[str]) -> ParquetRows | None:
    """Return the rows of a file where they are too many for memory and can stay where they are.

    Args:
        file: The open `pyarrow.parquet.ParquetFile`.
        address: Its path.
        names: The columns.
    """
    known = file.schema_arrow.names
    if not extent.is_large(file, names) or not all(
        known.count(name) == 1 and extent.is_plain(file, name) for name in names
    ):
        return None
    edges, groups = [0], [0]
    end = 0
    for group in range(file.metadata.num_row_groups):
        end += file.metadata.row_group(group).num_rows
        if end - edges[-1] >= BLOCK_ROWS or group == file.metadata.num_row_groups - 1:
            edges.append(end)
            groups.append(group + 1)
    room = extent.row_bytes(file, names)
    if not fits(int(np.diff(edges).max()), room):
        return None
    return ParquetRows(address, tuple(names), tuple(edges), tuple(groups), room, _stamp(address))


def fits(rows: int, row_bytes: float) -> bool:
    """Return whether each processor may hold so many rows at once."""
    return machine.processors() * rows * row_bytes <= machine.memory() // ROOM


def _stamp(address: str) -> tuple[int, int]:
    found = Path(address).stat()
    return found.st_size, found.st_mtime_ns
