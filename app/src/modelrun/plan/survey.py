"""Rows that stay in their file, looked at once: their groups, and hashes of each group's rows.

Blocks of the file are decoded, hashed and dropped by all processors, so that the survey takes
little more than decoding. It is for rows that lie in the order of one column of numbers and are not
cut into windows; a group that is in two blocks is put together from its parts.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.backends import machine
from modelrun.datasets import parquet_rows
from modelrun.datasets.parquet_rows import ParquetRows, Reader
from modelrun.plan import columns, design, formula, hashing, panel
from modelrun.plan.hashing import Rows
from modelrun.plan.panel import Panel
from modelrun.plan.words import Lanes
from modelrun_api.spec import ModelRunSpec

Ints = npt.NDArray[np.int64]
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a plan needs to know of rows that stay in their file; G groups."""

    rows: ParquetRows
    panel: Panel
    """The groups; its table has the columns and no rows."""

    hashes: Mapping[Names, Lanes]
    """Hashes of the rows of each group, by the columns that they are over, shape (G,) each."""

    def at(self, name: str, rows: Ints) -> Lanes:
        """Refuse: only labels of windows are single values, and windows are not surveyed."""
        raise ValueError(f"{len(rows)} single values of {name!r} were not hashed by the survey")

    def ranges(self, columns: Collection[str], start: Ints, stop: Ints) -> Lanes:
        """Return a hash of the rows of each group; no other ranges are known.

        Raises:
            ValueError: The ranges are not the groups, or nobody said that these columns are read.
        """
        names = hashing.in_order(columns)
        if start is not self.panel.start or stop is not self.panel.stop or names not in self.hashes:
            raise ValueError(f"no hashes of {len(start)} ranges over {', '.join(names)}")
        return self.hashes[names]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Rows of one block that have the same value in the column of groups; n runs."""

    values: npt.NDArray[Any]
    start: Ints
    """First row of each run in the file, shape (n,)."""

    polynomials: Mapping[Names, Lanes]


def of_rows(rows: ParquetRows, spec: ModelRunSpec) -> Survey | None:
    """Return a survey of rows, or None where they have to be looked at as a table.

    Args:
        rows: All columns that models and slices read.
        spec: What is to be fitted.

    Raises:
        InfrastructureError: The file was changed meanwhile.
        UserMistake: It cannot be decoded, or a formula reads a column that is not there.
    """
    empty = rows.none()
    if not _can(spec, empty):
        return None
    by = spec.slices.by[0]
    models = [columns.of_model(model, at, rows.names) for at, model in enumerate(spec.models)]
    read = {hashing.in_order(names) for names in models}
    read.add(hashing.in_order(name for names in models for name in names))
    found: list[_Runs] = []
    for runs in _runs(rows, by, read):
        if runs is None:
            return None
        found.append(runs)
    values = np.concatenate([runs.values for runs in found])
    begins = np.concatenate([runs.start for runs in found])
    first = panel.first_of_equal(values)
    if first is None:
        return None
    start = begins[first]
    stop = np.append(start[1:], rows.count)
    if not parquet_rows.fits(int((stop - start).max()), rows.row_bytes):
        return None
    groups = pa.Table.from_arrays([arrays.from_numpy(values[first])], names=[by])
    before = begins - np.repeat(start, np.diff(np.append(first, len(begins))))
    hashes = {
        names: hashing.finished(_put_together(found, names, before, first), stop - start)
        for names in read
    }
    return Survey(rows, Panel(empty, groups, start, stop, None, 0), hashes)


def _put_together(found: Sequence[_Runs], names: Names, before: Ints, first: Ints) -> Lanes:
    """Return the polynomials of groups from those of the runs that they are made of."""
    lanes = (np.concatenate([runs.polynomials[names][lane] for runs in found]) for lane in (0, 1))
    one, other = (hashing.appended(lane, at, before, first) for at, lane in enumerate(lanes))
    return one, other


def _can(spec: ModelRunSpec, empty: pa.Table) -> bool:
    """Return whether rows of these types could be planned without looking at all at once."""
    if len(spec.slices.by) != 1 or spec.slices.window is not None or spec.results.observations:
        return False
    if not panel.has_plain_order(empty.column(spec.slices.by[0]).type):
        return False
    for model in spec.models:
        if model.formula is not None:
            try:
                design.build(formula.plain(model.formula), empty)
            except formula.NotPlain:
                return False
    return True


def _runs(rows: ParquetRows, by: str, read: Collection[Names]) -> Iterator[_Runs | None]:
    """Yield what is found in each block, in their order; None where rows are not in order."""
    mine = threading.local()

    def look(at: int) -> _Runs | None:
        if not hasattr(mine, "reader"):
            mine.reader = Reader(rows)
        table = mine.reader.block(at)
        values = arrays.to_numpy(table.column(by))
        start = panel.first_of_equal(values)
        if start is None:
            return None
        stop = np.append(start[1:], len(values))
        hashed = Rows(table, threads=1)
        polynomials = {names: hashed.polynomials(names, start, stop) for names in read}
        return _Runs(values[start], rows.edges[at] + start, polynomials)

    pool = ThreadPoolExecutor(machine.processors(), thread_name_prefix="modelrun-survey")
    try:
        yield from pool.map(look, range(len(rows.edges) - 1))
    finally:
        pool.shutdown(cancel_futures=True)
