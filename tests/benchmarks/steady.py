"""All cores against one core, by the same engine, with everything up and imported.

Fits are done in a process by itself, in one such process for each core at once, and on all cores by
the backend `dask`, in turns. Each turn gives its ratios, and the one in the middle counts.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import naive
from benchmarks.lone import Lone, fit, plan_of
from benchmarks.programs import sampled, write
from benchmarks.workload import Workload
from modelrun.backends.catalog import open_backend
from modelrun.pipeline import preloads
from modelrun.plan.shelf import Shelf

ROUNDS = 5
FITS = 2_000
"""Fits of a round at most, ..."""

SECONDS = 10.0
"""... and repeated until a round of one core takes so long: less tells more of chance."""


def measure(workload: Workload, folder: Path, cores: int) -> dict[str, Any]:
    """Return the engine's gain over the naive program on one core, and the gain of all cores."""
    file = write(workload, folder, audit=False)
    plan = plan_of(file, folder / f"study-{workload.number}")
    shelf = Shelf(plan.study)
    count = min(FITS, workload.slices)
    fits = np.arange(count, dtype=np.int64)
    slices = sampled(workload, folder)[: workload.naive_fits]
    alone: list[float] = []
    at_once: list[float] = []
    together: list[float] = []
    plain: list[float] = []
    with ExitStack() as stack:
        lone = [
            stack.enter_context(Lone(file, folder / f"study-{workload.number}-{core}", count))
            for core in range(cores)
        ]
        dask = stack.enter_context(open_backend("dask", workers=cores, preload=preloads(plan)))
        fit(dask, plan, shelf, fits[: 4 * cores], 0.01)
        (once,) = _done(lone[:1], 1)
        times = math.ceil(SECONDS / once)
        many = np.tile(fits, times)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _, frame in slices:
                naive.fit(frame, workload.models[0])
            plain.append((time.perf_counter() - began) / len(slices))
            (wall,) = _done(lone[:1], times)
            alone.append(wall)
            together.append(fit(dask, plan, shelf, many, wall / len(many)))
            at_once.append(statistics.mean(_done(lone, times)))
    each = [wall / len(many) for wall in alone]
    return {
        "ownMsPerFit": round(1000 * statistics.median(each), 3),
        "naiveMsPerFit": round(1000 * statistics.median(plain), 3),
        "gain": round(_middle(plain, each), 2),
        "gainTarget": workload.gain,
        "ofIdeal": round(_middle(alone, together) / cores, 3),
        "machineOfIdeal": round(_middle(alone, at_once), 3),
        "serialSeconds": [round(seconds, 2) for seconds in alone],
        "daskSeconds": [round(seconds, 2) for seconds in together],
        "atOnceSeconds": [round(seconds, 2) for seconds in at_once],
    }


def _done(lone: Sequence[Lone], times: int) -> list[float]:
    """Let processes fit at once; return the seconds of each."""
    for one in lone:
        one.begin(times)
    return [one.seconds() for one in lone]


def _middle(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the ratio of the turn in the middle."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))
