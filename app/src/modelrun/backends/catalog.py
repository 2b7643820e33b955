"""The backends by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from modelrun.backends.backend import Backend
from modelrun.backends.machine import ADDRESS
from modelrun.errors import UserMistake

NAMES = ("serial", "threads", "dask")
PRELOAD = ("statsmodels.api",)
"""Without a choice, tasks for worker processes are those that no compiled kernel can do."""


def open_backend(
    name: str,
    *,
    workers: int | None = None,
    quorum: int | None = None,
    startup_seconds: float = 1200.0,
    tls: bool = False,
    dashboard: str | None = None,
    fit_timeout: float = 300.0,
    memory_limit: int | None = None,
    on_workers: Callable[[int], None] | None = None,
    preload: Sequence[str] = PRELOAD,
    profile: Path | None = None,
) -> Backend:
    """Return a backend; it starts when it is entered.

    Args:
        name: `serial`, `threads`, or `dask`: workers on this machine, or the cluster whose address
            is in DASK_SCHEDULER_ADDRESS (TLS files as Dask's own variables say).
        workers: Threads or worker processes on this machine; by default one per processor.
        quorum: Workers that a running cluster must have before fitting starts.
        startup_seconds: How long to wait for the quorum.
        tls: Encrypt the connections of a Dask cluster on this machine.
        dashboard: Where such a cluster shows Dask's dashboard.
        fit_timeout: The longest that one fit may take, in seconds.
        memory_limit: Bytes of anonymous memory per worker process; by default an equal share.
        on_workers: Called with the number of workers whenever it changes (dask).
        preload: Modules that all workers will need, such as an engine; where processes can be
            forked safely they are loaded once for all (dask on this machine). Pass () where every
            fit is batched.
        profile: A folder for cProfile files of the workers (dask).

    Raises:
        UserMistake: There is no such backend, or fewer than one worker is wanted.
    """
    if workers is not None and workers < 1:
        raise UserMistake(f"{workers} workers are wanted; at least 1 is needed")
    if name == "serial":
        from modelrun.backends.serial import SerialBackend

        return SerialBackend()
    if name == "threads":
        from modelrun.backends.serial import ThreadsBackend

        return ThreadsBackend(workers=workers)
    if name == "dask":
        from modelrun.backends.dask import DaskBackend

        return DaskBackend(
            address=os.environ.get(ADDRESS),
            workers=workers,
            quorum=quorum,
            startup_seconds=startup_seconds,
            tls=tls,
            dashboard=dashboard,
            fit_timeout=fit_timeout,
            memory_limit=memory_limit,
            on_workers=on_workers,
            preload=preload,
            profile=profile,
        )
    raise UserMistake(f"there is no backend {name!r}; choose one of {', '.join(NAMES)}")
