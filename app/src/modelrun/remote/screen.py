"""What a person wants to see of a run, on one screen: phase, fits, what failed, workers, cost.

Text from the cluster is shown as text: nothing in it is taken for markup. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from modelrun.remote.advice import Answer, answer
from modelrun.remote.seen import Seen
from modelrun.remote.spoken import duration, money
from modelrun_api.conditions import Condition, ConditionType
from modelrun_api.phase import Phase
from modelrun_api.status import ModelRunStatus, Times

BAR_WIDTH: Final = 36
SHOWN_FAILURES: Final = 5

STYLES: Final[dict[Phase, str]] = {
    Phase.RUNNING: "cyan",
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    Phase.SUSPENDED: "yellow",
}

_BAD: Final = frozenset({ConditionType.BLOCKED, ConditionType.FAILED})
_NEUTRAL: Final = frozenset({ConditionType.SUSPENDED})


def screen(run: Seen, *, now: datetime) -> Group:
    """Return the display of one run.

    Args:
        run: a look at the run.
        now: the time, in UTC.
    """
    status = run.status
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for title, content in _rows(run, now):
        rows.add_row(title, content)
    parts: list[RenderableType] = [_head(run, now)]
    bar = _bar(status)
    if bar is not None:
        parts.append(bar)
    parts.append(rows)
    why = answer(run, now=now)
    style = "red" if run.phase is Phase.FAILED else "yellow" if why.blocked else "dim"
    parts.append(Text(f"{why.headline}", style=style))
    if why.message:
        parts.append(Padding(Text(why.message), (0, 0, 0, 2)))
    if why.next_step:
        parts.append(Text.assemble(("next: ", "bold"), _code(why.next_step)))
    return Group(*parts)


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
    shown.add_column("", overflow="fold", style="yellow")
    for run in runs:
        status = run.status
        fits, cost, cluster = status.fits, status.cost, status.cluster
        why = answer(run, now=now)
        shown.add_row(
            *([Text(run.namespace)] if everywhere else []),
            Text(run.name),
            Text(run.phase, style=STYLES.get(run.phase, "")),
            f"{fits.done:,}/{fits.total:,}" if fits is not None else "",
            str(_percent(status)) if fits is not None and fits.total else "",
            f"{fits.failed:,}" if fits is not None and fits.failed else "",
            f"{cluster.workers.ready}/{cluster.workers.desired}"
            if cluster is not None and not run.finished
            else "",
            money(cost.so_far, cost.currency) if cost is not None else "",
            duration((now - run.created).total_seconds()),
            Text(why.reason if why.blocked else ""),
        )
    return shown


def reasons(run: Seen, said: Answer) -> Group:
    """Return the display of why a run is not further."""
    style = "red" if run.phase is Phase.FAILED else "yellow" if said.blocked else "green"
    parts: list[RenderableType] = [
        Text.assemble((run.name, "bold"), f"  {run.phase}  ", (said.headline, style))
    ]
    if said.message:
        parts.append(Padding(Text(said.message), (0, 0, 0, 2)))
    if said.next_step:
        parts.append(Text.assemble(("next: ", "bold"), _code(said.next_step)))
    return Group(*parts)


def line(run: Seen, *, now: datetime) -> str:
    """Return a run as one line, for terminals that are none."""
    status = run.status
    said = [run.name, str(run.phase)]
    if status.fits is not None and status.fits.total:
        said.append(f"{status.fits.done:,}/{status.fits.total:,} fits ({_percent(status)} %)")
    if status.fits is not None and status.fits.failed:
        said.append(f"{status.fits.failed:,} failed")
    if status.cluster is not None and not run.finished:
        said.append(f"{status.cluster.workers.ready}/{status.cluster.workers.desired} workers")
    if status.cost is not None:
        said.append(money(status.cost.so_far, status.cost.currency))
    why = answer(run, now=now)
    if why.blocked:
        said.append(why.headline)
    return "  ".join(said)


def _head(run: Seen, now: datetime) -> Text:
    cluster = run.spec.get("cluster") or {}
    about = [run.namespace, str(cluster.get("profileName") or "no profile")]
    about.append(f"{duration((now - run.created).total_seconds())} old")
    if run.status.attempts > 1:
        about.append(f"attempt {run.status.attempts}")
    return Text.assemble(
        (run.name, "bold"),
        "  ",
        (f"● {run.phase}", STYLES.get(run.phase, "yellow")),
        ("  (being deleted)" if run.deleting else "", "red"),
        (f"  {' · '.join(about)}", "dim"),
    )


def _bar(status: ModelRunStatus) -> Table | None:
    fits = status.fits
    if fits is None or not fits.total:
        return None
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=fits.total, completed=fits.done, width=BAR_WIDTH),
        Text(f"{fits.done:,} of {fits.total:,} fits ({_percent(status)} %)"),
    )
    return bar


def _progress(status: ModelRunStatus, now: datetime) -> str:
    progress = status.progress
    if progress is None or status.phase is not Phase.RUNNING:
        return ""
    said = [progress.stage] if progress.stage else []
    if progress.fits_per_second:
        said.append(f"{progress.fits_per_second:,} fits a second")
    if progress.estimated_completion_time is not None:
        left = (progress.estimated_completion_time - now).total_seconds()
        said.append(f"about {duration(left)} left" if left > 0 else "nearly done")
    return ", ".join(said)


def _percent(status: ModelRunStatus) -> int:
    fits = status.fits
    return 100 * fits.done // fits.total if fits is not None and fits.total else 0


def _rows(run: Seen, now: datetime) -> Iterator[tuple[str, RenderableType]]:
    status = run.status
    progress = _progress(status, now)
    if progress:
        yield "progress", Text(progress)
    if status.fits is not None and status.fits.total:
        yield "fits", _fits(status)
    if status.failures:
        yield "failures", _failures(status)
    if status.cluster is not None and not run.finished:
        workers = status.cluster.workers
        least = f", at least {workers.minimum}" if workers.ready < workers.minimum else ""
        nodes = f"{status.cluster.nodes} node{'s' if status.cluster.nodes != 1 else ''}"
        yield "workers", Text(f"{workers.ready} of {workers.desired} ready on {nodes}{least}")
    if status.cost is not None:
        yield "cost", Text(_cost(run))
    if status.results is not None and status.results.uri:
        yield "results", Text(status.results.uri)
    if status.results is not None and status.results.report:
        yield "report", Text(status.results.report)
    times = _times(status.times)
    if times:
        yield "times", Text(times)
    if status.conditions:
        yield "conditions", _conditions(status.conditions, now)


def _fits(status: ModelRunStatus) -> Text:
    fits = status.fits
    assert fits is not None
    said = Text()
    for count, word, style in (
        (fits.succeeded, "succeeded", "green"),
        (fits.not_converged, "not converged", "yellow"),
        (fits.failed, "failed", "red"),
        (fits.skipped, "skipped", "dim"),
        (fits.reused, "reused", "dim"),
    ):
        if count:
            said.append(f"{', ' if said else ''}")
            said.append(f"{count:,} {word}", style=style)
    return said or Text("none yet", style="dim")


def _failures(status: ModelRunStatus) -> Table:
    shown = Table.grid(padding=(0, 2))
    shown.add_column(justify="right", style="red")
    shown.add_column(no_wrap=True)
    shown.add_column(style="dim", overflow="fold")
    for group in status.failures[:SHOWN_FAILURES]:
        shown.add_row(f"{group.count:,}", Text(group.reason), Text(group.example))
    left = len(status.failures) - SHOWN_FAILURES
    if left > 0:
        shown.add_row("", f"and {left} more reasons", "")
    return shown


def _cost(run: Seen) -> str:
    cost = run.status.cost
    assert cost is not None
    said = money(cost.so_far, cost.currency) + ("" if run.finished else " so far")
    if cost.estimated is not None:
        said += f", {money(cost.estimated, cost.currency)} estimated"
    budget = run.spec.get("budget")
    if budget:
        said += f", budget {money(budget['amount'], budget.get('currency', cost.currency))}"
    return said


def _times(times: Times) -> str:
    """Return the time line: the first moment, and the seconds from each to the next."""
    known = [
        (name.replace("_", " "), moment)
        for name, moment in ((name, getattr(times, name)) for name in type(times).model_fields)
        if moment is not None
    ]
    known.sort(key=lambda pair: pair[1])
    if not known:
        return ""
    said = [f"{known[0][0]} {known[0][1].astimezone():%H:%M:%S}"]
    for (_, before), (name, moment) in pairwise(known):
        said.append(f"{name} +{duration((moment - before).total_seconds())}")
    return " → ".join(said)


def _conditions(conditions: tuple[Condition, ...], now: datetime) -> Table:
    shown = Table.grid(padding=(0, 2))
    for one in conditions:
        good = (one.status == "True") != (one.type in _BAD)
        sign, style = ("✓", "green") if good else ("✗", "red" if one.type in _BAD else "yellow")
        if one.status == "Unknown" or one.type in _NEUTRAL:
            sign, style = ("…" if one.status == "Unknown" else "·"), "dim"
        since = duration((now - one.last_transition_time).total_seconds())
        shown.add_row(
            Text(sign, style=style),
            Text(one.type if one.status == "True" else f"{one.type}: {one.status}"),
            Text(one.reason, style="dim"),
            Text(since, style="dim"),
        )
    return shown


def _code(text: str) -> Text:
    """Return a sentence in which commands between backticks stand out."""
    shown = Text()
    for position, part in enumerate(text.split("`")):
        shown.append(f"`{part}`" if position % 2 else part, style="cyan" if position % 2 else "")
    return shown
