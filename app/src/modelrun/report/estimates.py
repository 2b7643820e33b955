"""Estimates term by term: what the pages on coefficients start from.

Replicates of a slice become one estimate with a percentile interval (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13), so that all pages treat a slice alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from modelrun.report.page import Floats, Ints
from modelrun.report.tables import Tables, floats, words

INTERCEPTS = frozenset({"Intercept", "const", "intercept", "constant"})
"""Terms that stand last: nobody reads them first."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term of one model over all its slices; n rows."""

    model: str
    component: str
    term: str
    group: Ints
    """Row in Tables.groups, shape (n,)."""

    time: Ints
    """Position in Tables.times, shape (n,)."""

    estimate: Floats
    low: Floats
    """Lower end of the interval, NaN where unknown, shape (n,)."""

    high: Floats
    p: Floats
    p_adjusted: Floats
    error: Floats
    """Standard error: as reported, or the deviation of replicates, shape (n,)."""

    draws: Floats
    """All replicates, sorted within each row, shape (n * replicates,); empty without."""

    @property
    def label(self) -> str:
        """The term with its component, where that says more."""
        plain = not self.component or self.component in {"mean", "coefficient", "conditional"}
        return self.term if plain else f"{self.component}: {self.term}"

    def matrix(self, values: Floats, groups: int, times: int) -> Floats:
        """Return values by group and time, NaN where there is no fit, shape (groups, times)."""
        found = np.full((groups, times), np.nan)
        found[self.group, self.time] = values
        return found


def terms(tables: Tables) -> tuple[Term, ...]:
    """Return the terms of every model, models in order of their names, terms of the formula."""
    table = tables.coefficients
    if not table.num_rows or "term" not in table.column_names:
        return ()
    models, model = words(table, "model")
    components, component = words(table, "component")
    names, name = words(table, "term")
    code = (model * len(components) + component) * len(names) + name
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    columns = _columns(table, tables)
    level = float(tables.spec.get("results", {}).get("confLevel", "0.95"))
    found = []
    for rows in np.split(order, starts[1:]):
        one = code[rows[0]]
        term = _term(
            (models[model[rows[0]]], components[component[rows[0]]], names[one % len(names)]),
            {key: values[rows] for key, values in columns.items()},
            level if tables.replicates else None,
        )
        if len(term.estimate):
            found.append((models[model[rows[0]]], term.term in INTERCEPTS, rows[0], term))
    return tuple(entry[-1] for entry in sorted(found, key=lambda entry: entry[:3]))


def interval_words(tables: Tables) -> str:
    """Name the interval of the estimates, as a legend does."""
    level = float(tables.spec.get("results", {}).get("confLevel", "0.95"))
    share = f"{100 * level:g}%"
    if tables.replicates:
        return f"{share} percentile interval of the replicates"
    if "conf_low" in tables.coefficients.column_names:
        return f"{share} confidence interval of the fit"
    return "±1.96 standard errors" if "std_error" in tables.coefficients.column_names else ""


def _columns(table: pa.Table, tables: Tables) -> dict[str, np.ndarray]:
    return {
        "group": tables.group_codes(table),
        "time": tables.time_codes(table),
        "estimate": floats(table, "estimate"),
        "error": floats(table, "std_error"),
        "low": floats(table, "conf_low"),
        "high": floats(table, "conf_high"),
        "p": floats(table, "p_value"),
        "p_adjusted": floats(table, "p_adjusted"),
    }


def _term(names: tuple[str, str, str], data: dict[str, np.ndarray], level: float | None) -> Term:
    keep = np.isfinite(data["estimate"])
    data = {key: values[keep] for key, values in data.items()}
    draws = np.empty(0)
    if level is not None:
        data, draws = _percentiles(data, level)
    elif not np.isfinite(data["low"]).any():
        data["low"] = data["estimate"] - 1.96 * data["error"]
        data["high"] = data["estimate"] + 1.96 * data["error"]
    return Term(
        model=names[0],
        component=names[1],
        term=names[2],
        group=data["group"],
        time=data["time"],
        estimate=data["estimate"],
        low=data["low"],
        high=data["high"],
        p=data["p"],
        p_adjusted=data["p_adjusted"],
        error=data["error"],
        draws=draws,
    )


def _percentiles(
    data: dict[str, np.ndarray], level: float
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Reduce the replicates of each slice to median, percentile interval and deviation."""
    cell = data["group"] * (int(data["time"].max(initial=0)) + 1) + data["time"]
    order = np.lexsort((data["estimate"], cell))
    cell, draws = cell[order], data["estimate"][order]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    sizes = np.diff(np.append(starts, len(cell)))

    def quantile(share: float) -> np.ndarray:
        place = share * (sizes - 1)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, sizes - 1)
        part = place - below
        found: np.ndarray = draws[starts + below] * (1 - part) + draws[starts + above] * part
        return found

    first = order[starts]
    if not len(first):
        return data, draws
    mean = np.add.reduceat(draws, starts) / sizes
    squares = np.add.reduceat((draws - np.repeat(mean, sizes)) ** 2, starts)
    absent = np.full(len(first), np.nan)
    return {
        "group": data["group"][first],
        "time": data["time"][first],
        "estimate": quantile(0.5),
        "error": np.sqrt(squares / np.maximum(sizes - 1, 1)),
        "low": quantile((1 - level) / 2),
        "high": quantile((1 + level) / 2),
        "p": absent,
        "p_adjusted": absent,
    }, draws
