"""Content keys: the identity of a fit is what it sees and what defines it.

A key hashes the rows of the slice over the columns that the model reads, in order; the labels of
the slice (values of its group, first and last value of the window column); the model's digest;
and the replicate. It does not hash where the rows lie, what the model is called, or how fits are
cut into tasks: so with a month of new data only the new windows have new keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.plan import hashing
from modelrun.plan.digest import Digest
from modelrun.plan.hashing import Hashes
from modelrun.plan.slices import Slices
from modelrun.plan.words import LANES, Lanes, Words, digest_words, mix, salt

Places = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def hex_keys(key_hi: Words, key_lo: Words) -> list[str]:
    """Return keys as they stand in tables, 32 hexadecimal digits each."""
    return [f"{hi:016x}{lo:016x}" for hi, lo in zip(key_hi.tolist(), key_lo.tolist(), strict=True)]


def of_groups(groups: pa.Table) -> Lanes:
    """Return a hash of each group's values in both lanes, whatever the order of the columns."""
    total = (
        np.zeros(max(1, groups.num_rows), np.uint64),
        np.zeros(max(1, groups.num_rows), np.uint64),
    )
    for name in groups.column_names:
        hashed = hashing.values(groups.column(name), name)
        for lane in range(LANES):
            total[lane][:] += hashed[lane]
    return mix(total[0]), mix(total[1])


def labels(slices: Slices, rows: Hashes, grouped: Lanes, window_column: str | None) -> Lanes:
    """Return a hash of each base slice's labels in both lanes, shape (B,) each.

    Args:
        slices: All slices of the study.
        rows: Hashes of the panel's rows.
        grouped: What `of_groups` returned.
        window_column: The column that holds the windows' labels, if any.
    """
    if window_column is None:
        return grouped[0][slices.group], grouped[1][slices.group]
    start = rows.at(window_column, slices.window_start)
    end = rows.at(window_column, slices.window_end)
    lanes: list[Words] = []
    for lane in range(LANES):
        total = grouped[lane][slices.group]
        total += mix(start[lane] ^ salt("start"))
        total += mix(end[lane] ^ salt("end"))
        lanes.append(mix(total))
    return lanes[0], lanes[1]


def of_model(
    slices: Slices, rows: Hashes, columns: Sequence[str], labelled: Lanes, digest: Digest
) -> Lanes:
    """Return the keys of one model's fits, shape (S,) each.

    Args:
        slices: All slices of the study.
        rows: Hashes of the panel's rows.
        columns: The columns that the model reads.
        labelled: What `labels` returned.
        digest: The model's digest.
    """
    seen = rows.ranges(columns, slices.start, slices.stop)
    defined = digest_words(digest.bytes())
    lanes = []
    for lane in range(LANES):
        base = mix(mix(mix(seen[lane]) ^ labelled[lane]) + defined[lane])
        if slices.replicates:
            replicate = np.arange(slices.replicates, dtype=np.uint64)
            drawn = mix(replicate ^ salt("replicate", lane))
            base = mix(base[:, None] ^ drawn[None, :]).reshape(-1)
        lanes.append(base)
    return lanes[0], lanes[1]


def fingerprint(rows: Hashes, columns: Sequence[str], grouped: Lanes, places: Places) -> str:
    """Return one hash of all rows, group by group, 32 hexadecimal digits.

    Args:
        rows: Hashes of the panel's rows.
        columns: The columns that any model reads.
        grouped: What `of_groups` returned.
        places: First row of each group, and one past its last.
    """
    seen = rows.ranges(columns, *places)
    total = hashlib.blake2b(digest_size=16)
    for lane in range(LANES):
        total.update(mix(seen[lane] ^ grouped[lane]).tobytes())
    return total.hexdigest()


def empty(count: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return room for the keys of so many fits."""
    return np.empty(count, dtype=np.uint64), np.empty(count, dtype=np.uint64)
