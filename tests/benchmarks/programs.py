"""Whole programs side by side: blocks of the naive program with runs of ours between them.

A noisy machine slows both; the naive program's time is scaled from the sampled fits to all, and
begins like ours with an interpreter and its imports.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import naive
from benchmarks.difference import Sample, largest_difference
from benchmarks.measure import Cost, command
from benchmarks.workload import Workload


def write(workload: Workload, folder: Path, *, audit: bool) -> Path:
    """Write the file of a workload, and its data where they are not there; return the file."""
    data = folder / f"data-{workload.number}.parquet"
    if workload.make is not None and not data.exists():
        workload.make(data)
    return write_run(workload.number, workload.spec, data, folder, audit="0.1%" if audit else "0%")


def write_run(number: int, spec: dict[str, Any], data: Path, folder: Path, *, audit: str) -> Path:
    """Write the file of a run; `{data}` in its spec stands for the path of the data."""
    spec = json.loads(json.dumps(spec).replace("{data}", str(data.resolve())))
    document = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": f"bench-{number}"},
        "spec": spec | {"execution": {"audit": audit}},
    }
    file = folder / f"bench-{number}.yaml"
    file.write_text(json.dumps(document, indent=1))  # YAML as well, with every text in quotes
    return file


def sampled(workload: Workload, folder: Path) -> list[tuple[int, pd.DataFrame]]:
    """Return slices for all blocks of the naive program, spread over the tables."""
    count = min(workload.slices, workload.naive_fits * workload.blocks)
    picks = np.unique(np.linspace(0, workload.slices - 1, count).astype(int)).tolist()
    data = folder / f"data-{workload.number}.parquet"
    return list(zip(picks, workload.frames(data, picks), strict=True))


def naive_block(
    slices: list[tuple[int, pd.DataFrame]], models: list[dict[str, Any]]
) -> tuple[float, list[Sample]]:
    """Fit a block with a loop and one concat; return seconds per fit and the coefficients."""
    found: list[Sample] = []
    rows = []
    began = time.perf_counter()
    for number, (pick, frame) in enumerate(slices):
        model = models[number % len(models)]
        coefficients, row = naive.fit(frame, model)
        found.append((model["name"], pick, coefficients))
        rows.append(row)
    pd.concat([coefficients for _, _, coefficients in found])
    pd.DataFrame(rows)
    return (time.perf_counter() - began) / len(slices), found


def naive_start(folder: Path) -> float:
    """Return the seconds until the naive program has what it imports."""
    return command([sys.executable, "-c", naive.IMPORTS], log=folder / "log-naive.txt").seconds


def summaries(slices: list[tuple[int, pd.DataFrame]], models: list[dict[str, Any]]) -> float:
    """Return seconds per fit of the variant that prints summaries."""
    began = time.perf_counter()
    for number, (_, frame) in enumerate(slices):
        naive.with_summary(frame, models[number % len(models)])
    return (time.perf_counter() - began) / len(slices)


def ours(
    workload: Workload, folder: Path, *, everything: bool, backend: str | None = None
) -> tuple[Cost, Path]:
    """Run our program cold, with report and audit or without both; return cost and tables."""
    file = write(workload, folder, audit=everything)
    out = folder / f"out-{workload.number}"
    shutil.rmtree(out, ignore_errors=True)
    arguments = [sys.executable, "-m", "modelrun", "run", str(file), "--to", str(out), "--quiet"]
    if not everything:
        arguments.append("--no-report")
    if backend is not None:
        arguments += ["--backend", backend]
    return command(arguments, log=folder / f"log-{workload.number}.txt"), out


def timings(out: Path) -> dict[str, float]:
    """Return the seconds of each part of a run, as it says itself."""
    said: dict[str, float] = json.loads((out / "run.json").read_text())["timings"]
    return said


def measure(workload: Workload, folder: Path) -> dict[str, Any]:
    """Return what a workload takes, naive and ours."""
    write(workload, folder, audit=False)
    slices, models = sampled(workload, folder), workload.models
    naive_block(slices[:3], models)
    started: list[float] = []
    plain: list[float] = []
    printed: list[float] = []
    samples: list[Sample] = []
    cold: list[Cost] = []
    bare: list[Cost] = []
    parts: list[dict[str, float]] = []
    out = folder
    for block in range(workload.blocks):
        mine = slices[block :: workload.blocks]
        started.append(naive_start(folder))
        seconds, found = naive_block(mine, models)
        plain.append(seconds)
        samples += found
        cost, out = ours(workload, folder, everything=False)
        bare.append(cost)
        parts.append(timings(out))
        printed.append(summaries(mine[: max(4, len(mine) // 4)], models))
        cost, out = ours(workload, folder, everything=True)
        cold.append(cost)
    start = statistics.median(started)
    return {
        "number": workload.number,
        "workload": workload.name,
        "fits": workload.fits,
        "target": workload.target,
        "naiveFitsSampled": len(samples),
        **_row(
            start,
            statistics.median(plain) * workload.fits,
            plain,
            bare,
            cold,
            [each["fitting"] for each in parts],
        ),
        "stages": _stages(bare, parts),
        "ratioWithSummary": round(
            (start + statistics.median(printed) * workload.fits)
            / statistics.median(_seconds(bare)),
            1,
        ),
        "largestDifference": largest_difference(out, samples),
    }


def _row(
    start: float,
    fits: float,
    plain: list[float],
    bare: list[Cost],
    cold: list[Cost],
    steady: list[float],
) -> dict[str, Any]:
    everything, without = statistics.median(_seconds(cold)), statistics.median(_seconds(bare))
    fitting = max(statistics.median(steady), 1e-3)
    total = start + fits
    return {
        "naiveSeconds": round(total, 1),
        "naiveStartSeconds": round(start, 2),
        "naiveMsPerFit": [round(1000 * seconds, 2) for seconds in plain],
        "everythingSeconds": round(everything, 2),
        "bareSeconds": round(without, 2),
        "steadySeconds": round(fitting, 3),
        "everythingSpread": [round(seconds, 2) for seconds in sorted(_seconds(cold))],
        "bareSpread": [round(seconds, 2) for seconds in sorted(_seconds(bare))],
        "ratioEverything": round(total / everything, 1),
        "ratioBare": round(total / without, 1),
        "ratioBareBest": round(total / min(_seconds(bare)), 1),
        "ratioSteady": round(fits / fitting, 1),
        "cpuSeconds": round(statistics.median(cost.cpu_seconds for cost in bare), 2),
        "runnerMiB": round(max(cost.runner_mib for cost in bare)),
        "runnerAnonymousMiB": round(max(cost.anonymous_mib for cost in bare)),
        "workersMiB": round(max(cost.workers_mib for cost in bare)),
    }


def _stages(bare: list[Cost], timings: list[dict[str, float]]) -> dict[str, float]:
    """Return where the seconds of the run in the middle went; the process is what no stage is."""
    middle = sorted(range(len(bare)), key=lambda at: bare[at].seconds)[len(bare) // 2]
    stages = {name: seconds for name, seconds in timings[middle].items() if name != "total"}
    return {"process": round(bare[middle].seconds - timings[middle]["total"], 3), **stages}


def _seconds(costs: list[Cost]) -> list[float]:
    return [cost.seconds for cost in costs]
