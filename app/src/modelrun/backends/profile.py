"""Where the time goes: cProfile files of the runner and of each worker.

The files are those of the standard library, so that tuna, snakeviz and pstats open them.
"""

from __future__ import annotations

import cProfile
import marshal
import os
import pstats
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelrun.backends.backend import Payload, Work
from modelrun.plan.task import Task

_profiler: cProfile.Profile | None = None


def measure(work: Work, task: Task) -> Payload:
    """Run a task of this process under its profiler."""
    global _profiler
    if _profiler is None:
        _profiler = cProfile.Profile()
    return _profiler.runcall(work, task)


def collect() -> tuple[str, bytes]:
    """Return the name of this process and what its profiler has seen; for Client.run."""
    name = f"worker-{os.uname().nodename}-{os.getpid()}"
    if _profiler is None:
        return name, b""
    _profiler.create_stats()
    stats: dict[Any, Any] = _profiler.stats
    return name, marshal.dumps(stats)


def write(folder: Path, collected: Mapping[str, tuple[str, bytes]]) -> None:
    """Write one file per worker."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in collected.values():
        if raw:
            (folder / f"{name}.prof").write_bytes(raw)


@contextmanager
def runner(folder: Path) -> Iterator[None]:
    """Profile the runner's own thread into `runner.prof`."""
    folder.mkdir(parents=True, exist_ok=True)
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()
        profiler.dump_stats(folder / "runner.prof")


def top(folder: Path, count: int = 10) -> list[tuple[str, int, float, float]]:
    """Return the functions with most time of their own over all profiles of a folder.

    Returns:
        Rows of (function, calls, own seconds, seconds with callees), longest own time first.
    """
    files = sorted(str(file) for file in folder.glob("*.prof"))
    if not files:
        return []
    stats: dict[Any, Any] = pstats.Stats(*files).stats  # type: ignore[attr-defined]
    rows = [
        (_label(*where), calls, own, total) for where, (_, calls, own, total, _) in stats.items()
    ]
    return sorted(rows, key=lambda row: -row[2])[:count]


def _label(file: str, line: int, function: str) -> str:
    if file == "~":
        return function
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {function}"
