"""The index: which fits are stored, found by key for half a million keys at a time.

A position is the number of a stored row in the order of writing. Where a key is stored more than
once, the latest row counts, except that a failure which need not repeat (a time-out, a dead
worker, no memory) never displaces anything else. So a retry displaces the failure it was for,
and a second writer's bad luck displaces no result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelrun.store.segment import REASONS, Codes, FrameIndex, Keys
from modelrun_api.failure import TRANSIENT_FAILURES

Positions = npt.NDArray[np.int64]

TRANSIENT = np.array([code for code, r in enumerate(REASONS) if r in TRANSIENT_FAILURES], np.uint8)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """Where the rows of one frame lie."""

    segment: int
    """Number of the segment in the store."""

    arrow_start: int
    arrow_stop: int
    reused: bool
    """Whether it was there before this run began to fit."""


class Index:
    """Keys, status and reason of all stored rows; 18 bytes a row, and 24 more once looked up."""

    def __init__(self) -> None:
        self.frames: list[StoredFrame] = []
        self._starts: list[int] = [0]
        self._pieces: list[FrameIndex] = []
        self._joined = FrameIndex(0, 0, *_no_keys(), *_no_codes())
        self._sorted: tuple[Keys, Keys, Positions] | None = None

    def __len__(self) -> int:
        """Return the number of stored rows."""
        return self._starts[-1]

    def add(self, segment: int, frame: FrameIndex, *, reused: bool) -> None:
        """Add a frame whose rows are the newest."""
        self.frames.append(StoredFrame(segment, frame.arrow_start, frame.arrow_stop, reused))
        self._starts.append(self._starts[-1] + len(frame))
        self._pieces.append(frame)
        self._sorted = None

    def lookup(self, key_hi: Keys, key_lo: Keys) -> Positions:
        """Return the position of each key's row, -1 where none is stored; same shape."""
        sorted_hi, sorted_lo, positions = self._in_order()
        if not len(positions):
            return np.full(len(key_hi), -1, np.int64)
        left = np.searchsorted(sorted_hi, key_hi, "left")
        right = np.searchsorted(sorted_hi, key_hi, "right")
        open_ = np.flatnonzero(right - left > 1)
        while len(open_):  # keys that share their first lane: bisect on the second
            middle = (left[open_] + right[open_] - 1) // 2
            below = sorted_lo[middle] < key_lo[open_]
            left[open_] = np.where(below, middle + 1, left[open_])
            right[open_] = np.where(below, right[open_], middle + 1)
            open_ = open_[right[open_] - left[open_] > 1]
        at = np.minimum(left, len(positions) - 1)
        found = (sorted_hi[at] == key_hi) & (sorted_lo[at] == key_lo)
        return np.where(found, positions[at], -1)

    def status(self, positions: Positions) -> Codes:
        """Return the status codes of rows."""
        return self._all().status[positions]

    def reason(self, positions: Positions) -> Codes:
        """Return the reason codes of rows."""
        return self._all().reason[positions]

    def keys(self, positions: Positions) -> tuple[Keys, Keys]:
        """Return both key lanes of rows."""
        joined = self._all()
        return joined.key_hi[positions], joined.key_lo[positions]

    def frame_of(self, positions: Positions) -> tuple[Positions, Positions]:
        """Return the frame of each row, and its place in the frame."""
        starts = np.array(self._starts, np.int64)
        frame = np.searchsorted(starts, positions, "right") - 1
        return frame, positions - starts[frame]

    def segments(self, positions: Positions) -> set[int]:
        """Return the segments in which these rows lie."""
        frames, _ = self.frame_of(positions)
        return {self.frames[frame].segment for frame in np.unique(frames).tolist()}

    def reused(self, positions: Positions) -> npt.NDArray[np.bool_]:
        """Say for each row whether it was stored before this run began to fit."""
        if not len(positions):
            return np.zeros(0, np.bool_)
        frame, _ = self.frame_of(positions)
        return np.array([stored.reused for stored in self.frames], np.bool_)[frame]

    def _all(self) -> FrameIndex:
        if self._pieces:
            self._joined = _join((self._joined, *self._pieces))
            self._pieces = []
        return self._joined

    def _in_order(self) -> tuple[Keys, Keys, Positions]:
        """Return the keys that count, sorted, and their positions."""
        if self._sorted is None:
            rows = self._all()
            firm = ~np.isin(rows.reason, TRANSIENT)
            order = np.lexsort((rows.key_lo, rows.key_hi))
            if not firm.all():
                order = np.lexsort((firm, rows.key_lo, rows.key_hi))
            hi, lo = rows.key_hi[order], rows.key_lo[order]
            last = np.ones(len(order), np.bool_)
            last[:-1] = (hi[1:] != hi[:-1]) | (lo[1:] != lo[:-1])
            self._sorted = hi[last], lo[last], order[last].astype(np.int64)
        return self._sorted


def _join(pieces: Iterable[FrameIndex]) -> FrameIndex:
    parts = list(pieces)
    return FrameIndex(
        0,
        0,
        np.concatenate([part.key_hi for part in parts]),
        np.concatenate([part.key_lo for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.reason for part in parts]),
    )


def _no_keys() -> tuple[Keys, Keys]:
    return np.zeros(0, np.uint64), np.zeros(0, np.uint64)


def _no_codes() -> tuple[Codes, Codes]:
    return np.zeros(0, np.uint8), np.zeros(0, np.uint8)
