"""Many runs in a list, and one run as a line: what fits beside others.

Text from the cluster is shown as text: nothing in it is taken for markup. Nothing is asked here.
"""

from __future__ import annotations

from datetime import datetime

from rich.table import Table
from rich.text import Text

from modelrun.remote.advice import answer
from modelrun.remote.screen import STYLES, percent, progress
from modelrun.remote.seen import Seen
from modelrun.remote.spoken import duration, money
from modelrun_api.phase import Phase


def table(runs: list[Seen], *, now: datetime, everywhere: bool = False) -> Table:
    """Return the list of runs."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    if everywhere:
        shown.add_column("namespace")
    for title, side in (
        ("name", "left"), ("phase", "left"), ("fits", "right"), ("%", "right"),
        ("failed", "right"), ("workers", "right"), ("cost", "right"), ("age", "right"),
    ):  # fmt: skip
        shown.add_column(title, justify=side, no_wrap=True)  # type: ignore[arg-type]
    shown.add_column("", no_wrap=True, overflow="ellipsis", style="yellow")
    for run in runs:
        status = run.status
        fits, cost, cluster = status.fits, status.cost, status.cluster
        why = answer(run, now=now)
        shown.add_row(
            *([Text(run.namespace)] if everywhere else []),
            Text(run.name),
            Text(run.phase, style=STYLES.get(run.phase, "")),
            f"{fits.done:,}/{fits.total:,}" if fits is not None else "",
            str(percent(status)) if fits is not None and fits.total else "",
            f"{fits.failed:,}" if fits is not None and fits.failed else "",
            f"{cluster.workers.ready}/{cluster.workers.desired}"
            if cluster is not None and not run.finished
            else "",
            money(cost.so_far, cost.currency) if cost is not None else "",
            duration((now - run.created).total_seconds()),
            Text("" if run.phase is Phase.SUSPENDED or not why.blocked else why.reason),
        )
    return shown


def line(run: Seen, *, now: datetime) -> str:
    """Return a run as one line, for what is no terminal: the same as long as nothing happens."""
    status = run.status
    said = [run.name, str(run.phase)]
    if status.fits is not None and status.fits.total:
        said.append(f"{status.fits.done:,}/{status.fits.total:,} fits ({percent(status)} %)")
    if status.fits is not None and status.fits.failed:
        said.append(f"{status.fits.failed:,} failed")
    doing = progress(status, now)
    if doing:
        said.append(doing)
    if status.cluster is not None and status.cluster.workers.desired and not run.finished:
        said.append(f"{status.cluster.workers.ready}/{status.cluster.workers.desired} workers")
    if status.cost is not None:
        said.append(money(status.cost.so_far, status.cost.currency))
    why = answer(run, now=now)
    if why.blocked:
        said.append(f"{why.reason}: {why.message}" if why.message else why.reason)
    return "  ".join(said).replace("\n", "; ")
