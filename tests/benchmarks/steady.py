"""All cores against one core, by the same engine, with everything up and imported.

One block is fitted on one core by the backend `serial`, then on all cores by `dask`, in turns. Each
turn gives its ratios, and the one in the middle counts. Cores of a shared machine slow each other
down, so that what the machine itself reaches is measured as well: a loop that does nothing else, in
one process and in one for each core at once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import naive
from benchmarks.programs import sampled, write
from benchmarks.workload import Workload
from modelrun.backends.backend import Done
from modelrun.backends.catalog import open_backend
from modelrun.pipeline import preloads
from modelrun.plan.shelf import Shelf
from modelrun.plan.task import Task
from modelrun.plan.tasks import cut
from modelrun.preparing import prepare
from modelrun.work import prepare as prepare_work
from modelrun_api.loader import load

ROUNDS = 5
FITS = 2_000
"""Fits of a round at most, ..."""

SECONDS = 10.0
"""... and repeated until a round of one core takes so long: less tells more of chance."""

LOOP = """
import time
began = time.perf_counter()
total = 0
for number in range(20_000_000):
    total += number * number
print(time.perf_counter() - began)
"""


def measure(workload: Workload, folder: Path, cores: int) -> dict[str, Any]:
    """Return the engine's gain over the naive program on one core, and the gain of all cores."""
    file = write(workload, folder, audit=False)
    plan = prepare(
        load(file), base=folder, folder=folder / f"study-{workload.number}", environment=os.environ
    ).plan
    shelf = Shelf(plan.study)
    fits = np.arange(min(FITS, workload.slices), dtype=np.int64)
    slices = sampled(workload, folder)[: workload.naive_fits]
    alone: list[float] = []
    alone_cpu: list[float] = []
    together: list[float] = []
    plain: list[float] = []
    loops: list[tuple[float, float]] = []
    with (
        open_backend("serial") as serial,
        open_backend("dask", workers=cores, preload=preloads(plan)) as dask,
    ):
        for backend in (serial, dask):
            _fit(backend, plan, shelf, fits[: 4 * cores], 0.01)
        once = _fit(serial, plan, shelf, fits, 0.01)
        fits = np.tile(fits, max(1, round(SECONDS / once)))
        for _ in range(ROUNDS):
            began = time.process_time()
            for _, frame in slices:
                naive.fit(frame, workload.models[0])
            plain.append((time.process_time() - began) / len(slices))
            began = time.process_time()
            alone.append(_fit(serial, plan, shelf, fits, 0.01))
            alone_cpu.append((time.process_time() - began) / len(fits))
            together.append(_fit(dask, plan, shelf, fits, min(alone) / len(fits)))
            loops.append((_loop(1), _loop(cores)))
    return {
        "ownCpuMsPerFit": round(1000 * statistics.median(alone_cpu), 3),
        "naiveCpuMsPerFit": round(1000 * statistics.median(plain), 3),
        "gain": round(_middle(plain, alone_cpu), 2),
        "gainTarget": workload.gain,
        "ofIdeal": round(_middle(alone, together) / cores, 3),
        "machineOfIdeal": round(_middle(*zip(*loops, strict=True)), 3),
        "serialSeconds": [round(seconds, 2) for seconds in alone],
        "daskSeconds": [round(seconds, 2) for seconds in together],
    }


def _middle(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the ratio of the turn in the middle."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


def _loop(processes: int) -> float:
    """Return the mean seconds of the same loop in so many processes at once."""
    command = [sys.executable, "-c", LOOP]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    return sum(float(one.communicate(timeout=300)[0]) for one in running) / processes


def _fit(backend: Any, plan: Any, shelf: Shelf, fits: np.ndarray, seconds: float) -> float:
    """Return the seconds from the first task handed out to the last outcome taken."""
    work = prepare_work(plan.study, shelf, backend)
    tasks: Any = cut({0: fits}, seconds_per_fit={0: seconds}, workers=backend.workers)
    if len(fits) <= 4 * backend.workers():
        tasks = (Task(number, 0, fits[number : number + 1]) for number in range(len(fits)))
    began = time.perf_counter()
    done = sum(
        len(outcome.task.fits) for outcome in backend.map(work, tasks) if isinstance(outcome, Done)
    )
    taken = time.perf_counter() - began
    assert done == len(fits), f"{done} of {len(fits)} fits came back"
    return taken
