"""The distribution of each term across fits: a spread of estimates, not an interval of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import SEVERAL_FITS, heading, portions
from modelrun.report.estimates import INTERCEPTS, Term
from modelrun.report.page import Floats, Grid, Histogram, Page, Table
from modelrun.report.tables import Tables

PANELS = 9
MOST = 36


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return one page for every nine terms that have several estimates."""
    shown = [term for term in terms if len(term.estimate) >= SEVERAL_FITS][:MOST]
    left_out = sum(len(term.estimate) >= SEVERAL_FITS for term in terms) - len(shown)
    note = (
        "The marks are percentiles of the estimates across fits. They describe how much the fits "
        "differ and say nothing about the uncertainty of a single fit: this is no confidence "
        "interval."
    )
    if tables.windows:
        note += " Overlapping windows share rows, so neighbouring fits are alike by construction."
    if left_out:
        note += f" {numbers.plural(left_out, 'further term')} are in coefficients.parquet only."
    found = []
    for portion in portions(shown, PANELS):
        panels = tuple(_panel(term, terms) for term in portion)
        found.append(
            Page(
                chapter="Spread",
                title=_message(portion),
                summary=_message(shown),
                lead="Distribution of each estimate across "
                + _across(tables)
                + ", with its median and the range of the middle 90% of fits.",
                blocks=(
                    Grid(
                        panels=panels,
                        columns=3 if len(panels) > 4 else 2,
                        x_label="estimate",
                        y_label="fits",
                        legend=(("bar", "fits"), ("line", "median"), ("dash", "5% and 95%")),
                        alt="Histograms of estimates: "
                        + "; ".join(f"{panel.title}, {panel.note}" for panel in panels),
                    ),
                    _table(portion, terms),
                ),
                note=note,
            )
        )
    return tuple(found)


def robust_edges(values: Floats, bins: int = 40) -> tuple[Floats, int]:
    """Return histogram edges over the bulk of the values, and how many lie outside.

    The bulk reaches three interquartile ranges beyond the quartiles (Tukey's outer fences).
    """
    first, third = np.percentile(values, [25, 75])
    reach = 3 * (third - first)
    low = max(float(values.min()), first - reach)
    high = min(float(values.max()), third + reach)
    if not high > low:
        half = max(abs(low) * 1e-6, 1e-12)
        low, high = low - half, high + half
    outside = int(np.count_nonzero((values < low) | (values > high)))
    return np.linspace(low, high, min(bins, max(8, int(len(values) ** 0.5) + 1)) + 1), outside


def _panel(term: Term, terms: Sequence[Term]) -> Histogram:
    values = term.estimate
    edges, outside = robust_edges(values)
    counts, _ = np.histogram(values, edges)
    low, middle, high = np.percentile(values, [5, 50, 95])
    note = f"median {numbers.value(middle)}, {numbers.value(low)} to {numbers.value(high)}"
    return Histogram(
        title=heading(term, terms),
        edges=edges,
        counts=counts.astype(np.float64),
        note=note + (f", {numbers.count(outside)} beyond the axis" if outside else ""),
        marks=((float(low), "5%"), (float(middle), "median"), (float(high), "95%")),
        zero=True,
    )


def _table(portion: Sequence[Term], terms: Sequence[Term]) -> Table:
    rows = []
    for term in portion:
        low, first, middle, third, high = np.percentile(term.estimate, [5, 25, 50, 75, 95])
        known = term.p[np.isfinite(term.p)]
        rows.append(
            (
                heading(term, terms),
                numbers.count(len(term.estimate)),
                *(numbers.value(number) for number in (low, first, middle, third, high)),
                numbers.value(float(np.std(term.estimate, ddof=1))),
                numbers.percent(float(np.mean(term.estimate > 0))),
                numbers.percent(float(np.mean(known < 0.05))) if len(known) else "–",
            )
        )
    return Table(
        caption="Spread of the estimates across fits",
        header=(
            "term", "fits", "5%", "25%", "median", "75%", "95%", "std. dev.", "positive", "p < 0.05"
        ),
        rows=tuple(rows),
        align="lrrrrrrrrr",
    )  # fmt: skip


def _message(portion: Sequence[Term]) -> str:
    shares = [
        (float(np.mean(term.estimate > 0)), term)
        for term in portion
        if term.term not in INTERCEPTS and not term.component.startswith("var")
    ]
    steady = sorted({term.label for share, term in shares if min(share, 1 - share) <= 0.05})
    mixed = sorted(
        {term.label for share, term in shares if min(share, 1 - share) > 0.05} - set(steady)
    )
    if steady and mixed:
        verb = "keeps its sign" if len(steady) == 1 else "keep their signs"
        other = "changes its sign" if len(mixed) == 1 else "change theirs"
        return (
            f"{numbers.enumerate_words(steady)} {verb} in at least 95% of fits, "
            f"{numbers.enumerate_words(mixed)} {other}"
        )
    if steady:
        return f"{numbers.enumerate_words(steady)}: the same sign in at least 95% of fits"
    if mixed:
        return f"{numbers.enumerate_words(mixed)}: the sign differs between fits"
    return f"How {portion[0].label} differs between fits"


def _across(tables: Tables) -> str:
    parts = []
    if len(tables.groups) > 1:
        parts.append(numbers.plural(len(tables.groups), "group"))
    if tables.windows:
        parts.append(numbers.plural(len(tables.times.x), "window"))
    return " × ".join(parts) or "all fits"
