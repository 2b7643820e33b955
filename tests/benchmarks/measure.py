"""Measuring a command: wall time, CPU seconds and peak memory of all its processes."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1 << 20


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    seconds: float
    cpu_seconds: float
    runner_mib: float
    """Peak resident memory of the process itself."""

    workers_mib: float
    """Peak resident memory of its children together."""

    anonymous_mib: float
    """Peak memory of the process itself without mapped files, which the system takes back."""


def command(
    arguments: list[str], *, log: Path, limit: float = 3600, memory_mib: float | None = None
) -> Cost:
    """Run a command to its end and return its cost.

    Args:
        arguments: The command.
        log: Where its output goes.
        limit: Seconds after which it is stopped.
        memory_mib: Anonymous memory beyond which it is stopped, to spare the machine.

    Raises:
        MemoryError: It was stopped for its memory.
        RuntimeError: It failed, with the end of what it printed.
    """
    before = os.times()
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT)
        watch = _Watch(process, memory_mib)
        try:
            code = process.wait(timeout=limit)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - began
        watch.end()
    after = os.times()
    if watch.stopped:
        raise MemoryError(f"stopped at {watch.anonymous / MIB:,.0f} MiB of memory")
    if code:
        tail = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}:\n{tail}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Cost(seconds, cpu, watch.runner / MIB, watch.workers / MIB, watch.anonymous / MIB)


class _Watch:
    """Looks at a process ten times a second."""

    def __init__(self, process: subprocess.Popen[bytes], memory_mib: float | None) -> None:
        self.runner = self.workers = self.anonymous = 0.0
        self.stopped = False
        self._process = process
        self._most = None if memory_mib is None else memory_mib * MIB
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            try:
                process = psutil.Process(self._process.pid)
                memory = process.memory_info()
                self.runner = max(self.runner, memory.rss)
                self.anonymous = max(self.anonymous, memory.rss - getattr(memory, "shared", 0))
                children = sum(_resident(child) for child in process.children(recursive=True))
                self.workers = max(self.workers, children)
            except psutil.Error:
                continue
            if self._most is not None and self.anonymous > self._most:
                self.stopped = True
                self._process.kill()
                return


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0
