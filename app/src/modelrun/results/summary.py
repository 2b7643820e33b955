"""A finished run in a few lines: how its fits ended, what the coefficients are, what failed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelrun.results import tables
from modelrun.results.opened import Opened
from modelrun.store.segment import STATUSES

if TYPE_CHECKING:
    from rich.console import Group

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class TermSummary:
    """The estimates of one term across the fits of one model."""

    model: str
    component: str
    term: str
    fits: int
    """Fits with a finite estimate."""

    mean: float | None
    sd: float | None
    """The spread of the estimates across fits; not a standard error."""

    low: float | None
    """The 2.5 % quantile of the estimates."""

    median: float | None
    high: float | None
    """The 97.5 % quantile of the estimates."""

    significant: float | None
    """The share of p-values below 0.05, adjusted ones where there are any."""


@dataclass(frozen=True, slots=True)
class Failing:
    """One way of not succeeding."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What `modelrun results` shows."""

    location: str
    study: str
    complete: bool
    """Whether run.json is there."""

    fits: dict[str, int]
    models: dict[str, dict[str, int]]
    """Fits of each model by status."""

    terms: tuple[TermSummary, ...]
    failures: tuple[Failing, ...]
    audit: str
    seconds: float | None
    files: tuple[str, ...]
    """Addresses of everything that people open."""

    def document(self) -> dict[str, Any]:
        """Return the summary as JSON can say it."""
        return asdict(self)

    def __rich__(self) -> Group:
        """Return the summary as rich prints it."""
        from modelrun.results.display import summary

        return summary(self)


def summarise(location: str | os.PathLike[str]) -> Summary:
    """Return the summary of the results at a location.

    Raises:
        UserMistake: There are no results.
    """
    return summary_of(Opened(location))


def failing(location: str | os.PathLike[str]) -> tuple[Failing, ...]:
    """Return why fits failed at a location, the most frequent reason first.

    Raises:
        UserMistake: There are no results.
    """
    results = Opened(location)
    return _failures(results, results.labels())


def summary_of(results: Opened) -> Summary:
    """Return the summary of opened results."""
    labels = results.labels()
    fits = results.table(tables.FITS, [*labels, "status", "reused"])
    audit = results.run.get("audit") or {}
    timings = results.run.get("timings") or {}
    return Summary(
        location=results.place.uri,
        study=str(results.run.get("study") or ""),
        complete=bool(results.run),
        fits=_counts(results, fits),
        models=_by_model(fits),
        terms=tuple(_terms(results)),
        failures=_failures(results, labels),
        audit=str(audit.get("sentence") or "") if isinstance(audit, dict) else str(audit),
        seconds=timings.get("total"),
        files=tuple(results.place.show(name) for name in results.files),
    )


def _counts(results: Opened, fits: pa.Table) -> dict[str, int]:
    said = results.run.get("fits")
    if isinstance(said, dict):
        return {str(name): int(count) for name, count in said.items()}
    found = {row["values"]: row["counts"] for row in pc.value_counts(fits["status"]).to_pylist()}
    counts = {"total": fits.num_rows}
    counts |= {status: int(found.get(status, 0)) for status in STATUSES}
    return {**counts, "reused": int(pc.sum(fits["reused"]).as_py() or 0)}


def _by_model(fits: pa.Table) -> dict[str, dict[str, int]]:
    grouped = fits.group_by(["model", "status"]).aggregate([([], "count_all")])
    models: dict[str, dict[str, int]] = {}
    for row in sorted(grouped.to_pylist(), key=lambda row: str(row["model"])):
        counts = models.setdefault(row["model"], dict.fromkeys(STATUSES, 0))
        counts[row["status"]] = row["count_all"]
    return models


def _terms(results: Opened) -> list[TermSummary]:
    there = results.columns(tables.COEFFICIENTS)
    wanted = [n for n in ("estimate", "p_value", "p_adjusted") if n in there]
    table = results.table(tables.COEFFICIENTS, ["model", "component", "term", *wanted])
    labels = [table[name].combine_chunks() for name in ("model", "component", "term")]
    code, first = _groups(labels)
    order = np.argsort(code, kind="stable")
    cuts = np.flatnonzero(np.diff(code[order])) + 1
    p_name = next((name for name in ("p_adjusted", "p_value") if name in wanted), None)
    nothing = np.full(len(code), np.nan)
    estimate = table["estimate"].to_numpy() if "estimate" in wanted else nothing
    p_value = table[p_name].to_numpy() if p_name else nothing
    found = []
    for rows in np.split(order, cuts) if len(order) else []:
        values = estimate[rows]
        values = values[np.isfinite(values)]
        p = p_value[rows]
        p = p[np.isfinite(p)]
        low, median, high = (
            np.quantile(values, [0.025, 0.5, 0.975]).tolist() if len(values) else (None,) * 3
        )
        model, component, term = (
            str(label[int(first[code[rows[0]]])].as_py() or "") for label in labels
        )
        found.append(
            TermSummary(
                model=model,
                component=component,
                term=term,
                fits=len(values),
                mean=float(values.mean()) if len(values) else None,
                sd=float(values.std(ddof=1)) if len(values) > 1 else None,
                low=low,
                median=median,
                high=high,
                significant=float((p < SIGNIFICANT).mean()) if len(p) else None,
            )
        )
    return found


def _groups(labels: Sequence[pa.Array]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the group of each row, numbered by first appearance, and each group's first row."""
    code = np.zeros(len(labels[0]), np.int64)
    for label in labels:
        encoded = label.dictionary_encode()
        code = code * (len(encoded.dictionary) + 1) + encoded.indices.fill_null(-1).to_numpy() + 1
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[inverse], first[order]


def _failures(results: Opened, labels: list[str]) -> tuple[Failing, ...]:
    if tables.FAILURES not in results.tables:
        return ()
    table = results.table(tables.FAILURES, [*labels, "reason", "message"])
    found: dict[str, Failing] = {}
    counts = {row["values"]: row["counts"] for row in pc.value_counts(table["reason"]).to_pylist()}
    for reason, count in sorted(counts.items(), key=lambda item: -item[1]):
        at = pc.index(table["reason"], pa.scalar(reason, pa.string())).as_py()
        row = table.slice(at, 1).to_pylist()[0]
        where = " · ".join(name_of(label, row[label]) for label in labels)
        message = " ".join(str(row["message"] or "").split())
        found[reason] = Failing(str(reason), int(count), f"{where}: {message}")
    return tuple(found.values())


def name_of(label: str, value: object) -> str:
    """Return one label of a fit in words: `portfolio=S1V1`, dates without their midnight."""
    text = str(value)
    text = text.removesuffix(" 00:00:00")
    return text if label == "model" else f"{label}={text}"
