"""Two runs compared: which fits only one of them has, and where their numbers differ most.

Fits are matched by their labels (model, slice keys, window, replicate), not by their keys: a key
changes with anything that defines a fit, and it is the effect of such changes that is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.errors import UserMistake
from modelrun.results import tables
from modelrun.results.opened import Opened
from modelrun.results.summary import name_of

if TYPE_CHECKING:
    from rich.console import Group

Ints = npt.NDArray[np.int64]

EXAMPLES = 5
IGNORED = frozenset({"fit_key", "seconds", "reused", "attempts"})
"""Columns that may differ between two runs of the same thing."""


@dataclass(frozen=True, slots=True)
class Some:
    """A number of fits, and the first of them in words."""

    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """How one column of one table differs."""

    table: str
    column: str
    rows: int
    """Rows that differ at all."""

    missing: int
    """Rows with a number on one side only."""

    largest: float | None
    """The largest absolute difference; None for text."""

    relative: float | None
    """The largest difference relative to the larger of both numbers."""

    where: str
    """The row with the largest difference, with both values."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What `modelrun results --diff` shows."""

    left: str
    right: str
    both: int
    """Fits that both have."""

    only_left: Some
    only_right: Some
    status: Some
    columns: tuple[ColumnDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.only_left.count or self.only_right.count or self.columns)

    def document(self) -> dict[str, Any]:
        """Return the comparison as JSON can say it."""
        return {"equal": self.equal, **asdict(self)}

    def __rich__(self) -> Group:
        """Return the comparison as rich prints it."""
        from modelrun.results.display import difference

        return difference(self)


def compare(left: str | os.PathLike[str], right: str | os.PathLike[str]) -> Difference:
    """Compare the results at two locations.

    Raises:
        UserMistake: There are no results at one of them, or their fits have other labels.
    """
    one, other = Opened(left), Opened(right)
    labels = one.labels()
    if set(labels) != set(other.labels()):
        raise UserMistake(
            f"the fits in {one.place.uri} are labelled by {', '.join(labels)}, those in "
            f"{other.place.uri} by {', '.join(other.labels())}: they cannot be matched. Compare "
            "runs with the same spec.slices"
        )
    fits = _Matched(one, other, tables.FITS, labels)
    columns = fits.differences()
    terms = _Matched(one, other, tables.COEFFICIENTS, [*labels, "component", "term"])
    return Difference(
        left=one.place.uri,
        right=other.place.uri,
        both=len(fits.left_rows),
        only_left=fits.only(fits.left, fits.only_left),
        only_right=fits.only(fits.right, fits.only_right),
        status=fits.otherwise("status"),
        columns=(*columns, *terms.differences()),
    )


class _Matched:
    """The rows of one table that two runs share."""

    def __init__(self, one: Opened, other: Opened, name: str, labels: Sequence[str]) -> None:
        self._name = name.removesuffix(".parquet")
        self._labels = labels
        there = set(other.columns(name))
        self._columns = [
            column
            for column in one.columns(name)
            if column in there and column not in IGNORED and column not in labels
        ]
        self.left = one.table(name, [*labels, *self._columns])
        self.right = other.table(name, [*labels, *self._columns])
        rows = self.left.num_rows
        code = _codes([(self.left[label], self.right[label]) for label in labels])
        _, self.left_rows, self.right_rows = np.intersect1d(
            code[:rows], code[rows:], return_indices=True
        )
        in_order = np.argsort(self.left_rows)
        self.left_rows = self.left_rows[in_order]
        self.right_rows = self.right_rows[in_order]
        self.only_left: Ints = np.flatnonzero(~np.isin(code[:rows], code[rows:]))
        self.only_right: Ints = np.flatnonzero(~np.isin(code[rows:], code[:rows]))

    def only(self, table: pa.Table, rows: Ints) -> Some:
        """Describe rows of one side."""
        return Some(len(rows), tuple(self._where(table, row) for row in rows[:EXAMPLES]))

    def otherwise(self, column: str) -> Some:
        """Describe the shared rows in which a column of words differs."""
        left = self.left[column].take(self.left_rows).to_pylist()
        right = self.right[column].take(self.right_rows).to_pylist()
        differ = [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]
        examples = (
            f"{self._where(self.left, self.left_rows[i])}: {left[i]}, then {right[i]}"
            for i in differ[:EXAMPLES]
        )
        return Some(len(differ), tuple(examples))

    def differences(self) -> list[ColumnDifference]:
        """Return the columns that differ."""
        found = [self._difference(column) for column in self._columns]
        return [difference for difference in found if difference.rows]

    def _difference(self, column: str) -> ColumnDifference:
        largest: float | None = None
        relative: float | None = None
        left = self.left[column].take(self.left_rows)
        right = self.right[column].take(self.right_rows)
        if _is_number(left.type) and _is_number(right.type):
            a, b = _floats(left), _floats(right)
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            missing = np.isnan(a) != np.isnan(b)
            with np.errstate(invalid="ignore", divide="ignore"):
                gap = np.where(same | missing, 0.0, np.abs(a - b))
                share = np.where(gap > 0, gap / np.maximum(np.abs(a), np.abs(b)), 0.0)
            largest, relative = float(gap.max(initial=0)), float(np.nanmax(share, initial=0))
            worst = int(np.argmax(gap)) if largest > 0 else int(np.argmax(missing)) if len(a) else 0
        else:
            words = [(x, y) for x, y in zip(left.to_pylist(), right.to_pylist(), strict=True)]
            same = np.array([x == y for x, y in words], bool)
            missing = np.array([(x is None) != (y is None) for x, y in words], bool)
            worst = int(np.argmin(same)) if len(same) else 0
        where = ""
        if not same.all():
            where = (
                f"{self._where(self.left, self.left_rows[worst])}: "
                f"{left[worst].as_py()}, then {right[worst].as_py()}"
            )
        return ColumnDifference(
            table=self._name,
            column=column,
            rows=int((~same).sum()),
            missing=int(missing.sum()),
            largest=largest,
            relative=relative,
            where=where,
        )

    def _where(self, table: pa.Table, row: int) -> str:
        labels = table.select(list(self._labels)).slice(int(row), 1).to_pylist()[0]
        return " · ".join(name_of(name, value) for name, value in labels.items() if value != "")


def _codes(pairs: Sequence[tuple[pa.ChunkedArray, pa.ChunkedArray]]) -> Ints:
    """Return a number for each row of both sides, equal where all labels are."""
    code: Ints | None = None
    for left, right in pairs:
        kind = left.type if left.type == right.type else pa.string()
        chunks = [*left.cast(kind).chunks, *right.cast(kind).chunks]
        joined = pa.chunked_array(chunks, kind).combine_chunks()
        encoded = joined.dictionary_encode(null_encoding="encode")
        own = encoded.indices.to_numpy().astype(np.int64)
        code = own if code is None else code * (own.max(initial=0) + 1) + own
        _, code = np.unique(code, return_inverse=True)
    return np.zeros(0, np.int64) if code is None else code


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_floating(type_) or pa.types.is_integer(type_))


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return values
