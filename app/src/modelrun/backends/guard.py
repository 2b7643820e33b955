"""The guard: what foreign code does wrong in a worker becomes a value, never the worker's end.

Time limits use no signals, because tasks run outside the main thread. One watching thread per
process raises FitTimeout inside the thread of a fit that is overdue; that ends everything which
still executes Python. What sits in C code is ended by the nanny (see modelrun.backends.nanny).

The guard cannot help against code that ends the process; the flight recorder then tells which fit
it was.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from modelrun.backends import recorder
from modelrun.engines.guard import Caught
from modelrun.errors import ModelrunError, UserMistake
from modelrun_api.failure import FailureReason

T = TypeVar("T")

TRACEBACK_CHARACTERS = 20_000
_REPEAT_SECONDS = 1.0
"""A fit may catch FitTimeout and go on: it gets another one each second."""


class FitTimeout(BaseException):
    """The fit took longer than it may. Not an Exception: foreign code must not catch it."""


def grace(limit: float) -> float:
    """Return the seconds that a fit gets beyond its limit to end by itself."""
    return min(30.0, max(3.0, 0.1 * limit))


class WorkerGuard:
    """Guards the fits of one task in one thread; use it as a context manager."""

    __slots__ = ("_deadline", "_fired", "_limit", "_lock", "_main", "_pid", "_recorder", "_thread")

    def __init__(self, *, limit: float, note: recorder.Recorder | None = None) -> None:
        """Guard the fits that the calling thread runs.

        Args:
            limit: Seconds that one call may take; 0 for no limit.
            note: Where calls are noted; by default the recorder of this process.
        """
        self._limit = limit
        self._recorder = note if note is not None else recorder.current()
        self._pid = os.getpid()
        self._thread = threading.get_ident()
        self._main = threading.current_thread() is threading.main_thread()
        self._lock = threading.Lock()
        self._deadline = 0.0
        self._fired = 0.0

    def __enter__(self) -> Self:
        """Begin to watch the time."""
        if self._limit:
            _watch.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        if self._limit:
            _watch.remove(self)

    def call(self, fit: int, function: Callable[[], T]) -> T | Caught:
        """Run the function under the time limit; what it raises comes back as a value.

        An interrupt of this process (KeyboardInterrupt, Stopped) passes through when the call
        runs in the main thread, where only the user can have caused it. A UserMistake, such as a
        module that cannot be imported, passes through everywhere: it ends the run. A process that
        the function has forked ends here and never goes on with the task.

        Args:
            fit: The index of the slice; -1 for a block of fits.
            function: The foreign code.
        """
        try:
            self._arm(fit)
            try:
                return function()
            finally:
                self._disarm()
        except BaseException as error:
            self._disarm()
            if isinstance(error, UserMistake):
                raise  # no fit of this model can do better, here or elsewhere
            if self._main and isinstance(error, (KeyboardInterrupt, ModelrunError)):
                raise
            return self._caught(error)

    def _arm(self, fit: int) -> None:
        self._recorder.enter(fit, self._limit)
        if self._limit:
            self._deadline = time.monotonic() + self._limit

    def _disarm(self) -> None:
        """End the watch over a call; may be called twice."""
        if os.getpid() != self._pid:
            os._exit(0)  # a forked child; locks and the note belong to the parent
        with self._lock:
            if self._deadline:
                self._deadline = 0.0
                if self._fired:
                    self._fired = 0.0
                    # the exception may still be on its way: take it back
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)
        self._recorder.leave()

    def _caught(self, error: BaseException) -> Caught:
        text = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
        if isinstance(error, FitTimeout):
            message = f"the fit took longer than {self._limit:g} s (fitTimeoutSeconds)"
            return Caught(FitTimeout(message), FailureReason.TIMEOUT, text)
        if isinstance(error, MemoryError):
            return Caught(error, FailureReason.OUT_OF_MEMORY, text)
        return Caught(error, None, text)

    def fire_if_overdue(self, now: float) -> None:
        """Raise FitTimeout in the guarded thread if its call is overdue (called by the watch)."""
        if not self._deadline or now < self._deadline:
            return
        with self._lock:
            if self._deadline and now - self._fired >= _REPEAT_SECONDS:
                self._fired = now
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread), ctypes.py_object(FitTimeout)
                )

    @property
    def limit(self) -> float:
        """Return the seconds that one call may take."""
        return self._limit


class _Watch:
    """One thread that looks at all active guards a few times per second, and sleeps otherwise."""

    def __init__(self) -> None:
        self._guards: dict[int, WorkerGuard] = {}
        self._wake = threading.Condition()
        self._pid = 0

    def add(self, guard: WorkerGuard) -> None:
        with self._wake:
            self._guards[id(guard)] = guard
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="modelrun-fit-limits", daemon=True).start()
            self._wake.notify()

    def remove(self, guard: WorkerGuard) -> None:
        with self._wake:
            self._guards.pop(id(guard), None)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._guards:
                    self._wake.wait()
                guards = list(self._guards.values())
            now = time.monotonic()
            for guard in guards:
                guard.fire_if_overdue(now)
            shortest = min(guard.limit for guard in guards)
            time.sleep(min(0.25, max(0.02, shortest / 10)))


_watch = _Watch()
