"""Two-lane hashes of columns, rows and ranges of rows, in arrays.

Every value becomes a 64-bit word, every row a sum of mixed words, every range of rows a
polynomial over its rows that prefix sums give in constant time: with P_i = sum_{j<i} h_j M^j the
range [a, b) has (P_b - P_a) M^-a, modulo 2^64. Two lanes with their own multipliers and salts make
128 bits. These hashes tell equal from different data; they are no defence against forgery.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.errors import UserMistake
from modelrun.plan import row_hash
from modelrun.plan.words import (
    BLOCK,
    GAP,
    LANES,
    MULTIPLIERS,
    PAGE,
    Lanes,
    Raw,
    Words,
    mix,
    mix_here,
    powers,
    salt,
)

Ints = npt.NDArray[np.int64]


class Hashes(Protocol):
    """What keys are made of, wherever the rows are."""

    def at(self, name: str, rows: Ints) -> Lanes:
        """Return a hash of the values of a column in these rows, shape (len(rows),) each."""
        ...

    def ranges(self, columns: Sequence[str], start: Ints, stop: Ints) -> Lanes:
        """Return a hash of each range of rows over these columns, in order, shape (B,) each."""
        ...


class Rows:
    """Hashes of rows and of their ranges."""

    def __init__(self, table: pa.Table, *, threads: int | None = None) -> None:
        """Remember the table; nothing is hashed yet.

        Args:
            table: The rows.
            threads: That hash at once; all processors by default.
        """
        self._table = table
        self._threads = threads
        self._columns: dict[str, _Numbers | _Levels] = {}
        self._sums: dict[tuple[str, ...], Lanes] = {}
        self._last: tuple[tuple[str, ...], Ints, Ints, Lanes] | None = None

    def at(self, name: str, rows: Ints) -> Lanes:
        """Return a hash of the values of a column in these rows, shape (len(rows),) each."""
        return self._column(name).words(rows)

    def ranges(self, columns: Sequence[str], start: Ints, stop: Ints) -> Lanes:
        """Return a hash of each range of rows over these columns, in order, shape (B,) each.

        The order of the columns makes no difference.
        """
        names = in_order(columns)
        last = self._last
        if last is not None and last[0] == names and last[1] is start and last[2] is stop:
            return last[3]
        lanes = finished(self.polynomials(names, start, stop), stop - start)
        self._last = (names, start, stop, lanes)
        return lanes

    def polynomials(self, names: tuple[str, ...], start: Ints, stop: Ints) -> Lanes:
        """Return the polynomial of each range of rows over these columns, shape (B,) each.

        Where ranges overlap, the sums of the last set of columns are kept; where they do not,
        each is looked at by itself.

        Args:
            names: The columns, as `in_order` gives them.
            start: First row of each range.
            stop: One past its last row.
        """
        read = [self._column(name) for name in names]
        found = None
        if names not in self._sums and int((stop - start).sum()) <= 2 * self._table.num_rows:
            found = row_hash.polynomials(
                [column.raw() for column in read], start, stop, threads=self._threads
            )
        if found is None:
            if names not in self._sums:
                self._sums = {names: self._prefix_sums(names)}
            first, second = self._sums[names]
            found = _polynomials(first, 0, start, stop), _polynomials(second, 1, start, stop)
        return found

    def _column(self, name: str) -> _Numbers | _Levels:
        if name not in self._columns:
            self._columns[name] = _column(self._table.column(name), name)
        return self._columns[name]

    def _prefix_sums(self, names: tuple[str, ...]) -> Lanes:
        columns = [self._column(name) for name in names]
        count = self._table.num_rows
        sums = (np.zeros(count + 1, dtype=np.uint64), np.zeros(count + 1, dtype=np.uint64))
        spare = np.empty(BLOCK, dtype=np.uint64)
        for at in range(0, count, BLOCK):
            stop = min(at + BLOCK, count)
            totals = [lane[at + 1 : stop + 1] for lane in sums]
            for column in columns:
                words = column.words(slice(at, stop), spare)
                for lane in range(LANES):
                    np.add(totals[lane], words[lane], out=totals[lane])
            mix_here(totals[0], spare)
            mix_here(totals[1], spare)
        for lane in range(LANES):
            _accumulate(sums[lane], lane)
        return sums


def in_order(columns: Iterable[str]) -> tuple[str, ...]:
    """Return a set of columns in the order in which it is named here."""
    return tuple(sorted(set(columns)))


def finished(polynomials: Lanes, lengths: Ints) -> Lanes:
    """Return the hashes of ranges of rows, from their polynomials and lengths, shape (B,) each."""
    known = mix(lengths.astype(np.uint64))
    return mix(polynomials[0] ^ known), mix(polynomials[1] ^ known)


def appended(polynomials: Words, lane: int, offsets: Ints, first: Ints) -> Words:
    """Return the polynomials of ranges that are made of neighbouring ranges.

    Args:
        polynomials: Of the parts in one lane, shape (n,).
        lane: Which lane.
        offsets: Rows of the range that lie before each part, shape (n,).
        first: The first part of each range, ascending, shape (B,).
    """
    low, high = powers(MULTIPLIERS[lane], int(offsets.max()) + 1)
    with np.errstate(over="ignore"):
        moved = polynomials * low[offsets % PAGE] * high[offsets // PAGE]
        return np.add.reduceat(moved, first)


class _Numbers:
    """A column whose values are words already."""

    def __init__(self, array: pa.Array, name: str) -> None:
        try:
            self._values = arrays.to_numpy(array)
        except TypeError:
            raise UserMistake(
                f"column {name!r} of type {array.type} holds neither numbers, text, dates nor "
                "booleans, so no model can use it; convert it before.",
                field="spec.data",
            ) from None
        self._gaps = arrays.missing_mask(array) if array.null_count else None
        self._salts = salt(name, array.type, 0), salt(name, array.type, 1) | np.uint64(1)

    def raw(self) -> Raw | None:
        """Return the values as they lie in memory, or None where they must be looked at here."""
        values = self._values
        if self._gaps is not None or values.dtype.itemsize != 8 or values.dtype.kind not in "fMi":
            return None
        if not values.flags.c_contiguous:
            return None
        return Raw(values.view(np.int64), values.dtype.kind, self._salts)

    def words(self, rows: slice | Ints, spare: Words | None = None) -> Lanes:
        """Return the hashed values of these rows.

        Mixing is one to one, so one mixed word serves both lanes; the multiplier tells columns
        apart in the second lane's sum.
        """
        values = self._values[rows]
        gaps: npt.NDArray[np.bool_] | None
        match values.dtype.kind:
            case "f":
                wide = values.astype(np.float64, copy=False)
                words, gaps = wide.view(np.uint64), np.isnan(wide)
            case "M":
                words, gaps = values.view(np.uint64), np.isnat(values)
            case _:
                words, gaps = values.astype(np.int64).view(np.uint64), None
        if self._gaps is not None:
            absent = self._gaps[rows]
            gaps = absent if gaps is None else gaps | absent
        if gaps is not None and gaps.any():
            words = np.where(gaps, GAP, words)
        first = words ^ self._salts[0]
        if spare is None:
            first = mix(first)
        else:
            mix_here(first, spare)
        return first, first * self._salts[1]


class _Levels:
    """A column of text or of categories: few distinct values, each hashed once."""

    def __init__(self, array: pa.Array, name: str) -> None:
        kind = str(array.type)
        categorical = pa.types.is_dictionary(array.type)
        encoded = arrays.encoded(array)
        known = encoded.dictionary
        if _is_text(known.type):
            first, second = _text(known)
            tables = mix(first ^ salt(name, kind, 0)), mix(second ^ salt(name, kind, 1))
        else:
            tables = _Numbers(known, name).words(slice(None))
        if categorical:
            # Which levels exist is part of a categorical value: estimators see empty ones too.
            also = salt("levels", *tables[0].tolist(), array.type.ordered)
            tables = mix(tables[0] ^ also), mix(tables[1] ^ also)
        gap = mix(np.array([GAP]) ^ salt(name, kind, 0))
        self._tables = np.append(tables[0], gap), np.append(tables[1], gap)
        codes = arrays.to_numpy(encoded.indices)
        gaps = arrays.missing_mask(encoded.indices)
        self._codes = np.where(gaps, len(known), codes) if gaps.any() else codes

    def raw(self) -> None:
        """Return None: levels are looked up here."""

    def words(self, rows: slice | Ints, spare: Words | None = None) -> Lanes:  # noqa: ARG002
        """Return the hashed values of these rows."""
        codes = self._codes[rows]
        return self._tables[0][codes], self._tables[1][codes]


def values(column: pa.ChunkedArray | pa.Array, name: str) -> Lanes:
    """Return a hash of each value in both lanes, salted with the column's name and type."""
    array = arrays.single(column)
    if not _is_text(array.type):
        return _column(array, name).words(slice(None))
    kind = str(array.type)
    first, second = _text(array)
    return mix(first ^ salt(name, kind, 0)), mix(second ^ salt(name, kind, 1))


def _column(column: pa.ChunkedArray | pa.Array, name: str) -> _Numbers | _Levels:
    array = arrays.single(column)
    if _is_text(array.type) or pa.types.is_dictionary(array.type):
        return _Levels(array, name)
    return _Numbers(array, name)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _text(array: pa.Array) -> tuple[Words, Words]:
    """Hash text by a polynomial over its bytes, without an object for each."""
    large = str(array.type).startswith("large")
    _validity, offset_buffer, data = array.buffers()
    count = array.offset + len(array) + 1
    if offset_buffer is None or len(array) == 0:
        return np.zeros(len(array), np.uint64), np.zeros(len(array), np.uint64)
    offsets: Ints = np.frombuffer(offset_buffer, np.int64 if large else np.int32, count=count)[
        array.offset :
    ].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    letters: npt.NDArray[Any] = np.zeros(0, np.uint8)
    if last > first:
        letters = np.frombuffer(data, np.uint8, count=last)[first:]
    offsets = offsets - first
    gaps = arrays.missing_mask(array)
    lanes = []
    for lane in range(LANES):
        alphabet = mix(np.arange(256, dtype=np.uint64) ^ salt("letters", lane))
        sums = _prefix(alphabet[letters], lane)
        lengths = mix(np.diff(offsets).astype(np.uint64))
        words = mix(mix(_polynomials(sums, lane, offsets[:-1], offsets[1:]) ^ lengths))
        lanes.append(np.where(gaps, GAP, words) if gaps.any() else words)
    return lanes[0], lanes[1]


def _prefix(hashed: Words, lane: int) -> Words:
    """Return the prefix sums of a polynomial, shape (n + 1,)."""
    sums = np.zeros(len(hashed) + 1, dtype=np.uint64)
    sums[1:] = hashed
    _accumulate(sums, lane)
    return sums


def _accumulate(sums: Words, lane: int) -> None:
    """Turn a zero and n coefficients into the prefix sums of their polynomial, in place."""
    terms = sums[1:]
    low, high = powers(MULTIPLIERS[lane], len(terms))
    for page in range(len(high)):
        part = terms[page * PAGE : (page + 1) * PAGE]
        part *= low[: len(part)]
        part *= high[page]
    np.cumsum(terms, out=terms)


def _polynomials(sums: Words, lane: int, start: Ints, stop: Ints) -> Words:
    low, high = powers(pow(MULTIPLIERS[lane], -1, 2**64), len(sums))
    with np.errstate(over="ignore"):
        return (sums[stop] - sums[start]) * low[start % PAGE] * high[start // PAGE]
