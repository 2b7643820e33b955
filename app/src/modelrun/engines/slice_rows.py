"""The rows of one slice and their values, from the memory-mapped panel.

A slice is a contiguous range of the sorted panel, or with resampling a drawn list of its rows.
Values come as arrays where they can and as a pandas frame where a formula or the user's function
wants one; nothing here knows models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.plan.study import Study

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]
Rows = slice | Ints

CONVERTED_BYTES = 200_000_000
"""Panels up to this size are held as a pandas frame by each process that needs frames."""


def rows_of(study: Study, fit: int) -> Rows:
    """Return the rows of slice `fit` in the panel: a range, or drawn rows in drawn order."""
    slices = study.slices
    base = fit // slices.replicates if slices.replicates else fit
    start, stop = int(slices.start[base]), int(slices.stop[base])
    if not slices.replicates or study.resample is None:
        return slice(start, stop)
    from modelrun.plan import resample

    drawn: Ints = resample.rows(study.resample, stop - start, fit % slices.replicates)
    return start + drawn


def positions(rows: Rows) -> Ints:
    """Return the rows as positions in the panel, shape (n,)."""
    if isinstance(rows, slice):
        return np.arange(rows.start, rows.stop, dtype=np.int64)
    return rows


def count(rows: Rows) -> int:
    """Return how many rows there are."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


class PanelValues:
    """Columns of the panel as arrays, each converted once per process and study."""

    def __init__(self, panel: pa.Table) -> None:
        """Remember the panel; nothing is read yet."""
        self._panel = panel
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self._frames: dict[tuple[str, ...], pd.DataFrame] = {}
        self._missing: dict[str, npt.NDArray[np.bool_]] = {}

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column, shape (n,): float64 with NaN, or whatever pandas would hold."""
        if name not in self._arrays:
            self._arrays[name] = as_array(self._panel.column(name))
        return self._arrays[name]

    def missing(self, name: str) -> npt.NDArray[np.bool_]:
        """Return where a column has no value, shape (n,)."""
        if name not in self._missing:
            column = self._panel.column(name)
            absent = arrays.missing_mask(column)
            if pa.types.is_floating(column.type):
                absent = absent | np.isnan(arrays.to_numpy(column))
            self._missing[name] = absent
        return self._missing[name]

    def frame(self, columns: tuple[str, ...], rows: Rows) -> pd.DataFrame:
        """Return the rows as a frame with a fresh index, as `data[mask].reset_index()` would.

        A small panel is converted once; rows are then copied only when somebody writes to them.
        """
        import pandas as pd

        if self._panel.nbytes <= CONVERTED_BYTES:
            if columns not in self._frames:
                self._frames[columns] = frame_of(self._panel.select(list(columns)))
            whole = self._frames[columns]
            part = whole.iloc[rows] if isinstance(rows, slice) else whole.take(rows)
            part.index = pd.RangeIndex(len(part))
            return part
        table = self._panel.select(list(columns))
        if isinstance(rows, slice):
            return frame_of(table.slice(rows.start, rows.stop - rows.start))
        return frame_of(table.take(arrays.from_numpy(rows)))


def as_array(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return an Arrow column as the array that pandas would hold for it."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return arrays.floats(column) if column.null_count else arrays.to_numpy(column)
    values = column.to_pandas().to_numpy()
    return np.asarray(values, dtype=object) if values.dtype.kind not in "biufM" else values


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return a table as pandas holds it after reading the file, with text as plain objects.

    Text columns are objects, because patsy knows no other text; dictionary columns are categorical
    and keep all their levels.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for field in table.schema:
        column = table.column(field.name)
        series = column.to_pandas()
        if isinstance(series.dtype, pd.StringDtype):
            series = series.astype(object)
        columns[field.name] = series.array
    return pd.DataFrame(columns, copy=False)
