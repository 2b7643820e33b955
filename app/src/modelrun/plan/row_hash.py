"""The compiled pass over rows: what modelrun.plan.hashing computes, several times as fast.

It gives the same words, or says that it cannot: where the kernels were not compiled, or a column
is not one of 64-bit words, NumPy does it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from modelrun.engines import batched
from modelrun.plan.words import GAP, MULTIPLIERS, PAGE, Lanes, Raw, powers

Ints = npt.NDArray[np.int64]

_KINDS: Final = {"i": 0, "f": 1, "M": 2}
"""csrc/rowhash.h: which words are missing values."""

_LEAST: Final = 1 << 18
"""Rows below which a second thread costs more than it saves."""


def polynomials(
    columns: Sequence[Raw | None], start: Ints, stop: Ints, *, threads: int | None = None
) -> Lanes | None:
    """Return sum_j h_j M^j over the rows of each range in both lanes, shape (B,) each.

    None where NumPy has to do it.

    Args:
        columns: What is hashed.
        start: First row of each range.
        stop: One past its last row.
        threads: That hash at most; all processors by default.
    """
    read = [column for column in columns if column is not None]
    if len(read) < len(columns) or not read or not len(start) or not batched.available():
        return None
    first, second = np.empty(len(start), np.uint64), np.empty(len(start), np.uint64)
    words = tuple(column.words for column in read)
    kinds = np.array([_KINDS[column.kind] for column in read], np.int8)
    salts = np.array([salt for column in read for salt in column.salts], np.uint64).view(np.int64)
    low, page = _powers()

    def some(part: slice) -> None:
        batched.load().rowhash(
            words, kinds, salts, *low, page, int(GAP), start[part], stop[part],
            first[part].view(np.int64), second[part].view(np.int64),
        )  # fmt: skip

    ends = np.cumsum(stop - start)
    most = threads or os.cpu_count() or 1
    threads = min(most, int(ends[-1]) // _LEAST + 1)
    edges = [0, *np.searchsorted(ends, ends[-1] * np.arange(1, threads) // threads), len(start)]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(some, map(slice, edges, edges[1:])):
            pass
    return first, second


@cache
def _powers() -> tuple[tuple[Ints, Ints], Ints]:
    """Return tables of M^i for both lanes, i < PAGE, and M^PAGE, as the kernel reads them."""
    first, second = (powers(multiplier, PAGE)[0].view(np.int64) for multiplier in MULTIPLIERS)
    page = np.array([pow(multiplier, PAGE, 2**64) for multiplier in MULTIPLIERS], np.uint64)
    return (first, second), page.view(np.int64)
