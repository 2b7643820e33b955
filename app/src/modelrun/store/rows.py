"""Reading stored rows: from segments on this machine, mapped and not copied.

Rows are asked for in any order and come in chunks: what lies together is a slice of the mapped
file, and a chunk whose rows do not lie in the asked order says how to bring them into it. Nothing
stays in memory once a chunk is let go.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelrun.store.frames import open_frame
from modelrun.store.index import Index, Positions

CHUNK = 50_000
"""Fits that are looked at together: enough for vectors, little for memory."""

FRAMES = 1000
"""Frames that are looked at together: a small one costs memory for its columns, not its rows."""


RUNS = 200
"""Up to so many pieces rows are given in the asked order, each a view; more are brought into it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some of the asked rows, as they lie in the store."""

    first: int
    """Place of the first of them among the asked positions."""

    batches: list[pa.RecordBatch]
    """The rows in stored order; together n rows."""

    order: Positions | None
    """Row order[i] of the batches is the i-th asked row, shape (n,); None: they are in order."""


def read(
    index: Index, segments: Sequence[Path], positions: Positions, *, chunk: int = CHUNK
) -> Iterator[Chunk]:
    """Yield the rows at these positions, chunk by chunk.

    Args:
        index: Which frame holds which row.
        segments: The files.
        positions: Stored rows, shape (n,), none of them -1.
        chunk: The largest number of rows in a chunk.

    Raises:
        OSError: A segment cannot be read.
    """
    first = 0
    while first < len(positions):
        asked = _within(index, positions[first : first + chunk])
        start, first = first, first + len(asked)
        order: Positions | None = None
        steps = np.diff(asked)
        if np.count_nonzero(steps != 1) >= RUNS and (steps <= 0).any():
            by_place = np.argsort(asked, kind="stable")
            order = np.empty(len(asked), np.int64)
            order[by_place] = np.arange(len(asked))
            asked = asked[by_place]
        yield Chunk(start, list(_batches(index, segments, asked)), order)


def _within(index: Index, asked: Positions) -> Positions:
    """Return the first of these rows, as many as lie in a bearable number of frames."""
    frames, _ = index.frame_of(asked)
    _, seen = np.unique(frames, return_index=True)
    return asked if len(seen) <= FRAMES else asked[: np.sort(seen)[FRAMES]]


def _batches(index: Index, segments: Sequence[Path], asked: Positions) -> Iterator[pa.RecordBatch]:
    """Yield the asked rows: frame by frame where they ascend, else run by run."""
    frames, rows = index.frame_of(asked)
    ascending = (np.diff(asked) > 0).all()
    ends = np.diff(frames) if ascending else (np.diff(frames) != 0) | (np.diff(rows) != 1)
    cuts = np.flatnonzero(ends) + 1
    mapped: dict[int, pa.Buffer] = {}
    for start, stop in zip([0, *cuts], [*cuts, len(asked)], strict=True):
        frame = index.frames[frames[start]]
        if frame.segment not in mapped:
            mapped = {frame.segment: map_file(segments[frame.segment])}
        stream = mapped[frame.segment].slice(
            frame.arrow_start, frame.arrow_stop - frame.arrow_start
        )
        batch = open_frame(stream)
        wanted = rows[start:stop]
        if (np.diff(wanted) == 1).all():
            yield batch.slice(int(wanted[0]), len(wanted))
        else:
            yield batch.take(wanted)


def map_file(path: Path) -> pa.Buffer:
    """Map a file; the mapping goes with the last buffer that points into it."""
    with path.open("rb") as file:
        return pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
