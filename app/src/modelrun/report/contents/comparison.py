"""Several models side by side: the same terms, the same statistics, the same slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from modelrun.report import numbers
from modelrun.report.contents.shape import SEVERAL_FITS, portions
from modelrun.report.estimates import Term, interval_words
from modelrun.report.page import NOTHING, Floats, Grid, Page, Ranges, Table
from modelrun.report.tables import Tables, floats, words

QUALITY = (
    "r_squared", "adj_r_squared", "pseudo_r_squared", "log_lik", "aic", "bic", "deviance", "sigma"
)  # fmt: skip
"""Statistics that models are compared by, where they were asked for."""

MOST = 30
"""Models in one panel."""


def pages(tables: Tables, terms: Sequence[Term]) -> tuple[Page, ...]:
    """Return the pages on models side by side, where there are at least two."""
    models = tables.models
    if len(models) < 2:
        return ()
    shared: dict[str, list[Term]] = {}
    for term in terms:
        shared.setdefault(term.label, []).append(term)
    panels = [_panel(name, found[:MOST]) for name, found in shared.items() if len(found) > 1]
    single = all(len(term.estimate) < SEVERAL_FITS for term in terms)
    quality = _quality(tables)
    found = []
    for i, portion in enumerate(portions(panels, 6) if panels else ((),)):
        blocks: tuple[Grid | Table, ...] = ()
        if portion:
            mark = interval_words(tables) if single else "middle 90% of fits"
            inner = () if single else (("inner", "middle 50% of fits"),)
            blocks = (
                Grid(
                    panels=portion,
                    columns=min(3, len(portion)),
                    x_label="estimate",
                    legend=(
                        ("dot", "estimate" if single else "median over fits"),
                        *inner,
                        *((("line", mark),) if mark else ()),
                    ),
                    alt="Estimates of the terms that models share, one row for each model.",
                ),
            )
        if i == 0 and quality is not None:
            blocks = (*blocks, quality)
        if blocks:
            found.append(
                Page(
                    chapter="Models",
                    title=_message(tables, portion),
                    lead="Terms that several models share, model by model, and what the fits of "
                    "each model reach."
                    if portion
                    else "No term is shared; this is what the fits of each model reach.",
                    blocks=blocks,
                    note="A coefficient means something else in each model, as the other terms "
                    "differ. Information criteria compare only models of the same response and "
                    "rows.",
                )
            )
    return tuple(found)


def _panel(name: str, found: Sequence[Term]) -> Ranges:
    single = all(len(term.estimate) < SEVERAL_FITS for term in found)
    marks = np.array([np.percentile(term.estimate, [50, 5, 95, 25, 75]) for term in found])
    labels = tuple(term.model for term in found)
    if not single:
        middle, low, high, inner_low, inner_high = marks.T
        return Ranges(name, labels, middle, low, high, inner_low, inner_high)
    low = np.array([np.median(term.low) for term in found])
    high = np.array([np.median(term.high) for term in found])
    known = np.isfinite(low).any()
    return Ranges(name, labels, marks[:, 0], low if known else NOTHING, high if known else NOTHING)


def _quality(tables: Tables) -> Table | None:
    models, code = words(tables.fits, "model")
    names = [name for name in QUALITY if name in tables.fits.column_names]
    columns = {name: floats(tables.fits, name) for name in names}
    best = _best(tables, models, code)
    rows = []
    for i in sorted(range(len(models)), key=lambda i: models[i]):
        here = code == i
        cells = [models[i], numbers.count(int(here.sum()))]
        for name in names:
            known = columns[name][here]
            known = known[np.isfinite(known)]
            cells.append(numbers.value(float(np.median(known))) if len(known) else "–")
        if best is not None:
            cells.append(numbers.percent(float(best[i])))
        rows.append(tuple(cells))
    if not names:
        return None
    header = ("model", "fits", *names, *(("lowest aic",) if best is not None else ()))
    return Table(
        caption="Median over the fits of each model",
        header=header,
        rows=tuple(rows[:MOST]),
        align="l" + "r" * (len(header) - 1),
    )


def _best(tables: Tables, models: Sequence[str], code: np.ndarray) -> Floats | None:
    """Return in which share of slices each model has the lowest AIC, if that can be compared."""
    fits = tables.fits
    responses = {
        str(model.get("formula", "")).split("~")[0].strip()
        for model in tables.spec.get("models", [])
    }
    estimators = {str(model.get("estimator", "")) for model in tables.spec.get("models", [])}
    count = fits.num_rows // len(models)
    same = len(responses) == len(estimators) == 1 and "" not in responses | estimators
    if "aic" not in fits.column_names or not same or count * len(models) != fits.num_rows:
        return None
    order = np.argsort(code, kind="stable").reshape(len(models), count)
    slices = [name for name in (*tables.keys, "window_end", "replicate")
              if name in fits.column_names]  # fmt: skip
    first = fits.select(slices).take(pa.array(order[0]))
    if any(not fits.select(slices).take(pa.array(row)).equals(first) for row in order[1:]):
        return None
    values = floats(fits, "aic")[order]
    rows = floats(fits, "nobs")[order]
    known = np.isfinite(values).all(axis=0) & (rows == rows[0]).all(axis=0)
    if not known.any():
        return None
    wins: Floats = np.bincount(values[:, known].argmin(axis=0), minlength=len(models)) / known.sum()
    return wins


def _message(tables: Tables, portion: Sequence[Ranges]) -> str:
    if not portion:
        return f"{numbers.plural(len(tables.models), 'model')} side by side"
    widest = max(
        portion,
        key=lambda panel: np.ptp(panel.middle) / (np.abs(panel.middle).max() or 1.0),
    )
    low, high = int(np.argmin(widest.middle)), int(np.argmax(widest.middle))
    return (
        f"{widest.title} depends on the model: {numbers.value(widest.middle[low])} in "
        f"{widest.labels[low]}, {numbers.value(widest.middle[high])} in {widest.labels[high]}"
    )
