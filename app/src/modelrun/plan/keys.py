"""Content keys: the identity of a fit is what it sees and what defines it.

A key hashes the rows of the slice over the columns that the model reads, in order; the labels of
the slice (values of its group, first and last value of the window column); the model's digest;
and the replicate. It does not hash where the rows lie, what the model is called, or how fits are
cut into tasks: so with a month of new data only the new windows have new keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.plan import hashing
from modelrun.plan.digest import Digest
from modelrun.plan.hashing import Rows, Words, mix
from modelrun.plan.slices import Slices

Lanes = tuple[Words, Words]


def hex_keys(key_hi: Words, key_lo: Words) -> list[str]:
    """Return keys as they stand in tables, 32 hexadecimal digits each."""
    return [f"{hi:016x}{lo:016x}" for hi, lo in zip(key_hi.tolist(), key_lo.tolist(), strict=True)]


def labels(slices: Slices, rows: Rows, groups: pa.Table, window_column: str | None) -> Lanes:
    """Return a hash of each base slice's labels in both lanes, shape (B,) each."""
    lanes: list[Words] = []
    by = [hashing.values(groups.column(name), name) for name in groups.column_names]
    for lane in range(hashing.LANES):
        total = np.zeros(len(slices.start), dtype=np.uint64)
        for hashed in by:
            total += hashed[lane][slices.group]
        if window_column is not None:
            moments = rows.column(window_column)[lane]
            total += mix(moments[slices.window_start] ^ hashing.salt("start"))
            total += mix(moments[slices.window_end] ^ hashing.salt("end"))
        lanes.append(mix(total))
    return lanes[0], lanes[1]


def of_model(
    slices: Slices, rows: Rows, columns: Sequence[str], labelled: Lanes, digest: Digest
) -> Lanes:
    """Return the keys of one model's fits, shape (S,) each.

    Args:
        slices: All slices of the study.
        rows: The panel's rows.
        columns: The columns that the model reads.
        labelled: What `labels` returned.
        digest: The model's digest.
    """
    seen = rows.ranges(columns, slices.start, slices.stop)
    defined = hashing.digest_words(digest.bytes())
    lanes = []
    for lane in range(hashing.LANES):
        base = mix(mix(mix(seen[lane]) ^ labelled[lane]) + defined[lane])
        if slices.replicates:
            replicate = np.arange(slices.replicates, dtype=np.uint64)
            drawn = mix(replicate ^ hashing.salt("replicate", lane))
            base = mix(base[:, None] ^ drawn[None, :]).reshape(-1)
        lanes.append(base)
    return lanes[0], lanes[1]


def fingerprint(rows: Rows, columns: Sequence[str], n_rows: int) -> str:
    """Return one hash of all rows over these columns, 32 hexadecimal digits."""
    start, stop = np.zeros(1, np.int64), np.array([n_rows], np.int64)
    hi, lo = rows.ranges(columns, start, stop)
    return hex_keys(hi, lo)[0]


def empty(count: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return room for the keys of so many fits."""
    return np.empty(count, dtype=np.uint64), np.empty(count, dtype=np.uint64)
