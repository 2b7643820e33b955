"""A panel larger than half of memory: does a run complete, and what does it hold in memory?

The share of parquet's own speed is the time that reading all columns, row group by row group, and
keeping nothing takes, over the time of the first stage, which decodes and hashes all rows, and over
that of the whole run, which decodes them a second time to fit them.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from benchmarks import panels
from benchmarks.measure import MIB, command
from benchmarks.programs import timings, write_run
from benchmarks.workloads import by_formula, grouped

GIB = 1 << 30
ROOM = 1.2
"""Disk that is needed for the file, as a multiple of the panel."""


def measure(folder: Path, memory_gib: float | None) -> dict[str, Any]:
    """Return what the largest panel takes.

    Args:
        folder: Where the panel lies; removed afterwards.
        memory_gib: The memory that the panel is to be larger than half of; the machine's by
            default.
    """
    memory = psutil.virtual_memory().total if memory_gib is None else memory_gib * GIB
    size = 0.51 * memory
    row: dict[str, Any] = {
        "number": 12,
        "workload": "panel larger than half of memory",
        "memoryGiB": round(memory / GIB, 2),
        "machineGiB": round(psutil.virtual_memory().total / GIB, 2),
        "panelGiB": round(size / GIB, 2),
    }
    free = shutil.disk_usage(folder).free
    if free < ROOM * size:
        return row | {"skipped": f"{ROOM * size / GIB:.0f} GiB of disk are needed, "
                                 f"{free / GIB:.0f} are free"}  # fmt: skip
    if psutil.virtual_memory().available < 0.9 * memory:
        return row | {"skipped": "other programs hold more than a tenth of the memory"}
    data = folder / "data-12.parquet"
    try:
        groups = panels.large(data, size)
        return row | {"fits": groups} | _run(folder, data, memory)
    finally:
        data.unlink(missing_ok=True)
        shutil.rmtree(folder / "out-12", ignore_errors=True)


def _run(folder: Path, data: Path, memory: float) -> dict[str, Any]:
    began = time.perf_counter()
    with pq.ParquetFile(data) as rows:
        for part in range(rows.num_row_groups):
            rows.read_row_group(part)
    reading = time.perf_counter() - began
    file = write_run(12, grouped(by_formula("OLS", 5)), data, folder, audit="0%")
    out = folder / "out-12"
    arguments = [sys.executable, "-m", "modelrun", "run", str(file), "--to", str(out)]
    try:
        cost = command(
            [*arguments, "--quiet", "--no-report"],
            log=folder / "log-12.txt",
            memory_mib=0.85 * memory / MIB,
        )
    except MemoryError as error:
        return {"parquetSeconds": round(reading, 2), "completed": False, "why": str(error)}
    parts = timings(out)
    return {
        "completed": True,
        "parquetSeconds": round(reading, 2),
        "bareSeconds": round(cost.seconds, 2),
        "timings": parts,
        "shareOfParquet": round(reading / cost.seconds, 3),
        "shareOfParquetReading": round(reading / max(parts["reading"], 1e-3), 3),
        "cpuSeconds": round(cost.cpu_seconds, 1),
        "runnerMiB": round(cost.runner_mib),
        "runnerAnonymousMiB": round(cost.anonymous_mib),
        "anonymousOverPanel": round(cost.anonymous_mib * MIB / (0.51 * memory), 3),
    }
