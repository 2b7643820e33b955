"""How far a run is: one tally, and the ways of showing it.

The tally is fed by the pipeline and read by everything else: the bar on a terminal, the plain
lines of a log, the HTTP endpoint that the operator asks. It knows nothing of fits but counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

WARM_UP_TASKS = 5
"""Tasks that must be finished before a rate says anything."""


@dataclass(slots=True)
class Tally:
    """Counts of one run; updated by one thread, read by others."""

    clock: Callable[[], float] = time.monotonic
    stage: str = "reading"
    counts: dict[str, int] = field(
        default_factory=lambda: {
            "total": 0,
            "done": 0,
            "succeeded": 0,
            "notConverged": 0,
            "failed": 0,
            "skipped": 0,
            "reused": 0,
        }
    )
    workers: int = 0
    tasks_done: int = 0
    work_done: float = 0.0
    """Seconds of one worker that went into fits so far."""
    work_left: float = 0.0
    """Seconds of one worker that the rest is expected to take."""
    fitting_since: float | None = None
    fitting_until: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, stage: str) -> None:
        """Enter a stage of the pipeline."""
        with self._lock:
            if stage == "fitting":
                self.fitting_since = self.clock()
            elif self.fitting_since is not None and self.fitting_until is None:
                self.fitting_until = self.clock()
            self.stage = stage

    def add(self, statuses: Mapping[str, int], *, work: float = 0.0) -> None:
        """Count finished fits by status; `work` is what they took, in seconds of one worker."""
        with self._lock:
            for status, count in statuses.items():
                self.counts[status] += count
                if status != "reused":
                    self.counts["done"] += count
            self.tasks_done += 1
            self.work_done += work

    def fits_per_second(self) -> float | None:
        """Return the rate since fitting began, None before it means anything."""
        if self.fitting_since is None or self.tasks_done < WARM_UP_TASKS:
            return None
        seconds = (self.fitting_until or self.clock()) - self.fitting_since
        fresh = self.counts["done"] - self.counts["reused"]
        return fresh / seconds if seconds > 0 else None

    def seconds_left(self) -> float | None:
        """Return the forecast; models whose fits take longer weigh more."""
        if self.fitting_since is None or self.tasks_done < WARM_UP_TASKS or not self.work_done:
            return None
        seconds = self.clock() - self.fitting_since
        return seconds * self.work_left / self.work_done

    def document(self) -> dict[str, Any]:
        """Return what the endpoint /progress answers."""
        with self._lock:
            left = self.seconds_left()
            rate = self.fits_per_second()
            return {
                "stage": self.stage,
                "fits": dict(self.counts),
                "workers": self.workers,
                "fitsPerSecond": None if rate is None else round(rate, 1),
                "secondsLeft": None if left is None else round(left, 1),
            }


class Display(Protocol):
    """A way of showing the tally while the run goes on."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *error: object) -> None: ...

    def changed(self) -> None:
        """Show the tally again, if it is time."""

    def say(self, message: str) -> None:
        """Print a line that stays."""


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def changed(self) -> None:
        """Do nothing."""

    def say(self, message: str) -> None:
        """Do nothing."""


class Lines:
    """Plain lines for logs: one when the stage changes, one every few seconds of fitting."""

    def __init__(self, tally: Tally, write: Callable[[str], None], *, every: float = 10.0) -> None:
        """Write lines with `write`, at most one every `every` seconds in one stage."""
        self._tally, self._write, self._every = tally, write, every
        self._stage = ""
        self._last = float("-inf")

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def changed(self) -> None:
        """Write a line when the stage is new or the time has come."""
        tally = self._tally
        now = tally.clock()
        if tally.stage != self._stage:
            self._stage = tally.stage
        elif tally.stage != "fitting" or now - self._last < self._every:
            return
        self._last = now
        self._write(line(tally))

    def say(self, message: str) -> None:
        """Write the message."""
        self._write(message)


class Verbose(Lines):
    """Lines in the manner of joblib's verbose mode: one for every task."""

    def changed(self) -> None:
        """Write a line for every change."""
        self._write(line(self._tally))


class Bar:
    """The bar on a terminal."""

    def __init__(self, tally: Tally) -> None:
        """Draw on standard error, so that standard output stays for results."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._tally = tally
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[text]}"),
            console=Console(stderr=True),
            refresh_per_second=5,
            transient=True,
        )
        self._task = self._progress.add_task("reading", total=None, text="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def changed(self) -> None:
        """Update the bar; rich draws it five times a second."""
        tally = self._tally
        total = tally.counts["total"]
        self._progress.update(
            self._task,
            description=tally.stage,
            total=total or None,
            completed=tally.counts["done"],
            text=details(tally),
        )

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(message, highlight=False, markup=False)


def details(tally: Tally) -> str:
    """Return counts, rate, forecast and workers in one short line."""
    counts = tally.counts
    if not counts["total"]:
        return ""
    parts = [f"{counts['done']:,}/{counted(counts['total'], 'fit')}"]
    if counts["failed"]:
        parts.append(f"{counts['failed']:,} failed")
    if counts["reused"]:
        parts.append(f"{counts['reused']:,} reused")
    rate = tally.fits_per_second()
    if rate is not None:
        parts.append(f"{pace(rate)}/s")
    left = tally.seconds_left()
    if left is not None and tally.stage == "fitting":
        parts.append(f"{duration(left)} left")
    if tally.workers:
        parts.append(counted(tally.workers, "worker"))
    return " · ".join(parts)


def line(tally: Tally) -> str:
    """Return one line of a log."""
    text = details(tally)
    return f"{tally.stage}: {text}" if text else tally.stage


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 fit, 22,800 fits."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def pace(rate: float) -> str:
    """Return fits per second as people read them: 5,717, or 0.42 where they are slow."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def duration(seconds: float) -> str:
    """Return seconds as people say them: 8 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
