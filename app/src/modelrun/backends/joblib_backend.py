"""The joblib backend `modelrun`: joblib hands out the tasks, the dispatcher settles them.

joblib's own backend for Dask never hears of a killed worker and never of a result that cannot be
pickled, so it waits for ever; and with one worker thread joblib runs everything in the runner.
This backend answers every task with outcomes or with an error of the whole run, and its number of
jobs is a constant that is never one. The true number of tasks in flight follows the number of
workers, which the dispatcher refreshes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from joblib.parallel import ParallelBackendBase

from modelrun.backends.backend import Outcome
from modelrun.backends.dispatch import Dispatcher

if TYPE_CHECKING:
    from joblib.parallel import BatchedCalls

WINDOW = 4096
"""Tasks that joblib keeps ready; more than any scheduler can use at once."""


class ModelrunBackend(ParallelBackendBase):  # type: ignore[misc]
    """Settles each batch of one task through a dispatcher on the event loop of a Dask client."""

    supports_retrieve_callback = True
    default_n_jobs = -1

    def __init__(
        self,
        dispatcher: Dispatcher | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        nesting_level: int = 0,
        **ignored: Any,  # noqa: ARG002
    ) -> None:
        """Bind the backend to a dispatcher.

        Args:
            dispatcher: Settles the tasks.
            loop: The event loop of the client, running in another thread.
            nesting_level: joblib's own.
            ignored: Further keywords of joblib's.

        Raises:
            ValueError: The backend was asked for by name outside of a run.
        """
        super().__init__(nesting_level=nesting_level)
        if dispatcher is None or loop is None:
            raise ValueError(
                "the joblib backend 'modelrun' belongs to a running ModelRun; in a program of "
                "your own use joblib.parallel_config('dask')"
            )
        self._dispatcher = dispatcher
        self._loop = loop
        self._running: set[asyncio.Task[None]] = set()
        self._beat: asyncio.Task[None] | None = None
        self._callbacks: concurrent.futures.ThreadPoolExecutor | None = None

    def effective_n_jobs(self, n_jobs: int) -> int:  # noqa: ARG002
        """Return the constant window, whatever joblib asks for."""
        return WINDOW

    def get_nested_backend(self) -> tuple[Any, int]:
        """Run nested joblib calls one after the other; not used, because work is unpacked."""
        from joblib.parallel import SequentialBackend

        return SequentialBackend(nesting_level=1), 1

    def start_call(self) -> None:
        """Begin the beat and the thread that hands the next tasks out."""
        self._callbacks = concurrent.futures.ThreadPoolExecutor(1, "modelrun-joblib")
        self._loop.call_soon_threadsafe(self._start_beat)

    def stop_call(self) -> None:
        """Leave nothing behind: no coroutine, no task on the scheduler."""
        self.abort_everything()
        if self._callbacks is not None:
            self._callbacks.shutdown(wait=False, cancel_futures=True)

    def submit(
        self, func: BatchedCalls, callback: Callable[[Any], None]
    ) -> concurrent.futures.Future[None]:
        """Settle the one task of a batch; joblib's callback gets outcomes or an error."""
        ((_, (task,), _),) = func.items

        async def settle() -> None:
            try:
                await self._dispatcher.window.take()
                if self._dispatcher.failed is not None:
                    raise self._dispatcher.failed
                result: Any = await self._dispatcher.settle(task)
            except asyncio.CancelledError:
                if self._dispatcher.failed is None:
                    raise
                result = self._dispatcher.failed
            except BaseExceptionGroup as group:
                result = _first_error(group)
            except Exception as error:  # joblib raises it in the runner's thread
                result = error
            if self._callbacks is not None:
                with contextlib.suppress(RuntimeError):  # the call may be over already
                    self._callbacks.submit(callback, result)

        def start() -> None:
            running = self._loop.create_task(settle())
            self._running.add(running)
            running.add_done_callback(self._running.discard)

        self._loop.call_soon_threadsafe(start)
        return concurrent.futures.Future()

    def retrieve_result_callback(self, out: Any) -> list[list[Outcome]]:
        """Return what joblib takes for the results of a batch of one task."""
        if isinstance(out, BaseException):
            raise out
        return [out]

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        """Cancel what is out; returns when the scheduler has been told."""

        async def cancel() -> None:
            running = list(self._running)
            if self._beat is not None:
                running.append(self._beat)
                self._beat = None
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

        # where the loop is gone, everything on it is gone too
        with contextlib.suppress(TimeoutError, RuntimeError):
            asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(timeout=5)

    def _start_beat(self) -> None:
        async def beat() -> None:
            try:
                await self._dispatcher.beat()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # ends every task that is out
                self._dispatcher.failed = error  # type: ignore[assignment]
                for one in list(self._running):
                    one.cancel()

        self._beat = self._loop.create_task(beat())


def _first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside nested groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
