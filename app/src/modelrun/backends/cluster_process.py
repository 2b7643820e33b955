"""A Dask cluster on this machine, in a process of its own: `python -m` this module.

It is kept out of the runner's process for four reasons. The scheduler never waits for the runner's
interpreter lock. Ctrl-C in a terminal does not reach it. Workers never import the user's main
module a second time, so a script without a main guard works. And when the runner dies, even by
SIGKILL, the end of standard input tells this process to take the workers with it.

The conversation: one JSON object on standard input (see Order), one JSON line into the file that
the order names (`address`, `dashboard` or `error`), then silence until standard input ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PRELOAD_VARIABLE = "MODELRUN_PRELOAD"
"""Environment variable with the modules that the fork server loads; see modelrun.backends.forked."""


@dataclass(frozen=True, slots=True)
class Order:
    """What cluster is wanted."""

    workers: int
    folder: str
    """A private folder for scratch files; `ready.json` is written into it."""
    worker_ttl: float
    """Seconds without a heartbeat after which the scheduler gives a worker up."""
    security: dict[str, Any] | None
    """Keywords of certificates.security; None for unencrypted connections on the loopback."""
    dashboard: str | None
    """The address of Dask's dashboard, such as `127.0.0.1:8787`; None for no dashboard."""
    preload: tuple[str, ...] = ()
    """Modules that workers will need anyway: loaded once, before workers are forked off."""
    allowed_failures: int = 0
    """Workers that a task may end before it counts as the culprit."""

    def text(self) -> str:
        """Return the order as one line of JSON."""
        return json.dumps(asdict(self))


def configuration(order: Order) -> dict[str, object]:
    """Return the settings of Dask that a cluster needs for runs that lose workers."""
    return {
        "distributed.scheduler.allowed-failures": order.allowed_failures,
        # a task that waits at a worker would be blamed for that worker's death
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.worker-ttl": f"{order.worker_ttl:.0f}s",
        "distributed.scheduler.active-memory-manager.start": False,
        "distributed.deploy.lost-worker-timeout": "1h",
        "distributed.comm.timeouts.connect": "60s",
        "distributed.comm.socket-backlog": 4096,
        "distributed.worker.profile.enabled": False,
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        # an idle worker would otherwise cost three percent of a processor
        "distributed.admin.system-monitor.interval": "10s",
        "distributed.admin.tick.interval": "500ms",
        "distributed.worker.memory.monitor-interval": "1s",
        "distributed.diagnostics.nvml": False,
    }


def main() -> None:
    """Run a cluster until standard input ends."""
    order = Order(**json.loads(sys.stdin.readline()))
    folder = Path(order.folder)
    try:
        cluster = _start(order)
    except Exception as error:  # told to the runner, which raises it there
        _tell(folder, {"error": f"{type(error).__name__}: {error}"})
        raise
    _tell(
        folder,
        {
            "address": cluster.scheduler_address,
            "dashboard": cluster.dashboard_link if order.dashboard else None,
        },
    )
    sys.stdin.read()
    _stop(cluster)
    shutil.rmtree(folder, ignore_errors=True)  # the runner may be dead


def _start(order: Order) -> Any:
    import logging

    forking = sys.platform == "linux"
    if forking:
        _start_fork_server(order.preload)
    import dask
    import distributed.utils

    dask.config.set(configuration(order))
    if forking:
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
        distributed.utils._forkserver_preload_set = True  # noqa: SLF001 - the list is ours
    dask.config.set({"temporary-directory": order.folder})
    start: Any = distributed.LocalCluster
    return start(
        n_workers=order.workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        security=_security(order.security) if order.security else None,
        dashboard_address=order.dashboard,
        local_directory=order.folder,
        silence_logs=logging.CRITICAL,
    )


def _security(keywords: dict[str, Any]) -> Any:
    from modelrun.backends.certificates import security  # a tenth of a second, for TLS alone

    return security(keywords)


def _start_fork_server(preload: tuple[str, ...]) -> None:
    """Load modules once, in a process that all workers are forked off.

    A worker is then there in a tenth of the time, also when it replaces a dead one. The server
    runs no threads, and numeric libraries have one thread each, so that forking is safe; not so on
    macOS, whose system libraries do not survive it. Dask's own list of modules would load pandas.
    """
    import multiprocessing
    from multiprocessing import forkserver

    os.environ[PRELOAD_VARIABLE] = " ".join(("distributed", "modelrun.backends.worker", *preload))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["modelrun.backends.forked"])
    forkserver.ensure_running()


def _stop(cluster: Any) -> None:
    """Kill the workers, whatever they do, then take the cluster down."""
    for nanny in list(cluster.workers.values()):
        nanny.close_gracefully()
        pid = nanny.pid
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    cluster.close(timeout=3)


def _tell(folder: Path, message: dict[str, object]) -> None:
    part = folder / "ready.part"
    part.write_text(json.dumps(message), encoding="utf-8")
    part.rename(folder / "ready.json")


if __name__ == "__main__":
    main()
