"""How well the fits describe their data, and the twenty that deserve a look first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.shape import SEVERAL_FITS
from modelrun.report.contents.spread import robust_edges
from modelrun.report.page import Floats, Grid, Histogram, Page, Table
from modelrun.report.tables import Tables, flags, floats, words

STATISTICS = (
    "r_squared", "adj_r_squared", "pseudo_r_squared", "sigma", "log_lik", "aic", "bic", "deviance",
    "pearson_chi2", "condition_number", "f_statistic", "iterations", "nobs"
)  # fmt: skip
"""In the order in which they are drawn."""

JUDGES = (
    ("r_squared", -1), ("pseudo_r_squared", -1), ("adj_r_squared", -1), ("log_lik", -1),
    ("deviance", 1), ("sigma", 1), ("aic", 1),
)  # fmt: skip
"""What the worst fits are found by: the first that was asked for; +1 if large is bad."""

PANELS = 6
WORST = 20


def pages(tables: Tables) -> tuple[Page, ...]:
    """Return the distributions of fit statistics and the worst twenty."""
    found = []
    panels = _panels(tables)
    if panels:
        model, _, name = panels[0].title.rpartition(" · ")
        middle = numbers.value(panels[0].marks[1][0])
        fits = f"Half of the fits of {model}" if model else "Half of the fits"
        found.append(
            Page(
                chapter="Fit quality",
                title=f"{fits} have {name} of at least {middle}",
                lead="Distribution of the statistics of whole fits, with their median and the "
                "range of the middle 90%." + _constants(tables),
                blocks=(
                    Grid(
                        panels=panels,
                        columns=3 if len(panels) > 4 else 2,
                        x_label="value",
                        y_label="fits",
                        legend=(("bar", "fits"), ("line", "median"), ("dash", "5% and 95%")),
                        alt="Histograms of fit statistics: "
                        + "; ".join(f"{panel.title}, {panel.note}" for panel in panels),
                    ),
                    _flags(tables),
                ),
                note="Statistics of models with different responses or rows are not comparable.",
            )
        )
    worst = _worst(tables)
    return (*found, *((worst,) if worst is not None else ()))


def _series(tables: Tables) -> list[tuple[str, Floats]]:
    models, code = words(tables.fits, "model")
    found = []
    for name in STATISTICS:
        values = floats(tables.fits, name)
        for i in np.argsort(models):
            here = values[code == i]
            here = here[np.isfinite(here)]
            if len(here) >= SEVERAL_FITS and here.max() > here.min():
                found.append((f"{models[i]} · {name}" if len(models) > 1 else name, here))
    return found


def _panels(tables: Tables) -> tuple[Histogram, ...]:
    panels = []
    for title, values in _series(tables)[:PANELS]:
        edges, outside = robust_edges(values)
        counts, _ = np.histogram(values, edges)
        low, middle, high = (float(mark) for mark in np.percentile(values, [5, 50, 95]))
        note = f"median {numbers.value(middle)}, {numbers.value(low)} to {numbers.value(high)}"
        panels.append(
            Histogram(
                title=title,
                edges=edges,
                counts=counts.astype(np.float64),
                note=note + (f", {numbers.count(outside)} beyond the axis" if outside else ""),
                marks=((low, "5%"), (middle, "median"), (high, "95%")),
            )
        )
    return tuple(panels)


def _constants(tables: Tables) -> str:
    values = floats(tables.fits, "nobs")
    values = values[np.isfinite(values)]
    if len(values) and values.min() == values.max():
        return f" Every fit uses {numbers.plural(float(values[0]), 'row')}."
    return ""


def _flags(tables: Tables) -> Table:
    models, code = words(tables.fits, "model")
    numerics, numeric = words(tables.fits, "numerics")
    unstable = np.array([word == "unstable" for word in numerics])[numeric]
    status, state = words(tables.fits, "status")
    slow = np.array([word == "notConverged" for word in status])[state]
    warned = np.array([bool(word) for word in words(tables.fits, "warnings")[0]])
    loud = warned[words(tables.fits, "warnings")[1]]
    marks = (
        slow,
        flags(tables.fits, "separated"),
        flags(tables.fits, "rank_deficient"),
        unstable,
        loud,
    )
    rows = tuple(
        (
            models[i],
            numbers.count(int((code == i).sum())),
            *(numbers.count(int(mark[code == i].sum())) for mark in marks),
        )
        for i in np.argsort(models)[:12]
    )
    return Table(
        caption="Fits that carry a mark",
        header=("model", "fits", "not converged", "separated", "collinear", "unstable numerics",
                "with warnings"),
        rows=rows,
        align="lrrrrrr",
    )  # fmt: skip


def _worst(tables: Tables) -> Page | None:
    fits = tables.fits
    judge = next((entry for entry in JUDGES if entry[0] in fits.column_names), None)
    if judge is None:
        return None
    name, sign = judge
    values = floats(fits, name)
    known = np.flatnonzero(np.isfinite(values))
    if len(known) <= WORST or tables.replicates:
        return None
    order = known[np.argsort(-sign * values[known], kind="stable")[:WORST]]
    shown = [other for other in ("nobs", "aic", "sigma") if other in fits.column_names]
    columns = {other: floats(fits, other) for other in (name, *shown)}
    rows = tuple(
        (str(rank), label, *(_cell(key, columns[key][row]) for key in columns), _mark(tables, row))
        for rank, (row, label) in enumerate(
            zip(order.tolist(), fit_labels(tables, order), strict=True), start=1
        )
    )
    first = fit_labels(tables, order[:1])[0]
    return Page(
        chapter="Fit quality",
        title=f"The lowest {name} is {numbers.value(values[order[0]])}: {first}"
        if sign < 0
        else f"The highest {name} is {numbers.value(values[order[0]])}: {first}",
        lead=f"The {len(rows)} fits with the {'lowest' if sign < 0 else 'highest'} {name}, "
        "which are worth a look before conclusions are drawn.",
        blocks=(
            Table(
                caption=f"The worst {len(rows)} by {name}",
                header=("", "fit", *columns, "marks"),
                rows=rows,
                align="rl" + "r" * len(columns) + "l",
            ),
        ),
    )


def fit_labels(tables: Tables, rows: Sequence[int] | np.ndarray) -> list[str]:
    """Name fits of fits.parquet: model, group, end of the window, replicate."""
    fits = tables.fits.take(rows)
    group = tables.group_codes(fits)
    time = tables.time_codes(fits)
    model = fits.column("model").to_pylist()
    replicate = fits.column("replicate").to_pylist() if tables.replicates else []
    found = []
    for i, name in enumerate(model):
        parts = [str(name)] if len(tables.models) > 1 or len(tables.groups) == 1 else []
        parts += [tables.groups[group[i]]] if tables.groups[group[i]] else []
        parts += [tables.times.labels[time[i]]] if tables.windows else []
        parts += [f"replicate {replicate[i]}"] if replicate else []
        found.append(" · ".join(parts))
    return found


def _cell(name: str, number: float) -> str:
    return numbers.count(number) if name == "nobs" else numbers.value(number, 4)


def _mark(tables: Tables, row: int) -> str:
    fit = tables.fits.slice(row, 1)
    marks = [
        word
        for name, word in (("separated", "separated"), ("rank_deficient", "collinear"))
        if flags(fit, name)[0]
    ]
    if words(fit, "numerics")[0][0] == "unstable":
        marks.append("unstable numerics")
    if words(fit, "status")[0][0] == "notConverged":
        marks.append("not converged")
    return ", ".join(marks)
