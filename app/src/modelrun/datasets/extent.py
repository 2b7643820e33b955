"""How large columns of a parquet file are in memory, told from what its footer says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from modelrun.backends import machine

SHARE: Final = 4
"""Rows that need more than memory divided by this are large: sorting them may take it twice."""


def is_large(file: Any, names: Sequence[str]) -> bool:
    """Return whether these columns of a `pyarrow.parquet.ParquetFile` are too large for memory."""
    return sum(_bytes(file, name) for name in names) > machine.memory() // SHARE


def is_plain(file: Any, name: str) -> bool:
    """Return whether a column is one of numbers whose form no row can change."""
    kind = file.schema_arrow.field(name).type
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return True
    if not (pa.types.is_integer(kind) or pa.types.is_timestamp(kind)):
        return False
    leaves = list(_leaves(file, name))
    return len(leaves) == file.metadata.num_row_groups and all(
        leaf.statistics is not None
        and leaf.statistics.has_null_count
        and leaf.statistics.null_count == 0
        for leaf in leaves
    )


def row_bytes(file: Any, names: Sequence[str]) -> float:
    """Return about how many bytes a row of these columns takes in memory."""
    rows = int(file.metadata.num_rows)
    return sum(_bytes(file, name) for name in names) / max(1, rows)


def _bytes(file: Any, name: str) -> int:
    kind = file.schema_arrow.field(name).type
    if pa.types.is_primitive(kind):
        return int(file.metadata.num_rows * kind.bit_width // 8)
    return sum(leaf.total_uncompressed_size for leaf in _leaves(file, name))


def _leaves(file: Any, name: str) -> Iterator[Any]:
    """Yield the column's metadata in each row group."""
    metadata = file.metadata
    for at in range(metadata.num_columns):
        if metadata.schema.column(at).path.partition(".")[0] == name:
            for group in range(metadata.num_row_groups):
                yield metadata.row_group(group).column(at)
