"""The course of a run on its screen: the time line, and the conditions with their signs."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Final

from rich.table import Table
from rich.text import Text

from modelrun.remote.spoken import duration
from modelrun_api.conditions import Condition, ConditionType
from modelrun_api.status import Times

_BAD: Final = frozenset({ConditionType.BLOCKED, ConditionType.FAILED})
_NEUTRAL: Final = frozenset({ConditionType.SUSPENDED})
_TELLING_WHEN_TRUE: Final = _BAD | _NEUTRAL | {ConditionType.COMPLETE}
_GATES: Final = frozenset({ConditionType.ACCEPTED, ConditionType.PREFLIGHTED})


def time_line(times: Times) -> str:
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


def conditions(told: tuple[Condition, ...], *, now: datetime) -> Table:
    """Return the display of those conditions that say something."""
    shown = Table.grid(padding=(0, 2))
    for one in told:
        if one.status == "False" and one.type in _TELLING_WHEN_TRUE:
            continue
        sign, style = _sign(one)
        since = duration((now - one.last_transition_time).total_seconds())
        shown.add_row(
            Text(sign, style=style),
            Text(one.type if one.status == "True" else f"{one.type}: {one.status}"),
            Text(one.reason, style="dim"),
            Text(since, style="dim"),
        )
    return shown


def _sign(one: Condition) -> tuple[str, str]:
    if one.type in _BAD:
        return "✗", "red"
    if one.type in _NEUTRAL:
        return "·", "dim"
    if one.status == "True":
        return "✓", "green"
    # What comes later is no failure yet.
    return ("✗", "red") if one.type in _GATES and one.status == "False" else ("…", "dim")
