"""`make bench`: the naive program and ours side by side, and how far their numbers are apart.

The naive program is sampled in blocks between the runs of ours, so that a noisy machine slows
both; its time is scaled to all fits. Nothing here has a threshold: it prints.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks import naive
from benchmarks.measure import Cost, command
from benchmarks.pages import page_seconds
from benchmarks.workloads import WORKLOADS, Workload

BLOCKS = 4
NAIVE_FITS = 200
CACHE = Path(".cache/bench")
HEAD = (
    "| workload | naive s | ours s: all / bare / steady | ratio: all / bare / steady | "
    "ratio to naive with summary | CPU s | peak MiB runner / workers | largest difference |"
)


def document(workload: Workload, data: Path, *, audit: bool) -> dict[str, Any]:
    spec = json.loads(json.dumps(workload.spec).replace("{data}", str(data.resolve())))
    spec["execution"] = {"audit": "0.1%" if audit else "0%"}
    return {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": f"bench-{workload.number}"},
        "spec": spec,
    }


def naive_block(
    frames: list[pd.DataFrame], models: list[dict[str, Any]], function: Any
) -> list[float]:
    seconds = []
    for index, frame in enumerate(frames):
        began = time.perf_counter()
        function(frame, models[index % len(models)])
        seconds.append(time.perf_counter() - began)
    return seconds


def ours(workload: Workload, data: Path, *, report: bool, audit: bool) -> tuple[Cost, Path]:
    file = CACHE / f"bench-{workload.number}.yaml"
    file.write_text(yaml.safe_dump(document(workload, data, audit=audit)))
    out = CACHE / f"out-{workload.number}"
    shutil.rmtree(out, ignore_errors=True)
    arguments = [sys.executable, "-m", "modelrun", "run", str(file), "--to", str(out), "--quiet"]
    if not report:
        arguments.append("--no-report")
    return command(arguments, log=CACHE / f"log-{workload.number}.txt"), out


def largest_difference(
    out: Path, workload: Workload, frames: list[pd.DataFrame], picks: list[int]
) -> float:
    """Return the largest difference of estimates in units of max(|estimate|, std error)."""
    fits = pd.read_parquet(out / "fits.parquet", columns=["fit_key", "model"])
    table = pd.read_parquet(out / "coefficients.parquet")
    models = {model["name"]: model for model in workload.spec["models"]}
    name = min(models)
    keys = fits.loc[fits["model"] == name, "fit_key"].to_numpy()
    chosen = table[(table["model"] == name) & table["fit_key"].isin(keys[picks])]
    by_key = {key: part.set_index("term") for key, part in chosen.groupby("fit_key")}
    worst = 0.0
    for frame, pick in zip(frames, picks, strict=True):
        reference, _ = naive.fit(frame, models[name])
        part = by_key[keys[pick]].reindex(reference.index)
        unit = np.maximum(reference["estimate"].abs(), reference["std_error"])
        worst = max(worst, float(((part["estimate"] - reference["estimate"]).abs() / unit).max()))
    return worst


def measure(workload: Workload) -> dict[str, Any]:
    CACHE.mkdir(parents=True, exist_ok=True)
    data = CACHE / f"data-{workload.number}.parquet"
    if workload.make is not None and not data.exists():
        workload.make(data)
    assert workload.frames is not None
    slices = workload.fits // len(workload.spec["models"])
    picks = np.unique(np.linspace(0, slices - 1, NAIVE_FITS).astype(int)).tolist()
    wanted = set(picks)
    frames = [frame for i, frame in enumerate(workload.frames(data)) if i in wanted]
    models = workload.spec["models"]
    naive_block(frames[:3], models, naive.fit)
    naive_seconds: list[float] = []
    cold: list[Cost] = []
    bare: list[Cost] = []
    steady: list[float] = []
    out = CACHE
    for block in range(BLOCKS):
        naive_seconds += naive_block(frames[block::BLOCKS], models, naive.fit)
        if block % 2 == 0:
            cost, out = ours(workload, data, report=False, audit=False)
            bare.append(cost)
            timings = json.loads((out / "run.json").read_text())["timings"]
            steady.append(float(timings["fitting"]))
        else:
            cost, out = ours(workload, data, report=True, audit=True)
            cold.append(cost)
    with_summary = naive_block(frames[: NAIVE_FITS // 4], models, naive.with_summary)
    total = statistics.fmean(naive_seconds) * workload.fits
    best = min(cost.seconds for cost in bare)
    return {
        "number": workload.number,
        "workload": workload.name,
        "fits": workload.fits,
        "naiveSeconds": round(total, 1),
        "naiveMsPerFit": round(1000 * statistics.fmean(naive_seconds), 2),
        "naiveSpread": round(statistics.stdev(naive_seconds) / statistics.fmean(naive_seconds), 3),
        "everythingSeconds": round(min(cost.seconds for cost in cold), 2),
        "bareSeconds": round(best, 2),
        "steadySeconds": round(min(steady), 2),
        "ratioEverything": round(total / min(cost.seconds for cost in cold), 1),
        "ratioBare": round(total / best, 1),
        "ratioSteady": round(total / max(min(steady), 1e-9), 1),
        "ratioWithSummary": round(statistics.fmean(with_summary) * workload.fits / best, 1),
        "target": workload.target,
        "cpuSeconds": round(min(cost.cpu_seconds for cost in bare), 2),
        "runnerMiB": round(max(cost.runner_mib for cost in bare)),
        "workersMiB": round(max(cost.workers_mib for cost in bare)),
        "largestDifference": largest_difference(out, workload, frames, picks),
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = [HEAD, "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row['workload']} | {row['naiveSeconds']:,} | {row['everythingSeconds']} / "
            f"{row['bareSeconds']} / {row['steadySeconds']} | {row['ratioEverything']} / "
            f"**{row['ratioBare']}** / {row['ratioSteady']} | {row['ratioWithSummary']} | "
            f"{row['cpuSeconds']} | {row['runnerMiB']} / {row['workersMiB']} | "
            f"{row['largestDifference']:.1e} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the two workloads of a minute")
    parser.add_argument("--only", type=int, action="append", help="only workloads of this number")
    chosen = parser.parse_args()
    rows = []
    for workload in WORKLOADS:
        if chosen.only is not None and workload.number not in chosen.only:
            continue
        if chosen.quick and not workload.quick:
            continue
        print(f"measuring {workload.name} ...", file=sys.stderr, flush=True)
        rows.append(measure(workload))
        print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(
        f"\n{os.cpu_count()} cores, {len(rows)} workloads, naive: {NAIVE_FITS} fits each, scaled\n"
    )
    print(table(rows))
    (CACHE / "bench.json").write_text(json.dumps(rows, indent=2))
    if (CACHE / "out-1" / "report.pdf").exists():
        dear, cheap = page_seconds(CACHE / "out-1")
        print(
            f"\nCPU of a report page: {1000 * (dear or 0):.0f} ms with 30 panels, "
            f"{1000 * cheap:.0f} ms simple"
        )
    print(f"\n{CACHE / 'bench.json'}")


if __name__ == "__main__":
    main()
