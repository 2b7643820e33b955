"""`make bench`: the naive program and ours side by side, and how far their numbers are apart.

Nothing here has a threshold: it prints, and writes the same as JSON. Rows of earlier calls are
kept in the JSON, so that workloads can be measured one by one (`--only 3`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks import cold, large, naive, peers, programs, steady, table
from benchmarks.pages import page_seconds
from benchmarks.workloads import workloads
from modelrun.backends import machine, overhead

CACHE = Path(".cache/bench")
OVERHEAD_FITS_PER_TASK = 2_000
ON_EACH_BACKEND = 1
"""The workload that is run on every backend."""


def processor() -> str:
    """Return the name of the processor, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def interpreter() -> float:
    """Return the seconds of a process that imports what every run needs, and does nothing."""
    command = [sys.executable, "-c", "import numpy, pyarrow.parquet"]

    def once() -> float:
        began = time.perf_counter()
        subprocess.run(command, check=True, timeout=60)
        return time.perf_counter() - began

    return round(min(once() for _ in range(5)), 2)


def no_fits() -> dict[str, Any]:
    """Measure fits that do nothing."""
    found = min(
        (overhead.measure(fits_per_task=OVERHEAD_FITS_PER_TASK) for _ in range(3)),
        key=lambda each: each.seconds,
    )
    return {
        "number": 11,
        "fits": 100_000,
        "fitsPerTask": OVERHEAD_FITS_PER_TASK,
        "microseconds": round(found.microseconds_per_fit, 1),
        "milliseconds": round(found.milliseconds_per_task, 2),
        "startSeconds": round(found.start_seconds, 2),
    }


class Results:
    """The measured rows, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Any]] = {}
        if path.exists():
            self._rows = json.loads(path.read_text())["rows"]

    def add(self, kind: str, row: dict[str, Any], name: str = "") -> None:
        row = row | {"loadBefore": round(os.getloadavg()[0], 1)}
        self._rows[f"{kind}-{row['number']}{name}"] = row | {"kind": kind}
        machine_ = {
            "cores": machine.processors(),
            "processor": processor(),
            "memoryGiB": round(psutil.virtual_memory().total / large.GIB, 1),
        }
        self._path.write_text(json.dumps(machine_ | {"rows": self._rows}, indent=2))

    def of(self, kind: str) -> list[dict[str, Any]]:
        found = [row for row in self._rows.values() if row["kind"] == kind]
        return sorted(found, key=lambda row: row["number"])


def show(results: Results) -> None:
    """Print all tables."""
    print(f"\n{machine.processors()} cores ({processor()})\n")
    if results.of("program"):
        print(table.programs(results.of("program")))
        print("\n" + table.stages(results.of("program"), interpreter()))
    if results.of("ideal"):
        print("\n" + table.ideal(results.of("ideal")))
    for row in results.of("cold"):
        print("\n" + table.cold(row))
    for row in results.of("overhead"):
        print("\n" + table.overhead(row))
    for row in results.of("large"):
        print("\n" + table.large(row))
    if results.of("peer"):
        print("\n" + table.peers(results.of("peer")))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what takes three minutes")
    parser.add_argument("--only", type=int, action="append", help="only workloads of this number")
    parser.add_argument("--memory", type=float, help="GiB that workload 12 takes for the machine's")
    parser.add_argument("--peers", metavar="PYTHON", help="also measure peers with this Python")
    chosen = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    results = Results(CACHE / ("quick.json" if chosen.quick else "bench.json"))
    cores = machine.processors()
    naive.quiet()

    def wanted(number: int, *, quick: bool = False) -> bool:
        return (chosen.only is None or number in chosen.only) and (quick or not chosen.quick)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    for workload in workloads(cores, CACHE):
        if not wanted(workload.number, quick=workload.quick):
            continue
        if chosen.peers is None:
            say(f"measuring {workload.name} ...")
            row = programs.measure(workload, CACHE)
            results.add("program", row)
            say(table.programs([row]).splitlines()[-1])
            if workload.gain is not None:
                row = {"number": workload.number, "workload": workload.name}
                row |= steady.measure(workload, CACHE, cores)
                results.add("ideal", row)
                say(table.ideal([row]).splitlines()[-1])
            if workload.number == ON_EACH_BACKEND:
                results.add("cold", cold.measure(workload, CACHE))
            continue
        for number, peer in peers.catalogue():
            if number == workload.number:
                say(f"measuring {peer} on {workload.name} ...")
                row = peers.measure(workload, peer, CACHE, chosen.peers)
                results.add("peer", row, f"-{peer}")
                say(table.peers([row]).splitlines()[-1])
    if chosen.peers is None and wanted(11, quick=True):
        results.add("overhead", no_fits())
    if chosen.peers is None and wanted(12):
        results.add("large", large.measure(CACHE, chosen.memory))
    show(results)
    if (CACHE / "out-1" / "report.pdf").exists():
        dear, cheap = page_seconds(CACHE / "out-1")
        print(
            f"\nCPU of a report page: {1000 * (dear or 0):.0f} ms with 30 panels, "
            f"{1000 * cheap:.0f} ms simple"
        )


if __name__ == "__main__":
    main()
