"""The panel: the needed columns, sorted by group and by the window's column.

Groups are the combinations of values of the `by` columns, as pandas' groupby makes them: in
ascending order, rows without a value in one of them belong to no group and are left out. The sort
is stable, so without a window rows keep the order of the file within their group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.errors import UserMistake

Ints = npt.NDArray[np.int64]

_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Panel:
    """Sorted rows and where their groups are; n rows, G groups."""

    table: pa.Table
    """All columns that were read, one chunk each, shape (n,)."""

    groups: pa.Table
    """The `by` values of each group, G rows; one row without columns where there is no `by`."""

    start: Ints
    """First row of each group, shape (G,)."""

    stop: Ints
    """One past its last row, shape (G,)."""

    order: npt.NDArray[Any] | None
    """The window column as numbers that order it, shape (n,): int64, float64 or datetime64."""

    left_out: int
    """Rows without a value in a `by` column."""


def build(table: pa.Table, *, by: Sequence[str], window_column: str | None) -> Panel:
    """Sort rows into groups.

    Raises:
        UserMistake: A window column has no order or gaps, or no row belongs to a group.
    """
    table = table.combine_chunks()
    start = _sorted_groups(table, by) if window_column is None else None
    if start is not None:
        return Panel(table, _groups(table, by, start), start, _stops(start, table), None, 0)
    left_out = 0
    ids = np.zeros(table.num_rows, dtype=np.int64)
    if by:
        ids = _group_ids(table, by)
        inside = ids >= 0
        if not inside.all():
            left_out = int(len(ids) - inside.sum())
            if left_out == len(ids):
                raise UserMistake(
                    f"slices.by: no row has a value in each of {', '.join(by)}.",
                    field="spec.slices.by",
                )
            table = table.filter(arrays.from_numpy(inside)).combine_chunks()
            ids = ids[inside]
    order = None if window_column is None else _order(table, window_column)
    permutation = _permutation(ids, order)
    if permutation is not None:
        columns = [arrays.taken(arrays.single(column), permutation) for column in table.columns]
        table = pa.Table.from_arrays(columns, names=table.column_names)
        ids = ids[permutation]
        order = None if order is None else order[permutation]
    start = np.concatenate([[0], np.flatnonzero(np.diff(ids)) + 1]).astype(np.int64)
    return Panel(table, _groups(table, by, start), start, _stops(start, table), order, left_out)


def _sorted_groups(table: pa.Table, by: Sequence[str]) -> Ints | None:
    """Return the first row of each group where rows lie in the order of one column of numbers."""
    if len(by) != 1:
        return None
    array = arrays.single(table.column(by[0]))
    if array.null_count or not has_plain_order(array.type):
        return None
    return first_of_equal(arrays.to_numpy(array))


def has_plain_order(kind: pa.DataType) -> bool:
    """Return whether values of a type are in the order of numbers and none is like no other."""
    return bool(pa.types.is_integer(kind) or (pa.types.is_timestamp(kind) and kind.tz is None))


def first_of_equal(values: npt.NDArray[Any]) -> Ints | None:
    """Return where each run of equal values begins, or None where values do not ascend."""
    if (values[1:] < values[:-1]).any():
        return None
    return np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1]).astype(np.int64)


def _stops(start: Ints, table: pa.Table) -> Ints:
    return np.append(start[1:], table.num_rows).astype(np.int64)


def _groups(table: pa.Table, by: Sequence[str], start: Ints) -> pa.Table:
    columns = [arrays.taken(arrays.single(table.column(name)), start) for name in by]
    return _plain(pa.Table.from_arrays(columns, names=list(by)))


def name_of_group(groups: pa.Table, at: int) -> str:
    """Return a group's values in words, like `portfolio=S1V1`."""
    if not groups.num_columns:
        return "all rows"
    return ", ".join(f"{name}={in_words(groups.column(name), at)}" for name in groups.column_names)


def in_words(column: pa.ChunkedArray, at: int) -> str:
    """Return a value as a person writes it: a date without its midnight."""
    return str(column[at].as_py()).removesuffix(" 00:00:00")


def _plain(table: pa.Table) -> pa.Table:
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _group_ids(table: pa.Table, by: Sequence[str]) -> Ints:
    """Return each row's group, numbered in the order of the values; -1 without a value."""
    combined = np.zeros(table.num_rows, dtype=np.int64)
    outside = np.zeros(table.num_rows, dtype=np.bool_)
    cardinality = 1
    for name in by:
        codes, count = codes_of(table.column(name))
        if cardinality * max(1, count) >= _LARGEST:
            combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
            cardinality = int(combined.max()) + 1
        outside |= codes < 0
        combined = combined * count + np.maximum(codes, 0)
        cardinality *= max(1, count)
    if len(by) > 1:
        if cardinality <= max(1024, 4 * len(combined)):
            present = np.zeros(cardinality, dtype=np.bool_)
            present[combined] = True
            combined = (np.cumsum(present) - 1)[combined]
        else:
            combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
    return np.where(outside, -1, combined)


def codes_of(column: pa.ChunkedArray) -> tuple[Ints, int]:
    """Return each value's rank among the distinct values, and how many there are.

    Returns:
        The ranks, shape (n,), -1 for null and NaN; the number of distinct values.
    """
    array = arrays.single(column)
    if pa.types.is_floating(array.type):
        values = arrays.to_numpy(array)
        array = arrays.from_numpy(values, missing=np.isnan(values) | arrays.missing_mask(array))
    encoded = arrays.encoded(array)
    by_value = _in_order(encoded.dictionary)
    rank = np.empty(len(by_value), dtype=np.int64)
    rank[by_value] = np.arange(len(by_value))
    indices = encoded.indices
    codes = arrays.to_numpy(indices).astype(np.int64)
    gaps = arrays.missing_mask(indices)
    if gaps.any():
        codes = np.where(gaps, 0, codes)
        return np.where(gaps, -1, rank[codes] if len(rank) else -1), len(rank)
    return rank[codes], len(rank)


def _in_order(values: pa.Array) -> Ints:
    """Return the places of distinct values in ascending order."""
    if pa.types.is_string(values.type) and len(values) <= arrays.FEW:
        texts = values.to_pylist()
        return np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.int64)
    import pyarrow.compute as pc

    return arrays.to_numpy(pc.sort_indices(values)).astype(np.int64)


def _order(table: pa.Table, name: str) -> npt.NDArray[Any]:
    array = arrays.single(table.column(name))
    gaps = arrays.missing_mask(array)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        array = array.cast(pa.timestamp(array.type.unit))
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("us"))
    order: npt.NDArray[Any]
    if (
        pa.types.is_timestamp(array.type)
        or pa.types.is_integer(array.type)
        or pa.types.is_floating(array.type)
    ):
        order = arrays.to_numpy(array)
        if order.dtype.kind == "f":
            gaps = gaps | np.isnan(order)
        elif order.dtype.kind in "iu":
            order = order.astype(np.int64)
    elif pa.types.is_string(array.type) or pa.types.is_dictionary(array.type):
        order, _ = codes_of(array)
    else:
        raise UserMistake(
            f"slices.window: column {name!r} of type {array.type} has no order; "
            "use dates, numbers or text.",
            field="spec.slices.window.column",
        )
    if gaps.any():
        raise UserMistake(
            f"slices.window: {int(gaps.sum())} rows have no value in column {name!r}, so they are "
            f'in no window; leave them out with where: "{name}.notna()".',
            field="spec.slices.window.column",
        )
    return order


def _permutation(ids: Ints, order: npt.NDArray[Any] | None) -> Ints | None:
    """Return the stable order by group, then by window column; None where rows are in it."""
    step = np.diff(ids)
    if order is None:
        return None if (step >= 0).all() else np.argsort(ids, kind="stable")
    if ((step > 0) | ((step == 0) & (order[1:] >= order[:-1]))).all():
        return None
    return np.lexsort((order, ids)).astype(np.int64)
