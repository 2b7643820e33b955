"""The slices of a study in columns: groups, windows and replicates, never one object each.

A base slice is a group or a window of a group: a contiguous range of rows of the sorted panel.
With resampling every base slice stands for `replicates` slices: slice s is replicate
s % replicates of base slice s // replicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slices:
    """All slices of a study; B base slices, S = B * max(1, replicates) slices."""

    start: Ints
    """First row of each base slice in the sorted panel, shape (B,)."""

    stop: Ints
    """One past its last row, shape (B,)."""

    group: Ints
    """Row of its group in Study.groups, shape (B,)."""

    window_start: Ints
    """Row of the panel that holds the label of the window's start, shape (B,); -1 without."""

    window_end: Ints
    """Row of the panel that holds the label of the window's end (inclusive), shape (B,)."""

    replicates: int = 0
    """Replicates per base slice; 0 where nothing is resampled."""

    def __len__(self) -> int:
        """Return the number of slices S."""
        return len(self.start) * max(1, self.replicates)

    def base(self, fits: Ints) -> Ints:
        """Return the base slice of each slice, same shape."""
        return fits // self.replicates if self.replicates else fits

    def replicate(self, fits: Ints) -> Ints:
        """Return the replicate of each slice, from 0; -1 where nothing is resampled."""
        return fits % self.replicates if self.replicates else np.full_like(fits, -1)
