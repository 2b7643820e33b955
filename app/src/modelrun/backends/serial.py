"""The backends without worker processes: `serial` and `threads`.

`serial` runs task after task in the thread of the runner: for debugging and for comparison.
`threads` runs batched work, whose kernels release the interpreter lock, without anything to start
up. Both guard fits against exceptions and time, but code that ends the process ends the run; what
was finished is stored.
"""

from __future__ import annotations

import os
import queue
import threading
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
        if machine.ONE_THREAD.items() <= os.environ.items():
            return self  # the command line said so before any of them was loaded
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
        yield from believed(settle(work, task, "serial") for task in tasks)


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
        crew = _Crew(work, tasks, self._workers)
        try:
            yield from believed(crew.results(), crew.room.release)
        finally:
            crew.dismiss()


class _Crew:
    """Threads that take tasks one by one until none is left or they are dismissed."""

    def __init__(self, work: Work, tasks: Iterable[Task], size: int) -> None:
        self.room = threading.Semaphore(WAITING_PER_WORKER * size)
        """Finished tasks that may still wait for the runner."""

        self._work = work
        self._tasks = iter(tasks)
        self._taking = threading.Lock()
        self._dismissed = False
        self._done: queue.SimpleQueue[list[Outcome] | BaseException | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"modelrun-{number}", daemon=True)
            for number in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[list[Outcome]]:
        """Yield what becomes of each task, as they are finished; raises what a thread raises."""
        left = len(self._threads)
        while left:
            match self._done.get():
                case None:
                    left -= 1
                case BaseException() as error:
                    raise error
                case outcomes:
                    yield outcomes

    def dismiss(self) -> None:
        """Take no more tasks; what runs is finished first."""
        self._dismissed = True
        self.room.release(len(self._threads))
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        try:
            while (task := self._next()) is not None:
                self._done.put(settle(self._work, task, threading.current_thread().name))
        except BaseException as error:  # it belongs to the runner's thread
            self._done.put(error)
        self._done.put(None)

    def _next(self) -> Task | None:
        self.room.acquire()
        with self._taking:
            return None if self._dismissed else next(self._tasks, None)


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
