"""The backends without worker processes: `serial` and `threads`.

`serial` runs task after task in the thread of the runner: for debugging and for comparison.
`threads` runs batched work, whose kernels release the interpreter lock, without anything to start
up. Both guard fits against exceptions and time, but code that ends the process ends the run; what
was finished is stored.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Self

from modelrun.backends import machine, worker
from modelrun.backends.backend import Done, Lost, Outcome, Work
from modelrun.backends.verdict import CONVICTED_BUGS, Answer
from modelrun.errors import ModelrunError
from modelrun.plan.task import Task

WAITING_PER_WORKER = 4
"""Finished tasks per thread that may wait for the runner before threads pause."""


class OneNumericThread:
    """Holds the numeric libraries of this process to one thread while it is entered."""

    _limits: AbstractContextManager[object] | None = None

    def __enter__(self) -> Self:
        """Limit the libraries that are loaded; what loads later reads the environment."""
        from threadpoolctl import threadpool_limits

        self._limits = threadpool_limits(1)
        return self

    def __exit__(self, *error: object) -> None:
        """Give the threads back."""
        if self._limits is not None:
            self._limits.__exit__(None, None, None)


class SerialBackend(OneNumericThread):
    """Runs everything in the calling thread."""

    name = "serial"

    def workers(self) -> int:
        """Return 1."""
        return 1

    def map(self, work: Work, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield the outcomes of one task after the other."""
        from joblib import Parallel, delayed

        parallel = Parallel(n_jobs=1, return_as="generator_unordered", batch_size=1)
        results = parallel(delayed(settle)(work, task, "serial") for task in tasks)
        try:
            yield from believed(results)
        finally:
            results.close()


class ThreadsBackend(OneNumericThread):
    """Runs tasks in threads of this process."""

    name = "threads"

    def __init__(self, *, workers: int | None = None) -> None:
        """Describe the backend.

        Args:
            workers: Number of threads; by default one per processor.
        """
        self._workers = workers if workers is not None else machine.processors()

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
            yield from believed(results, room.release)
        finally:
            closed.set()
            with warnings.catch_warnings():  # joblib warns that a closed iterator was not empty
                warnings.simplefilter("ignore", UserWarning)
                results.close()


def believed(
    results: Iterable[list[Outcome]], taken: Callable[[], None] = lambda: None
) -> Iterator[Outcome]:
    """Yield outcomes, but not endlessly many fits that fail where no guard stands.

    Raises:
        ModelrunError: Work keeps failing outside of every guard: a bug of ours.
    """
    bugs = 0
    for outcomes in results:
        taken()
        for outcome in outcomes:
            bugs += isinstance(outcome, Lost)
            if isinstance(outcome, Lost) and bugs > CONVICTED_BUGS:
                raise ModelrunError(
                    f"more than {CONVICTED_BUGS} fits failed outside of every guard, the last one "
                    f"with: {outcome.message}"
                )
            yield outcome


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
