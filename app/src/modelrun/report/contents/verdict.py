"""The first page: what was asked, what came of it, what to trust, and how it was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from modelrun.report import numbers
from modelrun.report.contents.methods import sentences, settings
from modelrun.report.page import Block, Page, Shares, Table, Text, Tiles
from modelrun.report.style import ORANGE, STATUS, VERMILLION
from modelrun.report.tables import Tables, flags, words

ROOM = 6.55
"""Inches that a page has for blocks and the gaps below them, where its lead is one line."""

LEAD = 0.17
"""Inches of each further line of the lead."""

WORDS = 135
"""Characters of a line of text at least."""

CELLS = 150
"""Characters of a row of a table at least."""

STATUS_WORDS = {
    "succeeded": "succeeded",
    "notConverged": "not converged",
    "failed": "failed",
    "skipped": "skipped",
}


def pages(tables: Tables, rest: Sequence[Page] = ()) -> tuple[Page, ...]:
    """Return the verdict, with the messages of the pages that follow it."""
    counts = tally(tables)
    total = counts["total"]
    tiles = [
        (numbers.count(total), "fits asked", ""),
        (numbers.count(counts["succeeded"]), "succeeded", STATUS["succeeded"]),
        (numbers.count(counts["notConverged"]), "not converged",
         ORANGE if counts["notConverged"] else ""),
        (numbers.count(counts["failed"]), "failed", VERMILLION if counts["failed"] else ""),
        (numbers.count(counts["skipped"]), "skipped", ""),
        (numbers.count(counts["reused"]), "reused", ""),
    ]  # fmt: skip
    seconds = wall_seconds(tables.run)
    if seconds is not None:
        tiles.append((numbers.duration(seconds), "time", ""))
    remarks = _remarks(tables, counts)
    blocks: list[Block] = [
        Tiles(tuple(tiles)),
        Shares(
            tuple(
                (STATUS_WORDS[name], counts[name], STATUS[name]) for name in STATUS if counts[name]
            )
        ),
        _models(tables),
        Text("How it was done", sentences(tables)),
        *((Text("What to keep in mind", remarks),) if remarks else ()),
        *((Text("In short", _messages(rest)),) if rest else ()),
    ]
    lead = f"Study {tables.name}: {_extent(tables)}."
    room = ROOM - LEAD * (len(lead) // WORDS)
    return tuple(
        Page(
            chapter="Verdict",
            title=_headline(counts) + (", continued" if i else ""),
            lead=lead,
            blocks=portion,
        )
        for i, portion in enumerate(_filled(blocks, room))
    )


def _filled(blocks: Sequence[Block], room: float) -> Iterator[tuple[Block, ...]]:
    """Yield the blocks of each page, as many as its inches hold."""
    page: list[Block] = []
    used = 0.0
    for block in blocks:
        tall = _inches(block)
        if page and used + tall > room:
            yield tuple(page)
            page, used = [], 0.0
        page.append(block)
        used += tall
    yield tuple(page)


def _inches(block: Block) -> float:
    """Return how much of a page a block takes at most, with the gap below it."""
    match block:
        case Tiles():
            return 0.92
        case Shares():
            return 0.62
        case Text(paragraphs=paragraphs):
            return 0.44 + sum(0.06 + 0.165 * -(-len(text) // WORDS) for text in paragraphs)
        case Table(header=header, rows=rows):
            widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
            lines = 1 if sum(widths) + 3 * len(widths) <= CELLS else 3
            return 0.65 + len(rows) * (0.05 + 0.14 * lines)
        case _:
            return 0.0


def _messages(rest: Sequence[Page]) -> tuple[str, ...]:
    """Return the first message of each chapter."""
    first: dict[str, str] = {}
    for page in rest:
        first.setdefault(page.chapter, f"{page.chapter}: {page.summary or page.title}.")
    return tuple(first.values())


def tally(tables: Tables) -> dict[str, int]:
    """Return how many fits ended how: from run.json, else counted in the tables."""
    said = tables.run.get("fits")
    names = ("total", *STATUS_WORDS, "reused")
    if isinstance(said, Mapping) and all(name in said for name in names[:5]):
        return {name: int(said.get(name, 0)) for name in names}
    status, code = words(tables.fits, "status")
    counts = dict(zip(status, np.bincount(code, minlength=len(status)).tolist(), strict=True))
    return {
        "total": tables.fits.num_rows,
        **{name: int(counts.get(name, 0)) for name in STATUS_WORDS},
        "reused": int(flags(tables.fits, "reused").sum()),
    }


def wall_seconds(run: Mapping[str, Any]) -> float | None:
    """Return how long the run took, in seconds, where run.json says so."""
    timings = run.get("timings")
    for place in (timings, run):
        if isinstance(place, Mapping):
            for name in ("total", "wall", "seconds", "totalSeconds", "wallSeconds"):
                if isinstance(place.get(name), int | float):
                    return float(place[name])
    if isinstance(timings, Mapping):
        parts = [float(part) for part in timings.values() if isinstance(part, int | float)]
        return sum(parts) if parts else None
    return None


def _headline(counts: Mapping[str, int]) -> str:
    total = counts["total"]
    whole = numbers.plural(total, "fit")
    if total and counts["succeeded"] == total:
        return "The fit succeeded" if total == 1 else f"All {whole} succeeded"
    if total and counts["failed"] == total:
        return "The fit failed" if total == 1 else f"All {whole} failed: there is nothing to read"
    parts = [
        f"{numbers.count(counts[name])} {word}"
        for name, word in (
            ("failed", "failed"),
            ("notConverged", "did not converge"),
            ("skipped", "was skipped" if counts["skipped"] == 1 else "were skipped"),
        )
        if counts[name]
    ]
    return f"{numbers.count(counts['succeeded'])} of {whole} succeeded, " + (
        numbers.enumerate_words(parts) or "the others are unaccounted for"
    )


def _extent(tables: Tables) -> str:
    parts = [numbers.plural(len(tables.models), "model")]
    if len(tables.groups) > 1:
        parts.append(numbers.plural(len(tables.groups), "group"))
    if tables.windows:
        labels = tables.times.labels
        parts.append(
            f"{numbers.plural(len(labels), 'window')} (ending {labels[0]} to {labels[-1]})"
        )
    replicates = ((tables.spec.get("slices") or {}).get("resample") or {}).get("replicates")
    if replicates:
        parts.append(numbers.plural(replicates, "replicate"))
    return " × ".join(parts)


def _models(tables: Tables) -> Table:
    models, code = words(tables.fits, "model")
    status, state = words(tables.fits, "status")
    engines, engine = words(tables.fits, "engine")
    said = {
        str(model.get("name")): model
        for model in tables.spec.get("models", [])
        if isinstance(model, Mapping)
    }
    has_settings = any(map(settings, said.values()))
    rows = []
    for i in np.argsort(models)[:10]:
        here = code == i
        counts = np.bincount(state[here], minlength=len(status))
        model = said.get(models[i], {})
        used = [engines[j] for j in np.unique(engine[here]) if engines[j]]
        rows.append(
            (
                models[i],
                str(model.get("estimator") or ("callable" if model.get("callable") else "–")),
                *((settings(model),) if has_settings else ()),
                str(model.get("formula") or model.get("callable") or model.get("endog") or "–"),
                ", ".join(used) or "–",
                numbers.count(int(here.sum())),
                *(
                    numbers.count(int(counts[status.index(name)]) if name in status else 0)
                    for name in STATUS_WORDS
                ),
            )
        )
    caption = "Models" + (f", the first 10 of {len(models)}" if len(models) > 10 else "")
    return Table(
        caption=caption,
        header=(
            "model",
            "estimator",
            *(("settings",) if has_settings else ()),
            "formula",
            "engine",
            "fits",
            *STATUS_WORDS.values(),
        ),
        rows=tuple(rows),
        align="l" * (4 + has_settings) + "rrrrr",
    )


def _remarks(tables: Tables, counts: Mapping[str, int]) -> tuple[str, ...]:
    fits = tables.fits
    found = []
    numerics, numeric = words(fits, "numerics")
    unstable = int(np.array([word == "unstable" for word in numerics])[numeric].sum())
    if counts["notConverged"]:
        found.append(
            f"{numbers.plural(counts['notConverged'], 'fit')} did not converge; "
            f"{'its' if counts['notConverged'] == 1 else 'their'} coefficients are kept in the "
            "tables and marked there."
        )
    if unstable:
        found.append(
            f"{numbers.plural(unstable, 'fit depends', 'fits depend')} on rounding (numerics = "
            "unstable): last digits differ between machines."
        )
    for name, text in (
        ("separated", "separated data: some estimates would grow without bound"),
        ("rank_deficient", "collinear regressors: single coefficients are not identified"),
    ):
        number = int(flags(fits, name).sum())
        if number:
            found.append(f"{numbers.plural(number, 'fit')} with {text}.")
    if counts["skipped"]:
        found.append(
            f"{numbers.plural(counts['skipped'], 'slice')} had too few complete rows and "
            f"{'was' if counts['skipped'] == 1 else 'were'} not fitted."
        )
    return tuple(found)
