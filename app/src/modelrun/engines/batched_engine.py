"""The engine of the compiled kernels: whole tasks as arrays, no Python between two fits.

Fits that the gate does not let through go to the statsmodels engine, one by one, and are marked
with it in the column `engine`. Neither pandas nor statsmodels nor scipy.stats is imported before
that happens.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.engines import frame_join, kernel_block
from modelrun.engines.guard import Caught, Guard
from modelrun.engines.kernel_block import Prepared
from modelrun.engines.slice_rows import PanelValues
from modelrun.plan.study import Study
from modelrun.plan.task import Task

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_FITS = 32_768
"""Fits in one call of a kernel at most: the guard's time limit holds for a call."""

BLOCK_ROWS = 2_000_000
"""Rows that one call reads at most, for the same reason."""

DRAWN_ROWS = 400_000
"""Drawn rows that are laid out in memory at once."""


class BatchedEngine:
    """Fits whole tasks by the compiled kernels."""

    name = "batched"

    def __init__(self) -> None:
        """Nothing is prepared yet."""
        self._lock = threading.Lock()
        self._study: Study | None = None
        self._ready: dict[int, Prepared | None] = {}
        self._values: PanelValues | None = None

    def fit(self, study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
        """Fit every slice of the task; see modelrun.engines.engine.Engine."""
        prepared = self._prepare(study, task.model)
        if prepared is None:
            return _by_statsmodels(study, task, guard)
        parts = [_block(prepared, task, fits, guard) for fits in _blocks(prepared, task.fits)]
        return parts[0] if len(parts) == 1 else frame_join.joined(parts)

    def _prepare(self, study: Study, number: int) -> Prepared | None:
        """Return the prepared model, or None where its columns are not for the kernels."""
        with self._lock:
            if self._study is not study:
                self._study, self._ready = study, {}
                self._values = PanelValues(study.panel)
            if number not in self._ready:
                assert self._values is not None
                self._ready[number] = kernel_block.prepare(
                    study, study.models[number], self._values
                )
            return self._ready[number]

    def difficulty(self, study: Study, model: int, fits: Ints) -> tuple[Floats, ...]:
        """Return how hard slices are for the kernels, by several measures, each of shape (n,).

        NaN where a slice would not be fitted by them. For choosing what is audited.
        """
        prepared = self._prepare(study, model)
        if prepared is None:
            return (np.full(len(fits), np.nan),)
        parts = [kernel_block.difficulty(prepared, part) for part in _blocks(prepared, fits)]
        return tuple(np.concatenate(measure) for measure in zip(*parts, strict=True))


def _blocks(prepared: Prepared, fits: Ints) -> Iterator[Ints]:
    """Cut the fits of a task into calls; where they are cut changes no number."""
    slices = prepared.study.slices
    base = slices.base(fits)
    lengths = slices.stop[base] - slices.start[base]
    drawn = slices.replicates and not prepared.by_counts
    limit = DRAWN_ROWS if drawn else BLOCK_ROWS
    mean = max(1.0, float(lengths.mean())) if len(lengths) else 1.0
    size = int(min(BLOCK_FITS, max(1, limit // mean)))
    for first in range(0, max(1, len(fits)), size):
        yield fits[first : first + size]


def _by_statsmodels(study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
    from modelrun.engines.catalog import engine

    return engine("statsmodels").fit(study, task, guard)


def _whole(task: Task, fits: Ints) -> Task:
    """Return a part of a task whose rows all have a place in the frame of the block."""
    return replace(task, fits=fits, patience=math.inf)


def _block(prepared: Prepared, task: Task, fits: Ints, guard: Guard) -> pa.RecordBatch:
    outcome = guard.call(-1, partial(kernel_block.fit, prepared, task.model, fits))
    if isinstance(outcome, Caught):
        # One of them was too much for a whole call (time, memory): find it one by one.
        return _by_statsmodels(prepared.study, _whole(task, fits), guard)
    batch, handed = outcome
    if not handed.any():
        return batch
    theirs = _by_statsmodels(prepared.study, _whole(task, fits[handed]), guard)
    return frame_join.replaced(batch, handed, frame_join.marked(theirs, "numerics", "unstable"))
