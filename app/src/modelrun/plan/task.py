"""The unit of work: a run of fits of one model.

A task carries no identity. How fits are cut into tasks depends on timing, so content keys belong
to fits and a task is only a few integers that travel to a worker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Task:
    """Some fits of one model, worked on by one worker, one after the other."""

    number: int
    """Distinguishes tasks of one attempt in logs and in the flight recorder."""

    model: int
    """Index into Study.models."""

    fits: npt.NDArray[np.int64]
    """Indices of slices, shape (n,): fit i of this task is the model on slice fits[i]."""

    seconds: float = 0.0
    """The expected duration, for ordering and time-outs; 0 where nothing is known."""

    patience: float = math.inf
    """Seconds after which the worker may answer with the fits that are finished, at least one."""

    def part(self, number: int, fits: npt.NDArray[np.int64]) -> Task:
        """Return a task with some of the fits of this one."""
        share = len(fits) / max(1, len(self.fits))
        return replace(self, number=number, fits=fits, seconds=self.seconds * share)
