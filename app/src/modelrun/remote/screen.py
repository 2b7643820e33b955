"""What a person wants to see of a run, on one screen: phase, fits, what failed, workers, cost.

Text from the cluster is shown as text: nothing in it is taken for markup. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from modelrun.remote.advice import Answer, answer
from modelrun.remote.course import conditions, time_line
from modelrun.remote.seen import Seen
from modelrun.remote.spoken import duration, money
from modelrun_api.phase import Phase
from modelrun_api.status import ForecastStatus, ModelRunStatus

BAR_WIDTH: Final = 36
SHOWN_FAILURES: Final = 5

STYLES: Final[dict[Phase, str]] = {
    Phase.RUNNING: "cyan",
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    Phase.SUSPENDED: "yellow",
}


def screen(run: Seen, *, now: datetime, watching: bool = False) -> Group:
    """Return the display of one run.

    Args:
        run: a look at the run.
        now: the time, in UTC.
        watching: whether it is shown again at every change, until the run ends.
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
    if watching and not why.blocked and not run.finished:
        parts.append(Text("Ctrl-C ends this display only; the run goes on", style="dim"))
    elif why.next_step:
        parts.append(Text.assemble(("next: ", "bold"), _code(why.next_step)))
    return Group(*parts)


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
        Text(f"{fits.done:,} of {fits.total:,} fits ({percent(status)} %)"),
    )
    return bar


def progress(status: ModelRunStatus, now: datetime) -> str:
    """Return what the runner does, how fast, and how long it will take; empty before and after."""
    told = status.progress
    if told is None or status.phase is not Phase.RUNNING:
        return ""
    said = [told.stage] if told.stage else []
    if told.fits_per_second:
        said.append(f"{told.fits_per_second:,} fits a second")
    if told.estimated_completion_time is not None:
        left = (told.estimated_completion_time - now).total_seconds()
        said.append(f"about {duration(left)} left" if left > 0 else "nearly done")
    return ", ".join(said)


def percent(status: ModelRunStatus) -> int:
    """Return the share of fits that are done."""
    fits = status.fits
    return 100 * fits.done // fits.total if fits is not None and fits.total else 0


def _rows(run: Seen, now: datetime) -> Iterator[tuple[str, RenderableType]]:
    status = run.status
    doing = progress(status, now)
    if doing:
        yield "progress", Text(doing)
    if status.forecast is not None and status.forecast.fits and not doing and not run.verdict:
        yield "forecast", Text(_forecast(status.forecast))
    if status.fits is not None and status.fits.total:
        yield "fits", _fits(status)
    if status.failures:
        yield "failures", _failures(status)
    if status.cluster is not None and status.cluster.workers.desired and not run.finished:
        yield "workers", Text(_workers(status, going=run.verdict is not None))
    if status.last_attempt is not None and status.attempts > status.last_attempt.number:
        yield "attempts", Text(_attempts(status))
    if status.cost is not None:
        yield "cost", Text(_cost(run))
    if status.results is not None and status.results.uri:
        yield "results", Text(status.results.uri)
    if status.results is not None and status.results.report:
        yield "report", Text(status.results.report)
    if status.results is not None and status.results.logs:
        yield "logs", _code(f"the last lines are kept: `modelrun logs {run.name}`")
    times = time_line(status.times)
    if times:
        yield "times", Text(times)
    if status.conditions:
        yield "conditions", conditions(status.conditions, now=now)


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


def _forecast(told: ForecastStatus) -> str:
    said = f"{told.fits:,} fits"
    if told.stored:
        said += f", {told.stored:,} of them stored already"
    if told.seconds is not None:
        said += f"; fitting takes about {duration(told.seconds)}"
        if told.nodes:
            said += f" on {_nodes(told.nodes)}"
    return said


def _workers(status: ModelRunStatus, *, going: bool) -> str:
    cluster = status.cluster
    assert cluster is not None
    workers = cluster.workers
    if going or status.phase is Phase.WINDING_DOWN:
        return f"{workers.ready} of {workers.desired} left"
    least = f", at least {workers.minimum} to start" if workers.ready < workers.minimum else ""
    return f"{workers.ready} of {workers.desired} ready on {_nodes(cluster.nodes)}{least}"


def _attempts(status: ModelRunStatus) -> str:
    last = status.last_attempt
    assert last is not None
    why = f": {last.message}" if last.message else ""
    return f"{status.attempts}; number {last.number} ended by {last.reason}{why}"


def _nodes(count: int) -> str:
    return f"{count} node{'s' if count != 1 else ''}"


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


def _code(text: str) -> Text:
    """Return a sentence in which commands between backticks stand out."""
    shown = Text()
    for position, part in enumerate(text.split("`")):
        shown.append(f"`{part}`" if position % 2 else part, style="cyan" if position % 2 else "")
    return shown
