"""Fits that failed or did not converge: by reason, model and time, each reason with an example."""

from __future__ import annotations

import numpy as np

from modelrun.report import numbers
from modelrun.report.page import Bars, Grid, Page, Table
from modelrun.report.style import STATUS
from modelrun.report.tables import Tables, words

MOST_BARS = 60
LONGEST = 230
"""Characters of a message that are shown."""


def pages(tables: Tables) -> tuple[Page, ...]:
    """Return a page on failures and non-convergence, where there are any."""
    status, code = words(tables.fits, "status")
    bad = {name: code == i for i, name in enumerate(status) if name in {"failed", "notConverged"}}
    counts = {name: int(rows.sum()) for name, rows in bad.items()}
    if not sum(counts.values()):
        return ()
    failed, slow = counts.get("failed", 0), counts.get("notConverged", 0)
    parts = []
    if failed:
        parts.append(f"{numbers.plural(failed, 'fit')} failed{_most(tables)}")
    if slow:
        parts.append(f"{numbers.count(slow)} did not converge")
    blocks: list[Grid | Table] = []
    if tables.windows:
        blocks.append(_over_time(tables, bad))
    blocks.append(_by_model(tables, bad))
    if tables.failures.num_rows:
        blocks.append(_examples(tables))
    return (
        Page(
            chapter="Failures",
            title=", ".join(parts),
            lead="Where fits went wrong. Failed fits have no estimates; those that did not "
            "converge keep theirs and are counted in all other pages.",
            blocks=tuple(blocks),
            note="failures.parquet has every message, traceback and the command that repeats "
            "the fit.",
        ),
    )


def _most(tables: Tables) -> str:
    reasons, code = words(tables.failures, "reason")
    if not tables.failures.num_rows or reasons == ("",):
        return ""
    counts = np.bincount(code)
    top = int(counts.argmax())
    if counts[top] == counts.sum():
        return f" with {reasons[top]}"
    return f", most with {reasons[top]} ({numbers.count(int(counts[top]))})"


def _over_time(tables: Tables, bad: dict[str, np.ndarray]) -> Grid:
    count = len(tables.times.x)
    bins = min(count, MOST_BARS)
    place = tables.time_codes(tables.fits) * bins // count
    names = [name for name in ("failed", "notConverged") if name in bad]
    cuts = -(-np.arange(bins) * count // bins)
    x = np.add.reduceat(tables.times.x, cuts) / np.diff(np.append(cuts, count))
    words_ = {"failed": "failed", "notConverged": "not converged"}
    series = tuple((words_[name], STATUS[name]) for name in names)
    return Grid(
        panels=(
            Bars(
                title="By time",
                x=x,
                values=np.array(
                    [np.bincount(place[bad[name]], minlength=bins) for name in names], np.float64
                ),
                series=series,
            ),
        ),
        columns=1,
        x_label=tables.time_label,
        y_label="fits",
        x_kind=tables.times.kind,
        legend=tuple((colour, name) for name, colour in series),
        alt="Failed and not converged fits over time.",
    )


def _by_model(tables: Tables, bad: dict[str, np.ndarray]) -> Table:
    models, model = words(tables.fits, "model")
    rows = []
    if tables.failures.num_rows:
        reasons, code = words(tables.failures, "reason")
        names, own = words(tables.failures, "model")
        for i in np.argsort(-np.bincount(code), kind="stable"):
            for j in np.argsort(names):
                count = int(((code == i) & (own == j)).sum())
                if count:
                    whole = (
                        int((model == models.index(names[j])).sum()) if names[j] in models else 0
                    )
                    rows.append((reasons[i], names[j], count, whole))
    if "notConverged" in bad:
        for j in np.argsort(models):
            count = int((bad["notConverged"] & (model == j)).sum())
            if count:
                rows.append(("not converged", models[j], count, int((model == j).sum())))
    return Table(
        caption="By reason and model",
        header=("reason", "model", "fits", "share of the model"),
        rows=tuple(
            (reason, name, numbers.count(count), numbers.percent(count / whole) if whole else "–")
            for reason, name, count, whole in rows[:12]
        ),
        align="llrr",
    )


def _examples(tables: Tables) -> Table:
    failures = tables.failures
    reasons, code = words(failures, "reason")
    _, first = np.unique(code, return_index=True)
    sample = failures.take(first.tolist())
    group = tables.group_codes(sample) if set(tables.keys) <= set(sample.column_names) else None
    time = tables.time_codes(sample)
    rows = []
    for i, row in enumerate(sample.to_pylist()):
        parts = [str(row.get("model", ""))]
        if group is not None and tables.groups[group[i]]:
            parts.append(tables.groups[group[i]])
        if tables.windows:
            parts.append(tables.times.labels[time[i]])
        message = " ".join(str(row.get("message") or "").split())
        if len(message) > LONGEST:
            message = message[: LONGEST - 1] + "…"
        command = next((str(row[key]) for key in ("command", "reproduce") if row.get(key)), "")
        rows.append((reasons[code[first[i]]], " · ".join(parts), message, command))
    if not any(row[-1] for row in rows):
        return Table("An example of each reason", ("reason", "fit", "message"),
                     tuple(row[:3] for row in rows[:8]))  # fmt: skip
    return Table(
        "An example of each reason",
        ("reason", "fit", "message", "how to repeat it"),
        tuple(rows[:8]),
    )
