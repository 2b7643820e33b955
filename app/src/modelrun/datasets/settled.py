"""Types as every estimator understands them, settled once: no slice sees another than the whole.

Dates become timestamps, decimals and whole numbers with gaps become floats with NaN, as pandas has
them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelrun import arrays
from modelrun.errors import UserMistake


def kind(kind: pa.DataType) -> pa.DataType:
    """Return the type a column has after reading; gaps are not known yet."""
    if pa.types.is_date(kind):
        return pa.timestamp("us")
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pa.float64()
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return kind


def table(table: pa.Table) -> pa.Table:
    """Return a table with the types that every estimator understands; see the module.

    Raises:
        UserMistake: A value does not fit its column's type here.
    """
    columns = [
        _column(name, column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    wanted = kind(column.type)
    if pa.types.is_null(wanted):
        return arrays.from_numpy(np.full(len(column), np.nan))
    try:
        settled = column if wanted == column.type else column.cast(wanted)
    except pa.ArrowInvalid as error:
        raise UserMistake(
            f"column {name!r} of type {column.type} cannot be read: {error}", field="spec.data"
        ) from None
    if settled.null_count and pa.types.is_integer(wanted):
        return arrays.from_numpy(arrays.floats(settled))
    if settled.null_count and pa.types.is_floating(wanted):
        values = arrays.to_numpy(settled)
        gaps = arrays.missing_mask(settled)
        return arrays.from_numpy(np.where(gaps, values.dtype.type(np.nan), values))
    return settled
