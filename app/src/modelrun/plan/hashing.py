"""Two-lane hashes of columns, rows and ranges of rows, in arrays.

Every value becomes a 64-bit word, every row a sum of mixed words, every range of rows a
polynomial over its rows that prefix sums give in constant time: with P_i = sum_{j<i} h_j M^j the
range [a, b) has (P_b - P_a) M^-a, modulo 2^64. Two lanes with their own multipliers and salts make
128 bits. These hashes tell equal from different data; they are no defence against forgery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.errors import UserMistake

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

LANES: Final = 2

_MULTIPLIERS: Final = (0x9E3779B97F4A7C15, 0xD1342543DE82EF95)
"""Odd, so that they have an inverse modulo 2^64."""

_GAP: Final = np.uint64(0x7FF8DEADBEEF0001)
"""The word of a missing value."""


def mix(words: Words) -> Words:
    """Return well-mixed words (the finaliser of SplitMix64, Steele et al. 2014), same shape."""
    with np.errstate(over="ignore"):
        z = words + np.uint64(0x9E3779B97F4A7C15)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z


def salt(*parts: object) -> np.uint64:
    """Return a word that stands for some values; the same everywhere and for ever."""
    text = "\x1f".join(map(str, parts)).encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


def digest_words(text: bytes) -> tuple[np.uint64, np.uint64]:
    """Return 128 bits of a cryptographic hash as two words."""
    raw = hashlib.blake2b(text, digest_size=16).digest()
    return (
        np.uint64(int.from_bytes(raw[:8], "little")),
        np.uint64(int.from_bytes(raw[8:], "little")),
    )


class Rows:
    """Hashes of rows and of their ranges, each column read once."""

    def __init__(self, table: pa.Table) -> None:
        """Remember the table; nothing is hashed yet."""
        self._table = table
        self._columns: dict[str, tuple[Words, Words]] = {}
        self._sums: dict[tuple[str, ...], tuple[tuple[Words, Words], ...]] = {}

    def column(self, name: str) -> tuple[Words, Words]:
        """Return a salted hash of each value of a column in both lanes, shape (n,) each."""
        if name not in self._columns:
            self._columns[name] = values(self._table.column(name), name)
        return self._columns[name]

    def rows(self, columns: Iterable[str]) -> tuple[Words, Words]:
        """Return a hash of each row over these columns, whatever their order."""
        lanes = []
        for lane in range(LANES):
            total = np.zeros(self._table.num_rows, dtype=np.uint64)
            for name in columns:
                total += self.column(name)[lane]
            lanes.append(mix(total))
        return lanes[0], lanes[1]

    def ranges(self, columns: Sequence[str], start: Ints, stop: Ints) -> tuple[Words, Words]:
        """Return a hash of each range of rows over these columns, in order, shape (B,) each."""
        names = tuple(sorted(set(columns)))
        if names not in self._sums:
            hashed = self.rows(names)
            self._sums = {names: tuple(_prefix(hashed[lane], lane) for lane in range(LANES))}
        sums = self._sums[names]
        return _ranges(sums[0], 0, start, stop), _ranges(sums[1], 1, start, stop)


def values(column: pa.ChunkedArray | pa.Array, name: str) -> tuple[Words, Words]:
    """Return a hash of each value in both lanes, salted with the column's name and type."""
    array = arrays.single(column)
    kind = str(array.type)
    if pa.types.is_dictionary(array.type):
        levels = array.dictionary
        by_level = values(levels, name)
        # Which levels exist is part of a categorical value: estimators see empty levels too.
        everything = salt("levels", *(by_level[0].tolist()), array.type.ordered)
        codes = arrays.to_numpy(array.indices).astype(np.int64)
        gaps = arrays.missing_mask(array.indices)
        lanes = []
        for lane in range(LANES):
            known = np.append(by_level[lane], mix(np.array([_GAP]))[0])
            at = np.where(gaps, len(known) - 1, codes)
            lanes.append(mix(known[at] ^ everything))
        return lanes[0], lanes[1]
    words = _text(array) if _is_text(array.type) else (_words(array, name),) * LANES
    return (
        mix(mix(words[0] ^ salt(name, kind, 0)) ^ salt("lane", 0)),
        mix(mix(words[1] ^ salt(name, kind, 1)) ^ salt("lane", 1)),
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _words(array: pa.Array, name: str) -> Words:
    try:
        numbers = arrays.to_numpy(array)
    except TypeError:
        raise UserMistake(
            f"column {name!r} of type {array.type} holds neither numbers, text, dates nor "
            "booleans, so no model can use it; convert it before.",
            field="spec.data",
        ) from None
    words: Words
    match numbers.dtype.kind:
        case "f":
            wide = numbers.astype(np.float64, copy=False)
            words = wide.view(np.uint64)
            gaps = np.isnan(wide)
        case "M":
            words = numbers.view(np.uint64)
            gaps = np.isnat(numbers)
        case _:
            words = numbers.astype(np.int64).view(np.uint64)
            gaps = np.zeros(len(words), dtype=np.bool_)
    gaps = gaps | arrays.missing_mask(array)
    return np.where(gaps, _GAP, words) if gaps.any() else words


def _text(array: pa.Array) -> tuple[Words, Words]:
    """Hash text by a polynomial over its bytes, without an object for each."""
    large = str(array.type).startswith("large")
    validity, offset_buffer, data = array.buffers()
    count = array.offset + len(array) + 1
    if offset_buffer is None or len(array) == 0:
        return np.zeros(len(array), np.uint64), np.zeros(len(array), np.uint64)
    offsets = np.frombuffer(offset_buffer, np.int64 if large else np.int32, count=count)
    offsets = offsets[array.offset :].astype(np.int64)
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
        words = mix(_ranges(sums, lane, offsets[:-1], offsets[1:]))
        lanes.append(np.where(gaps, _GAP, words) if gaps.any() else words)
    return lanes[0], lanes[1]


def _powers(multiplier: int, count: int) -> Words:
    steps = np.full(count, multiplier, dtype=np.uint64)
    if count:
        steps[0] = 1
    with np.errstate(over="ignore"):
        return np.multiply.accumulate(steps)


def _prefix(hashed: Words, lane: int) -> Words:
    """Return the prefix sums of a polynomial, shape (n + 1,)."""
    sums = np.zeros(len(hashed) + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        np.cumsum(hashed * _powers(_MULTIPLIERS[lane], len(hashed)), out=sums[1:])
    return sums


def _ranges(sums: Words, lane: int, start: Ints, stop: Ints) -> Words:
    inverse = _powers(pow(_MULTIPLIERS[lane], -1, 2**64), len(sums))
    with np.errstate(over="ignore"):
        polynomial = (sums[stop] - sums[start]) * inverse[start]
        return mix(polynomial ^ mix((stop - start).astype(np.uint64)))
