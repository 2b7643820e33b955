"""Bootstrap replicates: their distribution and percentile intervals for each term."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import heading, portions
from modelrun.report.contents.spread import robust_edges
from modelrun.report.estimates import INTERCEPTS, Term, interval_words
from modelrun.report.page import Grid, Histogram, Page, Table
from modelrun.report.tables import Tables

ROWS = 24
"""Rows of the table of intervals."""


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return one page for every nine terms, where slices were resampled."""
    if not tables.replicates:
        return ()
    found = []
    shown = terms[:36]
    for portion in portions(shown, 9):
        single = all(len(term.estimate) == 1 for term in portion)
        blocks: list[Grid | Table] = [_intervals(portion, terms, tables)]
        if single:
            panels = tuple(_panel(term, terms) for term in portion)
            blocks.insert(
                0,
                Grid(
                    panels=panels,
                    columns=3 if len(panels) > 4 else 2,
                    x_label="estimate",
                    y_label="replicates",
                    legend=(
                        ("bar", "replicates"),
                        ("line", "median"),
                        ("dash", interval_words(tables)),
                    ),
                    alt="Histograms of replicates: "
                    + "; ".join(f"{panel.title}, {panel.note}" for panel in panels),
                ),
            )
        found.append(
            Page(
                chapter="Replicates",
                title=_message(portion, terms),
                summary=_message(terms, terms),
                lead=_lead(tables),
                blocks=tuple(blocks),
                note="Percentile intervals come from the replicates alone, without correction "
                "for bias or skewness; their ends need about 1,000 replicates to settle.",
            )
        )
    return tuple(found)


def _panel(term: Term, terms: Sequence[Term]) -> Histogram:
    edges, outside = robust_edges(term.draws)
    counts, _ = np.histogram(term.draws, edges)
    low, middle, high = float(term.low[0]), float(term.estimate[0]), float(term.high[0])
    note = f"{numbers.value(middle)}, from {numbers.value(low)} to {numbers.value(high)}"
    return Histogram(
        title=heading(term, terms),
        edges=edges,
        counts=counts.astype(np.float64),
        note=note + (f", {numbers.count(outside)} beyond the axis" if outside else ""),
        marks=((low, "lower"), (middle, "median"), (high, "upper")),
        zero=True,
    )


def _intervals(portion: Sequence[Term], terms: Sequence[Term], tables: Tables) -> Table:
    rows = []
    several = any(len(term.estimate) > 1 for term in portion)
    for term in portion:
        for i in range(len(term.estimate)):
            group = tables.groups[term.group[i]]
            if tables.windows:
                group = f"{group} · {tables.times.labels[term.time[i]]}".removeprefix(" · ")
            rows.append(
                (
                    heading(term, terms),
                    *((group,) if several else ()),
                    numbers.value(term.estimate[i], 4),
                    numbers.value(term.error[i], 3),
                    numbers.value(term.low[i], 4),
                    numbers.value(term.high[i], 4),
                    "no" if term.low[i] <= 0 <= term.high[i] else "yes",
                )
            )
    header = ("term", *(("slice",) if several else ()), "median", "std. error", "lower", "upper",
              "excludes zero")  # fmt: skip
    words = interval_words(tables)
    caption = words[0].upper() + words[1:]
    if len(rows) > ROWS:
        caption += f", {ROWS} of {len(rows):,} slices"
    return Table(
        caption=caption,
        header=header,
        rows=tuple(rows[:ROWS]),
        align="l" * (len(header) - 5) + "rrrrr",
    )


def _message(portion: Sequence[Term], terms: Sequence[Term]) -> str:
    tested = [term for term in portion if term.term not in INTERCEPTS] or list(portion)
    if any(len(term.estimate) > 1 for term in tested):
        share = np.concatenate([(term.low > 0) | (term.high < 0) for term in tested]).mean()
        return f"{numbers.percent(float(share))} of the percentile intervals exclude zero"
    clear = [heading(term, terms) for term in tested if term.low[0] > 0 or term.high[0] < 0]
    if not clear:
        return "No percentile interval excludes zero"
    if len(clear) == len(tested) and len(portion) == len(terms):
        return "Every percentile interval excludes zero"
    verb = "excludes" if len(clear) == 1 else "exclude"
    return f"The intervals of {numbers.enumerate_words(clear)} {verb} zero"


def _lead(tables: Tables) -> str:
    resample = (tables.spec.get("slices") or {}).get("resample") or {}
    kind = {"pairs": "drawn row by row", "block": "drawn in moving blocks"}
    text = "Replicates"
    if "replicates" in resample:
        text = numbers.plural(resample["replicates"], "replicate") + " of each slice"
    how = kind.get(str(resample.get("method")), "drawn with replacement")
    seed = f", seed {resample['seed']}" if "seed" in resample else ""
    return f"{text}, {how}{seed}: the distribution of their estimates."
