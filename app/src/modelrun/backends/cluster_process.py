"""A Dask cluster on this machine, in a process of its own: `python -m modelrun.backends`.

It is kept out of the runner's process for four reasons. The scheduler never waits for the runner's
interpreter lock. Ctrl-C in a terminal does not reach it. Workers never import the user's main
module a second time, so a script without a main guard works. And when the runner dies, even by
SIGKILL, the end of standard input tells this process to take the workers with it.

The conversation: one JSON object on standard input (a folder and an Order), at which libraries for
the workers begin to load; a second line, once the runner is ready for a scheduler; then files in
that folder: `scheduler.json` (`address`, `dashboard`) once there is a scheduler, `workers.json`
once all workers are there, or `error.json`. When standard input ends, at any moment, all of it
ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelrun.backends.loading import loading

PRELOAD_VARIABLE = "MODELRUN_PRELOAD"
"""Environment variable with what the fork server loads; see modelrun.backends.forked."""


@dataclass(frozen=True, slots=True)
class Order:
    """What cluster is wanted."""

    workers: int
    security: Mapping[str, Any] | None = None
    """Keywords of tls.security; None for unencrypted connections on the loopback."""
    dashboard: str | None = None
    """The address of Dask's dashboard, such as `127.0.0.1:8787`; None for no dashboard."""
    preload: tuple[str, ...] = ()
    """Modules that workers will need anyway: loaded once, before workers are forked off."""
    allowed_failures: int = 0
    """Workers that a task may end before it counts as the culprit."""
    worker_ttl: float | None = None
    """Seconds without a heartbeat after which the scheduler gives a worker up; None for Dask's."""

    def text(self, folder: Path) -> str:
        """Return the order as one line of JSON.

        Args:
            folder: A private folder for scratch files and for the answers.
        """
        return json.dumps({"folder": str(folder), "order": asdict(self)})


def configuration(order: Order) -> dict[str, object]:
    """Return the settings of Dask that a cluster needs for runs that lose workers."""
    ttl = order.worker_ttl
    return ({} if ttl is None else {"distributed.scheduler.worker-ttl": f"{ttl:.0f}s"}) | {
        "distributed.scheduler.allowed-failures": order.allowed_failures,
        # a task that waits at a worker would be blamed for that worker's death
        "distributed.scheduler.worker-saturation": 1.0,
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
    message = json.loads(sys.stdin.readline())
    folder, order = Path(message["folder"]), Order(**message["order"])
    forking = sys.platform == "linux"
    if forking:
        _start_fork_server(order.preload)
    sys.stdin.readline()  # until then the runner loads its own libraries, in the core beside
    end = threading.Thread(target=_end, args=(folder,), name="end", daemon=True)
    end.start()
    try:
        cluster = _start(order, folder, forking=forking)
        dashboard = cluster.dashboard_link if order.dashboard else None
        _tell(folder, "scheduler", {"address": cluster.scheduler_address, "dashboard": dashboard})
        _clusters.append(cluster)
        cluster.scale(order.workers)
        cluster.sync(cluster._correct_state)  # noqa: SLF001 - tells why workers do not start
        _tell(folder, "workers", {})
    except Exception as error:  # told to the runner, which raises it there
        _tell(folder, "error", {"error": f"{type(error).__name__}: {error}"})
        raise
    end.join()


_clusters: list[Any] = []
"""What this process has started: one cluster at most."""


def _start(order: Order, folder: Path, *, forking: bool) -> Any:
    """Return a scheduler without workers."""
    import logging

    with loading(for_good=True):
        import dask
        import distributed.utils

        from modelrun.backends import tls

    dask.config.set(configuration(order))
    if forking:
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
        distributed.utils._forkserver_preload_set = True  # noqa: SLF001 - the list is ours
    dask.config.set({"temporary-directory": str(folder)})
    start: Any = distributed.LocalCluster
    return start(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        security=tls.security(order.security) if order.security else None,
        dashboard_address=order.dashboard,
        local_directory=str(folder),
        silence_logs=logging.CRITICAL,
    )


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


def _end(folder: Path) -> None:
    """Wait for the end of standard input, then end everything at once, whatever it does.

    Workers that are just starting, the fork server and the tracker of semaphores see this process
    end, and end; the tracker frees what is left.
    """
    sys.stdin.read()
    for cluster in _clusters:
        for nanny in list(cluster.workers.values()):
            nanny.close_gracefully()  # it is not to start another one
            if nanny.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(nanny.pid, signal.SIGKILL)
    from multiprocessing.util import get_temp_dir

    shutil.rmtree(get_temp_dir(), ignore_errors=True)  # of the fork server's socket
    shutil.rmtree(folder, ignore_errors=True)  # the runner may be dead
    os._exit(0)


def _tell(folder: Path, name: str, message: Mapping[str, object]) -> None:
    part = folder / f"{name}.part"
    part.write_text(json.dumps(message), encoding="utf-8")
    part.rename(folder / f"{name}.json")
