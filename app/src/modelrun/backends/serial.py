"""The backends without worker processes: `serial` and `threads`.

`serial` runs task after task in the thread of the runner: for debugging and for comparison.
`threads` runs batched work, whose kernels release the interpreter lock, without anything to start
up. Both guard fits against exceptions and time, but code that ends the process ends the run; what
was finished is stored.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Iterator
from typing import Self

from modelrun.backends import machine, worker
from modelrun.backends.backend import Done, Lost, Outcome, Work
from modelrun.backends.verdict import Answer
from modelrun.plan.task import Task

WAITING_PER_WORKER = 4
"""Finished tasks per thread that may wait for the runner before threads pause."""


class SerialBackend:
    """Runs everything in the calling thread."""

    name = "serial"

    def __enter__(self) -> Self:
        """Start nothing."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop nothing."""

    def workers(self) -> int:
        """Return 1."""
        return 1

    def map(self, work: Work, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield the outcomes of one task after the other."""
        from joblib import Parallel, delayed

        parallel = Parallel(n_jobs=1, return_as="generator_unordered", batch_size=1)
        results = parallel(delayed(settle)(work, task, "serial") for task in tasks)
        try:
            for outcomes in results:
                yield from outcomes
        finally:
            results.close()


class ThreadsBackend:
    """Runs tasks in threads of this process."""

    name = "threads"

    def __init__(self, *, workers: int | None = None) -> None:
        """Describe the backend.

        Args:
            workers: Number of threads; by default one per processor.
        """
        self._workers = workers if workers is not None else machine.processors()

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop nothing more."""

    def workers(self) -> int:
        """Return the number of threads."""
        return self._workers

    def map(self, work: Work, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield outcomes as they come; every fit of every task appears in exactly one.

        Closing the iterator stops handing out; what runs is finished first.
        """
        if self._workers == 1:
            yield from SerialBackend().map(work, tasks)
            return
        from joblib import Parallel, delayed

        room = threading.Semaphore(WAITING_PER_WORKER * self._workers)
        closed = threading.Event()

        def one(task: Task) -> list[Outcome]:
            while not room.acquire(timeout=0.2):
                if closed.is_set():
                    return []
            return settle(work, task, threading.current_thread().name)

        parallel = Parallel(
            n_jobs=self._workers,
            backend="threading",
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="2*n_jobs",
        )
        results = parallel(delayed(one)(task) for task in tasks)
        try:
            for outcomes in results:
                room.release()
                yield from outcomes
        finally:
            closed.set()
            with warnings.catch_warnings():  # joblib warns that a closed iterator was not empty
                warnings.simplefilter("ignore", UserWarning)
                results.close()


def settle(work: Work, task: Task, name: str) -> list[Outcome]:
    """Run a task here; when the work itself raises, cut it until the fit is found.

    Raises:
        ModelrunError: The work says that the whole run must end.
    """
    ending = worker.execute(work, task, worker=name)
    if isinstance(ending, Answer):
        return [Done(task, ending.payload, ending.worker, ending.seconds)]
    if ending.fatal is not None:
        raise ending.fatal
    if len(task.fits) == 1:
        return [Lost(task, ending.reason, ending.message, name, 1)]
    middle = len(task.fits) // 2
    return [
        outcome
        for part in (task.fits[:middle], task.fits[middle:])
        for outcome in settle(work, task.part(task.number, part), name)
    ]
