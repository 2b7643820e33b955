"""Group by time in colour, centred at zero: where in the panel a term is high, low or gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import MOST_ROWS, heading, pairs, portions
from modelrun.report.estimates import Term
from modelrun.report.page import Floats, Grid, Heat, Page
from modelrun.report.tables import Tables

COLUMNS = 160
"""Columns of a heatmap: more are thinner than a line."""


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return one page for every six terms, where there are groups and windows."""
    if not tables.windows or len(tables.groups) < 2:
        return ()
    shown, left_out = pairs(terms)
    found = []
    for portion in portions(shown, 6):
        panels = tuple(_panel(term, terms, tables) for term in portion)
        negative = [float(np.nanmean(panel.values < 0)) for panel in panels]
        name = panels[int(np.argmax(negative))].title
        share = numbers.percent(max(negative))
        sides = (
            f"{name} is negative in {share} of the groups and times"
            if max(negative) > 0
            else "All estimates are positive in all groups and times"
        )
        found.append(
            Page(
                chapter="Groups over time",
                title=sides,
                lead=_lead(tables),
                blocks=(
                    Grid(
                        panels=panels,
                        columns=min(3, max(1, -(-len(panels) // 2))),
                        x_label=tables.time_label,
                        x_kind=tables.times.kind,
                        alt=f"Heatmaps of estimates by group and time. {sides}.",
                    ),
                ),
                note=f"Colours end at the 98th percentile of size. {left_out}".strip(),
            )
        )
    return tuple(found)


def _panel(term: Term, terms: Sequence[Term], tables: Tables) -> Heat:
    values = term.matrix(term.estimate, len(tables.groups), len(tables.times.x))
    rows = tables.groups
    if len(rows) > MOST_ROWS:
        with np.errstate(invalid="ignore"):
            middle = np.nanmedian(np.where(np.isfinite(values), values, np.nan), axis=1)
        order = np.argsort(-middle, kind="stable")
        cuts = np.linspace(0, len(rows), MOST_ROWS + 1).astype(np.int64)[:-1]
        ends = np.append(cuts[1:], len(rows))
        values = _means(values[order], cuts)
        rows = tuple(f"{start + 1:,}–{end:,}" for start, end in zip(cuts, ends, strict=True))
    times = len(tables.times.x)
    x = tables.times.x
    if times > COLUMNS:
        cuts = np.linspace(0, times, COLUMNS + 1).astype(np.int64)[:-1]
        values = _means(values.T, cuts).T
        x = np.add.reduceat(x, cuts) / np.diff(np.append(cuts, times))
    size = np.abs(values[np.isfinite(values)])
    limit = float(np.percentile(size, 98)) if len(size) else 1.0
    return Heat(heading(term, terms), x, rows, values, limit or 1.0)


def _means(values: Floats, cuts: np.ndarray) -> Floats:
    """Return means of runs of rows, ignoring NaN; NaN where a run has no value."""
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0.0), cuts, axis=0)
    count = np.add.reduceat(known.astype(np.float64), cuts, axis=0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _lead(tables: Tables) -> str:
    text = "Estimates by group (rows) and time (columns): blue below zero, orange above, "
    text += "white at zero. Each term has its own scale."
    if len(tables.groups) > MOST_ROWS:
        text += f" Rows are {MOST_ROWS} bins of groups, from the highest median to the lowest."
    if len(tables.times.x) > COLUMNS:
        text += " Columns are means of neighbouring windows."
    return text
