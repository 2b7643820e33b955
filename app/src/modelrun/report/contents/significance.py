"""p-values across fits: their histogram, effect against evidence, counts raw and adjusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import SEVERAL_FITS, heading, portions
from modelrun.report.estimates import Term
from modelrun.report.page import Cloud, Floats, Grid, Histogram, Page, Table
from modelrun.report.style import BLUE, GREY, ORANGE
from modelrun.report.tables import Tables

BINS = 20
LEVEL = 0.05
CEILING = 16.0
"""Evidence is drawn at least up to p = 1e-16, and as far as 98% of the fits reach."""

CELLS = (80, 50)
"""Where a cloud is dense, one dot is kept for each cell of a grid this fine."""

METHODS = {
    "bonferroni": "Bonferroni",
    "holm": "Holm",
    "fdr_bh": "Benjamini-Hochberg",
    "fdr_by": "Benjamini-Yekutieli",
}


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return histograms, counts and clouds of the terms that have several p-values."""
    shown = [term for term in terms if np.isfinite(term.p).sum() >= SEVERAL_FITS][:36]
    return (
        *(_histograms(tables, portion, shown, terms) for portion in portions(shown, 9)),
        *(_clouds(portion, terms) for portion in portions(shown, 6)),
    )


def _histograms(
    tables: Tables, portion: Sequence[Term], shown: Sequence[Term], terms: Sequence[Term]
) -> Page:
    edges = np.linspace(0, 1, BINS + 1)
    panels, rows = [], []
    for term in portion:
        p = term.p[np.isfinite(term.p)]
        counts, _ = np.histogram(p, edges)
        raw = int((p < LEVEL).sum())
        panels.append(
            Histogram(
                title=heading(term, terms),
                edges=edges,
                counts=counts.astype(np.float64),
                note=f"{numbers.percent(raw / len(p))} below {LEVEL}",
                reference=len(p) / BINS,
            )
        )
        adjusted = term.p_adjusted[np.isfinite(term.p_adjusted)]
        rows.append(
            (
                heading(term, terms),
                numbers.count(len(p)),
                *(numbers.count(int((p < level).sum())) for level in (0.05, 0.01, 0.001)),
                numbers.count(LEVEL * len(p)),
                *(
                    numbers.count(int((adjusted < level).sum())) if len(adjusted) else "–"
                    for level in (0.05, 0.01)
                ),
            )
        )
    method = (tables.spec.get("results", {}).get("adjust") or {}).get("method")
    return Page(
        chapter="Significance",
        title=_message(portion),
        summary=_message(shown),
        lead="How the p-values of each term are distributed. Were there no effect anywhere and "
        "the tests independent, all bars would reach the dashed line.",
        blocks=(
            Grid(
                panels=tuple(panels),
                columns=3 if len(panels) > 4 else 2,
                x_label="p-value",
                y_label="fits",
                legend=(("bar", "fits"), ("dash", "expected without any effect")),
                alt="Histograms of p-values: "
                + "; ".join(f"{panel.title}, {panel.note}" for panel in panels),
            ),
            Table(
                caption="Significant fits, raw and adjusted for multiple testing"
                + (f" ({METHODS.get(method, method)})" if method else ""),
                header=("term", "fits", "p < 0.05", "p < 0.01", "p < 0.001",
                        "by chance at 0.05", "adjusted < 0.05", "adjusted < 0.01"),
                rows=tuple(rows),
                align="lrrrrrrr",
            ),
        ),
        note=_caution(tables, terms),
    )  # fmt: skip


def _clouds(portion: Sequence[Term], terms: Sequence[Term]) -> Page:
    adjusted = any(np.isfinite(term.p_adjusted).any() for term in portion)
    kinds = (
        ("not significant", GREY),
        (f"p < {LEVEL}" + (", not after adjustment" if adjusted else ""), ORANGE),
        (f"adjusted p < {LEVEL}", BLUE),
    )[: 3 if adjusted else 2]
    panels = tuple(_cloud(term, heading(term, terms), kinds) for term in portion)
    return Page(
        chapter="Significance",
        title=_sides(portion, terms),
        lead="Estimates against evidence: each fit is a dot, the higher the smaller its p-value."
        " Where dots are dense, one stands for its neighbours.",
        blocks=(
            Grid(
                panels=panels,
                columns=3 if len(panels) > 4 else 2,
                x_label="estimate",
                y_label="−log10 p",
                legend=tuple((colour, name) for name, colour in kinds),
                alt="Volcano plots: estimates against the negative logarithm of p-values.",
            ),
        ),
        note="Dots on the upper edge lie there or above: the 2% with the smallest p-values.",
    )


def _cloud(term: Term, title: str, kinds: tuple[tuple[str, str], ...]) -> Cloud:
    known = np.isfinite(term.p)
    x, p, adjusted = term.estimate[known], term.p[known], term.p_adjusted[known]
    y = -np.log10(np.maximum(p, 1e-300))
    y = np.minimum(y, max(CEILING, float(np.percentile(y, 98))))
    kind = (p < LEVEL).astype(np.int64)
    kind[np.nan_to_num(adjusted, nan=1.0) < LEVEL] = len(kinds) - 1
    keep = _sparse(x, y, kind)
    note = numbers.plural(len(x), "fit")
    return Cloud(title, x[keep], y[keep], kind[keep], kinds, note=note)


def _sparse(x: Floats, y: Floats, kind: np.ndarray) -> np.ndarray:
    """Return the first point of each cell and class, and all points where they are few."""
    if len(x) <= 400:
        return np.arange(len(x))
    low, high = np.percentile(x, [0.5, 99.5])
    across = np.clip((x - low) / ((high - low) or 1.0) * CELLS[0], -40, CELLS[0] + 40)
    cell = np.rint(across).astype(np.int64) + 40
    row = np.rint(y / (y.max() or 1.0) * CELLS[1]).astype(np.int64)
    _, first = np.unique((cell * (CELLS[1] + 1) + row) * 3 + kind, return_index=True)
    return np.sort(first)


def _message(portion: Sequence[Term]) -> str:
    p = np.concatenate([term.p[np.isfinite(term.p)] for term in portion])
    adjusted = np.concatenate([term.p_adjusted for term in portion])
    adjusted = adjusted[np.isfinite(adjusted)]
    raw = int((p < LEVEL).sum())
    whole = numbers.plural(len(p), "coefficient")
    if len(adjusted):
        kept = int((adjusted < LEVEL).sum())
        return (
            f"{numbers.count(raw)} of {whole} have p < {LEVEL}; {numbers.count(kept)} remain "
            "after adjustment"
        )
    return (
        f"{numbers.count(raw)} of {whole} have p < {LEVEL}; chance alone would give "
        f"{numbers.count(LEVEL * len(p))}"
    )


def _sides(portion: Sequence[Term], terms: Sequence[Term]) -> str:
    def clear(term: Term) -> tuple[float, float]:
        p = np.where(np.isfinite(term.p_adjusted), term.p_adjusted, term.p)
        hit = p < LEVEL
        return float((hit & (term.estimate > 0)).mean()), float((hit & (term.estimate < 0)).mean())

    both = [(min(clear(term)), term) for term in portion]
    share, term = max(both, key=lambda entry: entry[0])
    name = heading(term, terms)
    if share > 0.01:
        above, below = clear(term)
        return (
            f"{name} is significantly positive in {numbers.percent(above)} and significantly "
            f"negative in {numbers.percent(below)} of fits"
        )
    return "Significant estimates of a term nearly always have the same sign"


def _caution(tables: Tables, terms: Sequence[Term]) -> str:
    text = "With many tests, small p-values are expected by chance: judge by the adjusted counts."
    if not any(np.isfinite(term.p_adjusted).any() for term in terms):
        text = (
            "No adjustment was asked for (results.adjust and p_adjusted): with many tests, small "
            "p-values are expected by chance."
        )
    if tables.windows:
        text += " Overlapping windows are dependent, which the dashed line does not allow for."
    return text
