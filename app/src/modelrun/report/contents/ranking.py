"""Groups in the order of their estimates, with intervals; binned by rank when there are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import MOST_ROWS, heading, pairs, portions
from modelrun.report.estimates import Term, interval_words
from modelrun.report.page import NOTHING, Floats, Grid, Ints, Page, Ranges, Table
from modelrun.report.tables import Tables


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row for each group of a term, highest value first."""

    group: Ints
    middle: Floats
    low: Floats
    high: Floats
    inner_low: Floats
    inner_high: Floats


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return one page for every three terms, where there are groups."""
    if len(tables.groups) < 2:
        return ()
    shown, left_out = pairs(terms)
    binned = len(tables.groups) > MOST_ROWS
    found = []
    for portion in portions(shown, 3):
        ranks = [ranked(term, tables) for term in portion]
        panels = tuple(
            _panel(rank, heading(term, terms), tables)
            for rank, term in zip(ranks, portion, strict=True)
        )
        first = ranks[0]
        title = (
            f"{heading(portion[0], terms)} is highest in {tables.groups[first.group[0]]} "
            f"({numbers.value(first.middle[0])}) and lowest in "
            f"{tables.groups[first.group[-1]]} ({numbers.value(first.middle[-1])})"
        )
        blocks: tuple[Grid | Table, ...] = (
            Grid(
                panels=panels,
                columns=len(panels),
                x_label="estimate",
                y_label="rank of the group" if binned else "",
                legend=_legend(tables, binned=binned),
                alt=f"Groups ranked by estimate, one panel for each term. {title}.",
            ),
        )
        if binned:
            blocks = (*blocks, _ends(ranks, portion, terms, tables))
        found.append(
            Page(
                chapter="Groups",
                title=title,
                lead=_lead(tables, binned=binned),
                blocks=blocks,
                note=" ".join(filter(None, (_note(tables), left_out))),
            )
        )
    return tuple(found)


def ranked(term: Term, tables: Tables) -> Ranked:
    """Order the groups of a term by their value, or by their median over the windows."""
    if not tables.windows:
        order = np.argsort(-term.estimate, kind="stable")
        return Ranked(
            term.group[order],
            term.estimate[order],
            term.low[order],
            term.high[order],
            NOTHING,
            NOTHING,
        )
    rows = np.lexsort((term.time, term.group))
    groups, starts = np.unique(term.group[rows], return_index=True)
    parts = np.split(term.estimate[rows], starts[1:])
    marks = np.array([np.percentile(part, [50, 5, 95, 25, 75]) for part in parts])
    order = np.argsort(-marks[:, 0], kind="stable")
    return Ranked(groups[order], *(marks[order, i] for i in range(5)))


def _panel(rank: Ranked, title: str, tables: Tables) -> Ranges:
    count = len(rank.group)
    if count <= MOST_ROWS:
        return Ranges(
            title=title,
            labels=tuple(tables.groups[i] for i in rank.group),
            middle=rank.middle,
            low=rank.low if np.isfinite(rank.low).any() else NOTHING,
            high=rank.high if np.isfinite(rank.high).any() else NOTHING,
            inner_low=rank.inner_low,
            inner_high=rank.inner_high,
        )
    cuts = np.linspace(0, count, MOST_ROWS + 1).astype(np.int64)[:-1]
    sizes = np.diff(np.append(cuts, count))

    def mean(values: Floats) -> Floats:
        return np.add.reduceat(values, cuts) / sizes if np.isfinite(values).any() else NOTHING

    return Ranges(
        title=title,
        labels=tuple(
            f"{start + 1:,}–{start + size:,}" for start, size in zip(cuts, sizes, strict=True)
        ),
        middle=mean(rank.middle),
        low=mean(rank.low),
        high=mean(rank.high),
        inner_low=mean(rank.inner_low) if len(rank.inner_low) else NOTHING,
        inner_high=mean(rank.inner_high) if len(rank.inner_high) else NOTHING,
        note=f"{numbers.count(count)} groups in {MOST_ROWS} bins",
        label_every=5,
    )


def _ends(
    ranks: Sequence[Ranked], portion: Sequence[Term], terms: Sequence[Term], tables: Tables
) -> Table:
    rows = []
    for place in (*range(3), *range(-3, 0)):
        cells = [f"{place + 1 if place >= 0 else len(ranks[0].group) + place + 1:,}"]
        for rank in ranks:
            name = tables.groups[rank.group[place]]
            cells.append(f"{name}: {numbers.value(rank.middle[place])}")
        rows.append(tuple(cells))
    return Table(
        caption="The first and the last groups",
        header=("rank", *(heading(term, terms) for term in portion)),
        rows=tuple(rows),
        align="r" + "l" * len(portion),
    )


def _lead(tables: Tables, *, binned: bool) -> str:
    keys = numbers.enumerate_words(list(tables.keys)) or "group"
    if tables.windows:
        text = f"Each {keys} by its median estimate over {len(tables.times.x):,} windows"
    elif tables.replicates:
        text = f"Each {keys} by the median of its replicates"
    else:
        text = f"Each {keys} by its estimate"
    if binned:
        text += "; neighbours in rank share a bin, which shows their means"
    return f"{text}. The order is each term's own; the dashed line is zero."


def _legend(tables: Tables, *, binned: bool) -> tuple[tuple[str, str], ...]:
    mean = "mean " if binned else ""
    if tables.windows:
        return (
            ("dot", f"{mean}median over windows"),
            ("inner", "middle 50% of windows"),
            ("line", "middle 90% of windows"),
        )
    words = interval_words(tables)
    return (("dot", f"{mean}estimate"), *((("line", mean + words),) if words else ()))


def _note(tables: Tables) -> str:
    if tables.windows:
        return "The bars show how estimates vary over time; they are no confidence intervals."
    return (
        "The ends of a ranking are partly luck: the highest of many noisy estimates tends to "
        "overstate. Intervals hold for one group at a time; very wide ones may be cut by the axis."
    )
