"""joblib's Dask backend with its ways to wait for ever closed.

joblib's own never hears of a failed submission (its callback is called for results only), loses a
result that cannot be unpickled, needs a client made by hand, and runs everything in the program
itself when the cluster has one thread. Here errors reach joblib like results do, results are
pickled by the worker as part of the work, the client comes from the environment, and the number
of jobs is never one. Everything else (batching, scattering of large arguments) is joblib's.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import cloudpickle
import joblib._dask as joblib_dask
from joblib.parallel import register_parallel_backend

CONNECT_SECONDS = 60.0
_client: Any = None
_served: set[str] = set()


class DaskBackend(joblib_dask.DaskDistributedBackend):  # type: ignore[misc]
    """Runs joblib's batches on the cluster of the run."""

    def __init__(self, *args: Any, client: Any = None, **options: Any) -> None:
        """Use the given client, that of the surrounding code, or the one of the environment."""
        if client is None and not args and options.get("scheduler_host") is None:
            client = current_client()
        super().__init__(*args, client=client, **options)
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop = self.client.loop.asyncio_loop

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel without the client; workers use their own."""
        return (DaskBackend, ())

    def get_nested_backend(self) -> tuple[Any, int]:
        """Nested calls use the same cluster."""
        return DaskBackend(client=self.client), -1

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return the number of threads of the cluster, at least two.

        With one joblib would not ask the cluster at all.
        """
        return max(2, int(super().effective_n_jobs(n_jobs)))

    def start_call(self) -> None:
        """Prepare joblib's cache of scattered arguments."""
        self.call_data_futures = joblib_dask._WeakKeyDictionary()  # noqa: SLF001

    def stop_call(self) -> None:
        """Leave nothing behind."""
        self.abort_everything()
        self.call_data_futures.clear()

    def submit(
        self, func: Any, callback: Callable[[Any], None] | None = None
    ) -> concurrent.futures.Future[Any]:
        """Send a batch; joblib's callback gets its result or its error."""
        answer: concurrent.futures.Future[Any] = concurrent.futures.Future()
        answer.get = answer.result  # type: ignore[attr-defined]

        async def work() -> None:
            try:
                result: Any = await self._run(func)
                answer.set_result(result)
            except asyncio.CancelledError:
                answer.cancel()
                raise
            except Exception as error:  # it is joblib that raises it in the program
                result = error
                answer.set_exception(error)
            if callback is not None:
                callback(result)

        def start() -> None:
            running = self._loop.create_task(work())
            self._running.add(running)
            running.add_done_callback(self._running.discard)

        self._loop.call_soon_threadsafe(start)
        return answer

    async def _run(self, func: Any) -> Any:
        batch, tasks = await self._to_func_args(func)
        futures: list[Any] = []
        packed = [
            (
                function,
                [_out(value, futures) for value in arguments],
                {name: _out(value, futures) for name, value in keywords.items()},
            )
            for function, arguments, keywords in tasks
        ]
        future = self.client.submit(
            _work_off,
            cloudpickle.dumps((batch, packed)),  # the scheduler need not know the modules
            futures,
            key=f"{batch!r}-{uuid.uuid4().hex}",
            pure=False,
            **self.submit_kwargs,
        )
        try:
            return cloudpickle.loads(await future._result())  # noqa: SLF001
        finally:
            future.release()

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return the results of a batch, or raise what went wrong."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        """Cancel what is out."""

        async def cancel() -> None:
            running = list(self._running)
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

        # where the loop is gone, everything on it is gone too
        with contextlib.suppress(TimeoutError, RuntimeError):
            asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(timeout=5)


@dataclass(frozen=True, slots=True)
class _Scattered:
    """Stands for an argument that is on the cluster already."""

    position: int


def _out(value: Any, futures: list[Any]) -> Any:
    """Replace a future by its position in the list of futures."""
    from distributed import Future

    if not isinstance(value, Future):
        return value
    futures.append(value)
    return _Scattered(len(futures) - 1)


def _work_off(raw: bytes, scattered: list[Any]) -> bytes:
    """Run a batch on a worker; what cannot be pickled is the batch's own error."""
    install(joblib_dask)
    batch, packed = cloudpickle.loads(raw)

    def back(value: Any) -> Any:
        return scattered[value.position] if isinstance(value, _Scattered) else value

    tasks = [
        (function, [back(value) for value in arguments], {n: back(v) for n, v in keywords.items()})
        for function, arguments, keywords in packed
    ]
    result = joblib_dask._TracebackCapturingWrapper(batch)(tasks=tasks)  # noqa: SLF001
    try:
        answer: bytes = cloudpickle.dumps(result)
    except Exception as error:
        raise TypeError(
            f"a result of this joblib call cannot be sent to the program: {error}"
        ) from None
    return answer


def current_client() -> Any:
    """Return the client of the surrounding code or, outside of any, that of the environment.

    On the way the program's own modules are sent to the workers, once per client.
    """
    global _client
    import distributed
    from distributed import get_client, get_worker

    try:
        client = get_client()
    except ValueError:
        client = _client
    if client is None or client.status != "running":
        connect: Any = distributed.Client
        client = _client = connect(timeout=CONNECT_SECONDS, name="modelrun-program")
        atexit.register(client.close)
    try:
        get_worker()
    except ValueError:  # this is the program itself
        _send_modules(client)
    return client


def _send_modules(client: Any) -> None:
    from modelrun.program.modules import Modules, script_folder, sources

    folder = script_folder()
    if folder is not None and client.id not in _served:
        _served.add(client.id)
        client.register_plugin(Modules(sources(folder)))


def install(module: ModuleType) -> None:
    """Make this the backend that joblib knows as `dask`; may be called often."""
    if module.DaskDistributedBackend is not DaskBackend:
        module.DaskDistributedBackend = DaskBackend  # type: ignore[attr-defined]
        register_parallel_backend("dask", DaskBackend)
