"""The tables that `make bench` prints; the README has the newest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

_PROGRAMS = (
    "| # | workload | naive s | ours s: all / bare / steady | ratio: all / **bare** / steady "
    "| aim | with summary | CPU s | peak MiB: runner / workers | largest difference |"
)
_PEERS = (
    "| # | peer | does | fits timed | s for all | ours s, cold | ours is faster by "
    "| largest difference | same contract |"
)


def programs(rows: list[Row]) -> str:
    """Return the table of whole programs."""
    lines = [_PROGRAMS, "|---" * 10 + "|"]
    for row in rows:
        bare = row["bareSpread"]
        lines.append(
            f"| {row['number']} | {row['workload']} | {row['naiveSeconds']:,} | "
            f"{row['everythingSeconds']} / {row['bareSeconds']} ({bare[0]}-{bare[-1]}) / "
            f"{row['steadySeconds']} | {row['ratioEverything']} / **{row['ratioBare']}** / "
            f"{row['ratioSteady']} | {row['target']:.4g} | {row['ratioWithSummary']} | "
            f"{row['cpuSeconds']} | {row['runnerMiB']} / {row['workersMiB']} | "
            f"{row['largestDifference']:.1e} |"
        )
    return "\n".join(lines)


def stages(rows: list[Row], interpreter: float) -> str:
    """Return the table of where the time goes, and what would be left without the fitting."""
    names = ("process", "reading", "starting", "fitting", "tables")
    lines = [
        "Where the seconds of a run without report and audit go. *Process* is the interpreter with",
        f"its imports; one that imports numpy and pyarrow and does nothing takes {interpreter} s.",
        "",
        f"| # | workload | {' | '.join(names)} | ratio if fitting took nothing |",
        "|---" * (len(names) + 3) + "|",
    ]
    for row in rows:
        spent = row["stages"]
        rest = sum(seconds for name, seconds in spent.items() if name != "fitting")
        cells = _seconds(spent, names)
        lines.append(
            f"| {row['number']} | {row['workload']} | {cells} | {row['naiveSeconds'] / rest:.0f} |"
        )
    return "\n".join(lines)


def ideal(rows: list[Row]) -> str:
    """Return the table of slow estimators: one core against naive, all cores against one."""
    lines = [
        "All cores, as a share of that many times one core: on Dask, and in as many lone processes",
        "that do the same fits at once and share nothing, which is what the machine allows.",
        "",
        "| # | workload | naive ms a fit | ours | gain (aim) | on Dask (0.95) | lone |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['number']} | {row['workload']} | {row['naiveMsPerFit']} | "
        f"{row['ownMsPerFit']} | {row['gain']} ({row['gainTarget']}) | {row['ofIdeal']} | "
        f"{row['machineOfIdeal']} |"
        for row in rows
    ]
    return "\n".join(lines)


def cold(row: Row) -> str:
    """Return the table of one workload on each backend."""
    names = ("seconds", "cpuSeconds", "reading", "starting", "fitting", "tables")
    lines = [
        f"Workload {row['number']} on each backend, cold, without report and audit, in seconds.",
        "",
        f"| backend | whole run | CPU | {' | '.join(names[2:])} |",
        "|---" * (len(names) + 1) + "|",
    ]
    lines += [
        f"| {backend} | {_seconds(spent, names)} |" for backend, spent in row["backends"].items()
    ]
    return "\n".join(lines)


def _seconds(spent: Row, names: Sequence[str]) -> str:
    return " | ".join(f"{spent.get(name, 0.0):.2f}" for name in names)


def overhead(row: Row) -> str:
    """Return the line of fits that do nothing."""
    return (
        f"11. {row['fits']:,} fits that do nothing on Dask: {row['microseconds']} us a fit in "
        f"steady state (aim 20), tasks of {row['fitsPerTask']} fits, {row['milliseconds']} ms a "
        f"task, {row['startSeconds']} s until the workers are there"
    )


def large(row: Row) -> str:
    """Return the line of the largest panel."""
    head = (
        f"12. panel of {row['panelGiB']} GiB, just over half of {row['memoryGiB']} GiB of memory "
        f"(the machine has {row['machineGiB']})"
    )
    if "skipped" in row:
        return f"{head}: skipped, {row['skipped']}"
    if not row["completed"]:
        return f"{head}: not completed, {row['why']}"
    return (
        f"{head}: {row['fits']:,} fits in {row['bareSeconds']} s, of which reading and planning "
        f"{row['timings']['reading']} s; parquet alone reads it in {row['parquetSeconds']} s: "
        f"reading has {row['shareOfParquetReading']:.0%} of its speed (aim 70 %), the whole run "
        f"{row['shareOfParquet']:.0%}; runner at most {row['runnerMiB']:,} MiB, "
        f"{row['runnerAnonymousMiB']:,} of them not mapped files"
    )


def peers(rows: list[Row]) -> str:
    """Return the table of peers."""
    lines = [_PEERS, "|---" * 9 + "|"]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['number']} | {row['peer']} | {row['failed']} | | | | | | |")
            continue
        lines.append(
            f"| {row['number']} | {row['peer']} | {row['does']} | {row['fitsTimed']:,} | "
            f"{row['seconds']:,} | {row['ours']} | {row['faster']} | "
            f"{row['largestDifference']:.1e} | {'yes' if row['meets'] else 'no'} |"
        )
    return "\n".join(lines)
