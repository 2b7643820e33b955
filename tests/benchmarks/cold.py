"""One workload, cold, on each backend: what threads and worker processes cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import programs
from benchmarks.workload import Workload

BACKENDS = ("serial", "threads", "dask")
TURNS = 5


def measure(workload: Workload, folder: Path) -> dict[str, Any]:
    """Return the seconds of whole runs without report and audit, and of their parts, by backend.

    Backends take turns; the turn in the middle counts.
    """
    turns: dict[str, list[dict[str, float]]] = {backend: [] for backend in BACKENDS}
    for _ in range(TURNS):
        for backend in BACKENDS:
            cost, out = programs.ours(workload, folder, everything=False, backend=backend)
            spent = {"seconds": cost.seconds, "cpuSeconds": cost.cpu_seconds}
            turns[backend].append(spent | programs.timings(out))
    return {
        "number": workload.number,
        "workload": workload.name,
        "backends": {
            backend: sorted(found, key=lambda turn: turn["seconds"])[TURNS // 2]
            for backend, found in turns.items()
        },
    }
