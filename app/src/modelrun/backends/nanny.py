"""The watch over one worker process, in its nanny: limits, memory and the report of a death.

Dask says that a worker died, not why, and blames every task that was waiting there. This plugin
reads the flight recorder: it kills a fit that outlived its limit (also one that holds the
interpreter inside C code), kills a worker that uses more anonymous memory than its share, and
reports each death with the fit that was being worked on and the exit code.

Two attributes of distributed are used that are not public: `Nanny._on_worker_exit_sync`, which the
next worker process will call when it exits, and `Nanny.process.on_exit`, which the present one
calls. Both must be wrapped, because the first is read only when a process is started. The nanny
removes the worker's own folder before it calls them, so the note lies elsewhere.

Memory is judged by RssAnon, not by the resident set: the mapped panel counts into the latter,
belongs to all workers at once and can be dropped by the kernel at any time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from distributed.diagnostics.plugin import NannyPlugin

from modelrun.backends import recorder

if TYPE_CHECKING:
    from distributed import Nanny

TICK_SECONDS = 0.25
TOPIC = "modelrun-deaths"


class Watch(NannyPlugin):
    """Watches the process of one worker and reports its death under TOPIC.

    A report is a dictionary: `address`, `submission`, `fit`, `exit` (as multiprocessing gives it:
    a negative number is a signal), `cause` (`exit`, `time`, `memory`) and `detail`.
    """

    name = "modelrun-watch"
    restart = False

    def __init__(self, token: str, *, grace: float, memory_limit: int) -> None:
        """Remember the limits.

        Args:
            token: Names the cluster; see recorder.path.
            grace: Seconds that a fit may outlive its own limit before it is killed.
            memory_limit: Bytes of anonymous memory that one worker may use; 0 for no limit.
        """
        self.token = token
        self.grace = grace
        self.memory_limit = memory_limit

    def setup(self, nanny: Nanny) -> None:
        """Begin to watch; called by Dask in the nanny's process."""
        from tornado.ioloop import PeriodicCallback

        self._nanny: Any = nanny
        self._verdict: tuple[int, str, str] | None = None
        self._oom_kills = _oom_kills()
        self._file = recorder.path(self.token, nanny.address)
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._former: Callable[[int], None] = self._nanny._on_worker_exit_sync  # noqa: SLF001
        self._nanny._on_worker_exit_sync = self._on_exit  # type: ignore[method-assign]  # noqa: SLF001
        if self._nanny.process is not None:
            self._nanny.process.on_exit = self._on_exit
        self._clock = PeriodicCallback(self._tick, TICK_SECONDS * 1000)
        self._clock.start()

    def teardown(self, nanny: Nanny) -> None:  # noqa: ARG002
        """Stop watching."""
        self._clock.stop()
        self._nanny._on_worker_exit_sync = self._former  # noqa: SLF001
        if self._nanny.process is not None:
            self._nanny.process.on_exit = self._former
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others on this machine may still need it
            self._file.parent.rmdir()

    def __getstate__(self) -> dict[str, Any]:
        """Travel with the limits only."""
        return {k: v for k, v in self.__dict__.items() if not k.startswith("_")}

    def _tick(self) -> None:
        """Judge time and memory of the present process."""
        process = self._nanny.process
        pid = process.pid if process is not None else None
        if pid is None or (self._verdict is not None and self._verdict[0] == pid):
            return
        note = recorder.read(self._file)
        if note is None or note.pid != pid:
            return
        now = time.monotonic()
        if note.overdue(now, self.grace):
            again = recorder.read(self._file)
            if again is not None and (again.fit, again.start) == (note.fit, note.start):
                self._kill(pid, "time", f"{now - note.start:.1f} s, limit {note.limit:g} s")
                return
        if self.memory_limit:
            used = anonymous_memory(pid)
            if used > self.memory_limit:
                detail = f"{used >> 20} MiB, limit {self.memory_limit >> 20} MiB"
                self._kill(pid, "memory", detail)

    def _kill(self, pid: int, cause: str, detail: str) -> None:
        self._verdict = (pid, cause, detail)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _on_exit(self, exitcode: int) -> None:
        """Report the death, then let the nanny do what it always does."""
        from distributed.core import Status

        try:
            note = recorder.read(self._file)
            closing = (Status.closing, Status.closed, Status.closing_gracefully)
            if note is not None and note.pid and self._nanny.status not in closing:
                self._report(note, exitcode)
        finally:
            self._file.unlink(missing_ok=True)
            self._verdict = None
            self._former(exitcode)

    def _report(self, note: recorder.Note, exitcode: int) -> None:
        cause, detail = "exit", ""
        if self._verdict is not None and self._verdict[0] == note.pid:
            _, cause, detail = self._verdict
        elif exitcode == -signal.SIGKILL and _oom_kills() > self._oom_kills:
            cause, detail = "memory", "killed by the kernel, which ran out of memory"
        self._oom_kills = _oom_kills()
        self._nanny.log_event(
            TOPIC,
            {
                "address": note.address,
                "submission": note.submission,
                "fit": note.fit,
                "exit": exitcode,
                "cause": cause,
                "detail": detail,
            },
        )


def anonymous_memory(pid: int) -> int:
    """Return the bytes of anonymous resident memory of a process; 0 when it is gone.

    Linux tells it as RssAnon; on other systems the unique set size of psutil comes closest.
    """
    if Path("/proc/self/status").exists():
        try:
            text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return 0
        for line in text.splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        return 0
    try:
        return int(psutil.Process(pid).memory_full_info().uss)
    except psutil.Error:
        return 0


def _oom_kills() -> int:
    """Return how often the kernel killed a process of this control group for memory."""
    try:
        lines = Path("/sys/fs/cgroup/memory.events").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
