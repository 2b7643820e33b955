"""Engines on studies whose rows may stay in their file: one piece after the other."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.engines import frame_join
from modelrun.engines.batched_engine import BatchedEngine
from modelrun.engines.engine import Engine
from modelrun.engines.guard import Guard
from modelrun.plan.near import pieces
from modelrun.plan.study import Study
from modelrun.plan.task import Task


def fit(engine: Engine, study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
    """Fit every slice of a task, in ascending order; see modelrun.engines.engine.Engine."""
    began = time.monotonic()
    frames: list[pa.RecordBatch] = []
    for piece, at in pieces(study, task.model, task.fits):
        left = task.patience - (time.monotonic() - began)
        if frames and left <= 0:
            break
        part = replace(task, fits=task.fits[at], patience=max(0.0, left))
        frames.append(engine.fit(piece, part, guard))
        if frames[-1].num_rows < len(at):
            break
    return frames[0] if len(frames) == 1 else frame_join.joined(frames)


def difficulty(
    engine: BatchedEngine, study: Study, model: int, fits: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], ...]:
    """Return how hard slices are for the kernels; see BatchedEngine.difficulty."""
    order: list[npt.NDArray[np.int64]] = []
    found: list[tuple[npt.NDArray[np.float64], ...]] = []
    for piece, at in pieces(study, model, fits):
        order.append(at)
        found.append(engine.difficulty(piece, model, fits[at]))
    back = np.argsort(np.concatenate(order))
    return tuple(np.concatenate(measure)[back] for measure in zip(*found, strict=True))
