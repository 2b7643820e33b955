"""What a backend costs per fit when fits cost nothing: the number behind `make bench`.

Steady state: the cluster is up, imports are done, and the clock runs from the first task handed
out to the last outcome taken. The fits pass through the real guard and recorder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modelrun.backends.backend import Done
from modelrun.backends.catalog import open_backend
from modelrun.backends.guard import WorkerGuard
from modelrun.errors import ModelrunError
from modelrun.plan.task import Task


@dataclass(frozen=True, slots=True)
class NoFit:
    """Work whose fits do nothing."""

    limit: float = 300.0

    def __call__(self, task: Task) -> bytes:
        """Guard every fit of the task and answer with a few bytes."""
        with WorkerGuard(limit=self.limit) as guard:
            for fit in task.fits.tolist():
                guard.call(fit, _nothing)
        return b"nothing"


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """The measured cost."""

    start_seconds: float
    """From nothing to a backend that is ready."""
    seconds: float
    """For all fits."""
    microseconds_per_fit: float
    """Wall time per fit, all workers together."""
    milliseconds_per_task: float


def measure(
    backend: str = "dask",
    *,
    fits: int = 100_000,
    fits_per_task: int = 500,
    workers: int | None = None,
    tls: bool = False,
) -> Overhead:
    """Run fits that do nothing through a backend.

    Args:
        backend: The name of the backend.
        fits: How many fits.
        fits_per_task: How many fits one task has.
        workers: Workers of the backend, by default one per processor.
        tls: Encrypt the connections of Dask.

    Raises:
        ModelrunError: Fits were lost.
    """

    def tasks(count: int) -> Iterator[Task]:
        for number, start in enumerate(range(0, count, fits_per_task)):
            yield Task(number, 0, np.arange(start, min(count, start + fits_per_task)))

    begin = time.perf_counter()
    with open_backend(backend, workers=workers, tls=tls) as opened:
        ready = time.perf_counter()
        for _ in opened.map(NoFit(), tasks(10 * fits_per_task)):
            pass
        start = time.perf_counter()
        done = sum(
            len(outcome.task.fits)
            for outcome in opened.map(NoFit(), tasks(fits))
            if isinstance(outcome, Done)
        )
        seconds = time.perf_counter() - start
    if done != fits:
        raise ModelrunError(f"{done} of {fits} fits came back")
    return Overhead(
        start_seconds=ready - begin,
        seconds=seconds,
        microseconds_per_fit=1e6 * seconds / fits,
        milliseconds_per_task=1e3 * seconds * fits_per_task / fits,
    )
