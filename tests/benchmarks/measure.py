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


def command(arguments: list[str], *, log: Path, limit: float = 3600) -> Cost:
    """Run a command to its end and return its cost.

    Raises:
        RuntimeError: It failed, with the end of what it printed.
    """
    before = os.times()
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT)
        peaks = [0.0, 0.0]
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, stop), daemon=True)
        watcher.start()
        code = process.wait(timeout=limit)
        seconds = time.perf_counter() - began
        stop.set()
        watcher.join(timeout=5)
    after = os.times()
    if code:
        tail = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}:\n{tail}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Cost(seconds, cpu, peaks[0] / MIB, peaks[1] / MIB)


def _watch(pid: int, peaks: list[float], stop: threading.Event) -> None:
    while not stop.wait(0.1):
        try:
            process = psutil.Process(pid)
            peaks[0] = max(peaks[0], process.memory_info().rss)
            children = sum(_rss(child) for child in process.children(recursive=True))
            peaks[1] = max(peaks[1], children)
        except psutil.Error:
            continue


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0
