"""Coefficients over time: small multiples with ribbons, one panel for each group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import (
    MOST_PANELS,
    MOST_POINTS,
    heading,
    pairs,
    portions,
    thin,
)
from modelrun.report.estimates import Term, interval_words
from modelrun.report.page import Floats, Grid, Lines, Page
from modelrun.report.tables import Tables


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return the pages on time, where there are windows."""
    if not tables.windows:
        return ()
    shown, left_out = pairs(terms)
    if len(tables.groups) == 1:
        return tuple(_alone(tables, portion, terms, left_out) for portion in portions(shown, 6))
    across = tuple(_across(tables, portion, terms, left_out) for portion in portions(shown, 6))
    return across + tuple(_groups(tables, term, terms, left_out) for term in shown)


def _across(tables: Tables, portion: Sequence[Term], terms: Sequence[Term], rest: str) -> Page:
    """Return the course of the distribution over groups."""
    keep = thin(tables.times.x, 2 * MOST_POINTS)
    x = tables.times.x[keep]
    panels = []
    moves = []
    for term in portion:
        values = term.matrix(term.estimate, len(tables.groups), len(tables.times.x))[:, keep]
        low, first, middle, third, high = _quantiles(values, (5, 25, 50, 75, 95))
        panels.append(Lines(heading(term, terms), x, middle, low, high, first, third))
        moves.append((np.nanmax(middle) - np.nanmin(middle), heading(term, terms), middle))
    _, name, middle = max(moves, key=lambda move: move[0])
    return Page(
        chapter="Over time",
        title=f"{name} moves most: its median over groups lies between "
        f"{numbers.value(np.nanmin(middle))} and {numbers.value(np.nanmax(middle))}",
        lead=f"Estimates of {numbers.plural(len(tables.groups), 'group')} at the end of each "
        "window: median over groups, and the range of the middle 50% and 90% of groups.",
        blocks=(
            Grid(
                panels=tuple(panels),
                columns=2 if len(panels) > 1 else 1,
                x_label=tables.time_label,
                y_label="estimate",
                x_kind=tables.times.kind,
                legend=(
                    ("line", "median over groups"),
                    ("inner", "middle 50% of groups"),
                    ("ribbon", "middle 90% of groups"),
                ),
                alt="The distribution of estimates over groups against time, a panel a term.",
            ),
        ),
        note=f"The ribbons are spread across groups, not confidence intervals. {rest}".strip(),
    )


def _groups(tables: Tables, term: Term, terms: Sequence[Term], rest: str) -> Page:
    """Return one panel for each group, or for groups evenly chosen from the ranking."""
    count = len(tables.groups)
    size = (count, len(tables.times.x))
    values = term.matrix(term.estimate, *size)
    chosen = np.arange(count)
    if count > MOST_PANELS:
        known = np.flatnonzero(np.isfinite(values).any(axis=1))
        middle = _quantiles(values[known].T, (50,))[0]
        ranking = known[np.argsort(-middle, kind="stable")]
        chosen = ranking[np.unique(np.linspace(0, len(ranking) - 1, MOST_PANELS).astype(int))]
    keep = thin(tables.times.x)
    low = term.matrix(term.low, *size)
    high = term.matrix(term.high, *size)
    ribbon = bool(np.isfinite(low).any())
    panels = tuple(
        Lines(
            tables.groups[i],
            tables.times.x[keep],
            values[i, keep],
            *((low[i, keep], high[i, keep]) if ribbon else ()),
        )
        for i in chosen
    )
    name = heading(term, terms)
    lead = f"Each panel is one {numbers.enumerate_words(list(tables.keys))}, on common axes."
    if count > MOST_PANELS:
        lead = f"{len(chosen)} of {count:,} groups, evenly chosen from highest to lowest median."
    if keep.step > 1:
        lead += f" Every {_ordinal(keep.step)} window is drawn."
    return Page(
        chapter="Over time",
        title=_message(name, values, low, high, tables),
        lead=lead,
        blocks=(
            Grid(
                panels=panels,
                columns=_columns(len(panels)),
                x_label=tables.time_label,
                y_label=f"estimate of {name}",
                x_kind=tables.times.kind,
                shared=True,
                legend=(
                    ("line", "estimate"),
                    *((("ribbon", interval_words(tables)),) if ribbon else ()),
                ),
                alt=f"Estimates of {name} against time, one small panel for each group.",
            ),
        ),
        note=" ".join(
            filter(
                None,
                (
                    "Intervals hold for one window at a time; neighbouring windows share rows. The "
                    "widest 1% may be cut by the axis."
                    if ribbon
                    else "",
                    rest,
                ),
            )
        ),
    )


def _alone(tables: Tables, portion: Sequence[Term], terms: Sequence[Term], rest: str) -> Page:
    """Return the course of terms where there is only one group."""
    keep = thin(tables.times.x, 3 * MOST_POINTS)
    panels = []
    for term in portion:
        size = (1, len(tables.times.x))
        middle, low, high = (
            term.matrix(values, *size)[0, keep] for values in (term.estimate, term.low, term.high)
        )
        ribbon = (low, high) if np.isfinite(low).any() else ()
        panels.append(Lines(heading(term, terms), tables.times.x[keep], middle, *ribbon))
    name = heading(portion[0], terms)
    middle = panels[0].middle
    words = interval_words(tables)
    return Page(
        chapter="Over time",
        title=f"{name} lies between {numbers.value(np.nanmin(middle))} and "
        f"{numbers.value(np.nanmax(middle))} over {numbers.plural(len(tables.times.x), 'window')}",
        lead="Estimates at the end of each window.",
        blocks=(
            Grid(
                panels=tuple(panels),
                columns=2 if len(panels) > 3 else 1,
                x_label=tables.time_label,
                y_label="estimate",
                x_kind=tables.times.kind,
                legend=(("line", "estimate"), *((("ribbon", words),) if words else ())),
                alt="Estimates against time, one panel for each term.",
            ),
        ),
        note=f"Intervals hold for one window at a time; neighbouring windows share rows. {rest}"
        if words
        else rest,
    )


def _message(name: str, values: Floats, low: Floats, high: Floats, tables: Tables) -> str:
    with np.errstate(invalid="ignore"):
        known = np.isfinite(low) & np.isfinite(high)
        clear = known & ((low > 0) | (high < 0))
    if known.any():
        share = numbers.percent(float(clear.sum() / known.sum()))
        return f"{name}: the interval excludes zero in {share} of all windows and groups"
    spread = _quantiles(values.T, (50,))[0]
    there = np.isfinite(values)  # a group may have failed in every window
    highest = np.max(values, axis=1, where=there, initial=-np.inf)
    widest = int(np.argmax(highest - np.min(values, axis=1, where=there, initial=np.inf)))
    return (
        f"{name}: medians from {numbers.value(np.nanmin(spread))} to "
        f"{numbers.value(np.nanmax(spread))}; {tables.groups[widest]} moves most"
    )


def _quantiles(values: Floats, shares: tuple[float, ...]) -> tuple[Floats, ...]:
    """Return quantiles down the columns, ignoring NaN; NaN where a column has no value."""
    ordered = np.sort(values, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    columns = np.arange(values.shape[1])
    found = []
    for share in shares:
        place = share / 100 * np.maximum(count - 1, 0)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(count - 1, 0))
        part = place - below
        found.append(ordered[below, columns] * (1 - part) + ordered[above, columns] * part)
    return tuple(found)


def _columns(count: int) -> int:
    return next(
        columns for columns in (1, 2, 3, 4, 5, 6) if columns * columns >= count or columns == 6
    )


def _ordinal(number: int) -> str:
    ending = (
        "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{ending}"
