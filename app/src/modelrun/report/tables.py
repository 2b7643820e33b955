"""A finished results folder as arrays: groups, times and statuses in codes, never row by row.

Reads only the columns that a report needs and lives with the absence of those nobody asked for.
Not the Python door to results: that one hands out whole tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import modelrun.arrow as _without_pandas  # noqa: F401 - must come before any Arrow array is made
from modelrun.errors import UserMistake
from modelrun.report.page import Floats, Ints, Kind
from modelrun.results.tables import COEFFICIENTS, FAILURES, FITS, RESERVED

LARGE = ("fit_key", "traceback")
"""Columns that no page needs."""


@dataclass(frozen=True, slots=True)
class Times:
    """The ends of all windows in order."""

    x: Floats
    """Positions on an axis, shape (T,): days since 1970, the number itself, or a counter."""

    labels: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a run, and the words that stand for its codes."""

    folder: Path
    run: Mapping[str, Any]
    """The reproducibility bundle run.json; empty where it is not written yet."""

    fits: pa.Table
    coefficients: pa.Table
    failures: pa.Table
    keys: tuple[str, ...]
    """The slice keys, without windows and replicates."""

    groups: tuple[str, ...]
    """Labels of the groups in order; one empty label where nothing is grouped."""

    times: Times
    """One nameless time where there are no windows."""

    @property
    def windows(self) -> bool:
        """Whether the run has windows that differ."""
        return len(self.times.x) > 1

    @property
    def replicates(self) -> bool:
        """Whether fits are replicates of a resampled slice."""
        column = self.fits.column("replicate") if "replicate" in self.fits.column_names else None
        return column is not None and bool(pc.max(column).as_py() or 0)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, sorted."""
        return tuple(sorted(set(words(self.fits, "model")[0])))

    @property
    def spec(self) -> Mapping[str, Any]:
        """The resolved spec, empty where unknown."""
        found = self.run.get("spec") or {}
        return found.get("spec", found) if isinstance(found, Mapping) else {}

    @property
    def name(self) -> str:
        """The study's name, else the folder's."""
        found = self.run.get("study") or self.run.get("name") or self.folder.resolve().name
        return str(found)

    @property
    def time_label(self) -> str:
        """What a time axis counts."""
        window = (self.spec.get("slices") or {}).get("window") or {}
        return f"{window.get('column', 'window')}, end of window"

    def group_codes(self, table: pa.Table) -> Ints:
        """Return the row in `groups` of each row of a table, shape (n,)."""
        _, codes = _groups(table, self.keys)
        labels, own = codes
        order = {label: i for i, label in enumerate(self.groups)}
        return np.array([order.get(label, 0) for label in labels], np.int64)[own]

    def time_codes(self, table: pa.Table) -> Ints:
        """Return the position in `times` of each row of a table, shape (n,)."""
        if not self.windows or "window_end" not in table.column_names:
            return np.zeros(table.num_rows, np.int64)
        x, _ = _positions(table.column("window_end"), self.times)
        return np.clip(np.searchsorted(self.times.x, x), 0, len(self.times.x) - 1)


def read(folder: Path, run: Mapping[str, Any] | None = None) -> Tables:
    """Read a results folder.

    Args:
        folder: Where fits.parquet and coefficients.parquet lie.
        run: What run.json says or will say; by default the file is read, if it is there.

    Raises:
        UserMistake: If there are no result tables.
    """
    if not (folder / FITS).is_file():
        raise UserMistake(
            f"there is no fits.parquet in {folder}, so there is nothing to draw: "
            "give the folder that `modelrun run` printed as the place of its results"
        )
    document = dict(run) if run is not None else _document(folder / "run.json")
    fits = _table(folder / FITS)
    spec = document.get("spec") or {}
    slices = (spec.get("spec", spec) or {}).get("slices") or {}
    by = slices.get("by")
    keys = tuple(
        name
        for name in (by if by is not None else fits.column_names)
        if name in fits.column_names and name not in RESERVED
    )
    groups, _ = _groups(fits, keys)
    return Tables(
        folder=folder,
        run=document,
        fits=fits,
        coefficients=_table(folder / COEFFICIENTS),
        failures=_table(folder / FAILURES),
        keys=keys,
        groups=groups,
        times=_times(fits),
    )


def floats(table: pa.Table, name: str) -> Floats:
    """Return a column as floats, NaN for null and for an absent column, shape (n,)."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table.column(name)
    if pa.types.is_null(column.type):
        return np.full(table.num_rows, np.nan)
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def flags(table: pa.Table, name: str) -> npt.NDArray[np.bool_]:
    """Return a column of booleans, False for null and for an absent column, shape (n,)."""
    if name not in table.column_names or not pa.types.is_boolean(table.column(name).type):
        return np.zeros(table.num_rows, bool)
    column: Any = table.column(name)
    filled: Any = pc.fill_null(column, False)
    return np.asarray(filled.to_numpy(), np.bool_)


def words(table: pa.Table, name: str) -> tuple[tuple[str, ...], Ints]:
    """Return the distinct words of a column in order of appearance, and each row's code."""
    if name not in table.column_names:
        return ("",), np.zeros(table.num_rows, np.int64)
    column: Any = table.column(name)
    if not pa.types.is_dictionary(column.type) or column.null_count:
        column = pc.fill_null(column.cast(pa.string()), "").dictionary_encode()
    array: Any = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks()
    codes = np.asarray(pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False), np.int64)
    names = [("" if word is None else str(word)) for word in array.dictionary.to_pylist()]
    if not len(codes):
        return ((names or [""])[0],), codes
    used, first, own = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return tuple(names[used[i]] for i in order), place[own].astype(np.int64)


def _groups(
    table: pa.Table, keys: Sequence[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], Ints]]:
    """Return labels in order of the keys' values, and the same with each row's code."""
    code = np.zeros(table.num_rows, np.int64)
    parts: list[list[str]] = []
    for key in keys:
        column: Any = table.column(key)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        distinct: Any = pc.unique(column)
        distinct = distinct.take(pc.sort_indices(distinct))
        own: Any = pc.fill_null(pc.index_in(column, value_set=distinct), 0)
        code = code * len(distinct) + np.asarray(own.to_numpy(), np.int64)
        # A number alone says nothing: occupation 1, but S1V1.
        start = f"{key} " if pa.types.is_primitive(distinct.type) and not _dated(distinct) else ""
        parts.append([start + _label(word) for word in distinct.to_pylist()])
    used, codes = np.unique(code, return_inverse=True)
    labels = []
    for number in used.tolist():
        rest, pieces = number, []
        for names in reversed(parts):
            rest, position = divmod(rest, len(names))
            pieces.append(names[position])
        labels.append(" · ".join(reversed(pieces)))
    found = tuple(labels) or ("",)
    return found, (found, codes.astype(np.int64))


def _dated(column: Any) -> bool:
    """Return whether the values of a column are dates or times, which name themselves."""
    return bool(pa.types.is_temporal(column.type))


def _times(fits: pa.Table) -> Times:
    nameless = Times(np.zeros(1), ("",), "number")
    if "window_end" not in fits.column_names:
        return nameless
    column = pc.drop_null(fits.column("window_end"))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    distinct = pc.unique(column)
    if not len(distinct):
        return nameless
    distinct = distinct.take(pc.sort_indices(distinct))
    x, kind = _positions(distinct, None)
    return Times(x, tuple(_label(word) for word in distinct.to_pylist()), kind)


def _positions(column: Any, times: Times | None) -> tuple[Floats, Kind]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind):
        unit = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        return np.asarray(unit.to_numpy(zero_copy_only=False), np.float64) / 86_400_000.0, "date"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        number = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        plain = pa.types.is_integer(kind)
        return np.asarray(number, np.float64), "plain" if plain else "number"
    if times is None:
        return np.arange(len(column), dtype=np.float64), "number"
    places = pc.index_in(column.cast(pa.string()), value_set=pa.array(times.labels))
    return np.asarray(pc.fill_null(places, 0).to_numpy(), np.float64), "number"


def _label(word: object) -> str:
    if isinstance(word, float) and word.is_integer():
        word = int(word)
    text = "missing" if word is None else str(word)
    return text.removesuffix(" 00:00:00").removesuffix("+00:00")


def _table(path: Path) -> pa.Table:
    if not path.is_file():
        return pa.table({"model": pa.array([], pa.string())})
    fields = [field for field in pq.read_schema(path) if field.name not in LARGE]
    text = [field.name for field in fields if pa.types.is_string(field.type)]
    with pq.ParquetFile(path, read_dictionary=text, memory_map=True) as file:
        return file.read(columns=[field.name for field in fields])


def _document(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}
