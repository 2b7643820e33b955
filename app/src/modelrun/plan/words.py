"""Words: 64-bit numbers that stand for values, how they are mixed, and the powers of two lanes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Lanes = tuple[Words, Words]

LANES: Final = 2

MULTIPLIERS: Final = (0x9E3779B97F4A7C15, 0xD1342543DE82EF95)
"""Odd, so that they have an inverse modulo 2^64."""

BLOCK: Final = 16_384
PAGE: Final = 65_536

GAP: Final = np.uint64(0x7FF8DEADBEEF0001)
"""The word of a missing value."""


def mix(words: Words) -> Words:
    """Return well-mixed words (the finaliser of SplitMix64, Steele et al. 2014), same shape."""
    mixed = np.array(words, dtype=np.uint64, order="C")
    flat = mixed.reshape(-1)
    spare = np.empty(min(BLOCK, len(flat)), dtype=np.uint64)
    for at in range(0, len(flat), BLOCK):
        mix_here(flat[at : at + BLOCK], spare)
    return mixed


def mix_here(z: Words, spare: Words) -> None:
    """Mix a block in place; in blocks that stay in the cache it is several times faster."""
    room = spare[: len(z)]
    z += np.uint64(0x9E3779B97F4A7C15)
    z ^= np.right_shift(z, np.uint64(30), out=room)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= np.right_shift(z, np.uint64(27), out=room)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= np.right_shift(z, np.uint64(31), out=room)


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


def powers(multiplier: int, count: int) -> tuple[Words, Words]:
    """Return two tables: M^i is low[i & 0xFFFF] * high[i >> 16], for i < count."""
    low = np.full(PAGE, multiplier, dtype=np.uint64)
    low[0] = 1
    high = np.full(count // PAGE + 1, pow(multiplier, PAGE, 2**64), dtype=np.uint64)
    high[0] = 1
    with np.errstate(over="ignore"):
        return np.multiply.accumulate(low), np.multiply.accumulate(high)


@dataclass(frozen=True, slots=True)
class Raw:
    """A column whose values are words already, as they lie in memory."""

    words: Ints
    """Shape (n,)."""

    kind: str
    """NumPy's letter for their type: f, i or M; it tells which words are missing values."""

    salts: tuple[np.uint64, np.uint64]
