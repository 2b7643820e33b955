"""Start and stop the cluster process of this machine (see modelrun.backends.cluster_process)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelrun.backends.cluster_process import Order
from modelrun.backends.machine import ONE_THREAD, raise_file_limit
from modelrun.backends.recorder import SCRATCH_VARIABLE
from modelrun.errors import InfrastructureError

START_SECONDS = 120.0
STOP_SECONDS = 5.0
LOOK_SECONDS = 0.01
LOG_LINES = 15


class LocalCluster:
    """A scheduler and one worker process per processor, gone when it is closed."""

    def __init__(self, order: Order, *, environment: Mapping[str, str] | None = None) -> None:
        """Begin to start the cluster; connect() and wait() tell how far it is.

        Args:
            order: What cluster is wanted.
            environment: Further environment variables of all processes.
        """
        raise_file_limit(order.workers)
        self._folder = Path(tempfile.mkdtemp(prefix="modelrun-cluster-"))
        self._end: float | None = None
        paths = [path for path in sys.path if path]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "modelrun.backends"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=os.environ
                | dict(ONE_THREAD)
                | {"PYTHONPATH": os.pathsep.join(paths), SCRATCH_VARIABLE: str(self._folder)}
                | dict(environment or {}),
                start_new_session=True,
            )
        self._write(order.text(self._folder) + "\n")
        self.address = ""
        self.dashboard: str | None = None

    @property
    def pid(self) -> int:
        """Return the process id of the scheduler."""
        return self._process.pid

    def connect(self) -> None:
        """Wait until the scheduler is there; workers may come later.

        Raises:
            InfrastructureError: It did not start.
        """
        if self._end is None:  # it may have been begun long before anybody wants it
            self._end = time.monotonic() + START_SECONDS
            self._write("\n")
        message = self._wait_for("scheduler")
        self.address, self.dashboard = message["address"], message["dashboard"]

    def wait(self) -> None:
        """Wait until the scheduler and its workers are there.

        Raises:
            InfrastructureError: They did not start.
        """
        self.connect()
        self._wait_for("workers")

    def _wait_for(self, name: str) -> Any:
        assert self._end is not None
        told, error = (self._folder / f"{word}.json" for word in (name, "error"))
        while not told.exists():
            if error.exists():
                message = json.loads(error.read_text(encoding="utf-8"))["error"]
                self.close()
                raise InfrastructureError(f"the local Dask cluster did not start: {message}")
            if self._process.poll() is not None or time.monotonic() > self._end:
                log = self.log()
                self.close()
                raise InfrastructureError(f"the local Dask cluster did not start:\n{log}")
            time.sleep(LOOK_SECONDS)
        return json.loads(told.read_text(encoding="utf-8"))

    def log(self) -> str:
        """Return the last lines that the cluster and its workers have written."""
        try:
            text = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-LOG_LINES:])

    def close(self) -> None:
        """Stop all its processes and remove its files; may be called twice."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            clean = self._process.wait(STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            clean = False
        if not clean:  # its session is its own: the workers and their children
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
        except OSError:
            pass  # it is dead already; wait() says so
