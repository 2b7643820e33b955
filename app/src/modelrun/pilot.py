"""The pilot: a few fits of each model tell what the whole run takes, before it is paid for.

It fits and throws away; what counts are the seconds of a fit and the memory of a worker. It runs
on the run's own kind of backend with one worker, because a fit may end the process it runs in.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.backends.backend import Done, Work
from modelrun.backends.catalog import open_backend
from modelrun.plan.build import Plan
from modelrun.plan.shelf import Shelf
from modelrun.plan.task import Task
from modelrun.work import prepare

Ints = npt.NDArray[np.int64]

FITS: Final = 6
"""Fits of each model; the first carries imports and does not count."""

_KIBIBYTES: Final = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a few fits of each model took."""

    seconds_per_fit: Mapping[int, float]
    """By the model's index; models without open fits are absent."""

    memory_bytes: int
    """The largest resident memory of the worker."""

    worker_seconds: float
    """Seconds of one worker for all fits that are open."""

    def forecast(self, workers: int) -> float:
        """Return the expected seconds of fitting with so many workers."""
        return self.worker_seconds / max(1, workers)


@dataclass(frozen=True, slots=True)
class Measured:
    """Work that also tells how much memory its process has used."""

    work: Work

    def __call__(self, task: Task) -> bytes:
        """Fit a task; the peak of memory stands in the metadata of the frame."""
        with pa.ipc.open_stream(self.work(task)) as stream:
            frame = stream.read_next_batch()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTES
        marked = frame.replace_schema_metadata({"peak": str(peak)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, marked.schema) as stream:
            stream.write_batch(marked)
        content: bytes = sink.getvalue().to_pybytes()
        return content


def run(plan: Plan, todo: Ints, *, backend: str, preload: tuple[str, ...]) -> Pilot:
    """Fit a few of the open fits of each model.

    Args:
        plan: The plan, with its study on this machine.
        todo: Open fits as model * S + slice, shape (n,).
        backend: threads or dask.
        preload: What the worker imports before it fits.

    Raises:
        InfrastructureError: The worker cannot be started.
    """
    slices = len(plan.study.slices)
    models = todo // slices
    open_fits = {int(m): todo[models == m] % slices for m in np.unique(models)}
    tasks: list[Task] = []
    for model, fits in open_fits.items():
        picks = np.unique(np.linspace(0, len(fits) - 1, FITS).astype(np.int64))
        tasks.append(Task(number=len(tasks), model=model, fits=fits[picks]))
    seconds: dict[int, float] = {}
    peak = 0
    with open_backend(
        backend, workers=1, fit_timeout=plan.study.fit_timeout_seconds, preload=preload
    ) as entered:
        work = Measured(prepare(plan.study, Shelf(plan.study), entered))
        for outcome in entered.map(work, iter(tasks)):
            if not isinstance(outcome, Done):
                seconds.setdefault(outcome.task.model, plan.study.fit_timeout_seconds)
                continue
            with pa.ipc.open_stream(outcome.payload) as stream:
                frame = stream.read_next_batch()
            taken = frame.column("seconds").to_numpy()
            seconds[outcome.task.model] = float(np.median(taken[1:] if len(taken) > 1 else taken))
            peak = max(peak, int((frame.schema.metadata or {}).get(b"peak", b"0")))
    return Pilot(
        seconds_per_fit=seconds,
        memory_bytes=peak,
        worker_seconds=sum(
            len(fits) * seconds.get(model, 0.0) for model, fits in open_fits.items()
        ),
    )
