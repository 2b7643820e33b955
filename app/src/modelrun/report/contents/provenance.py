"""Where the numbers come from: data, versions, seeds, threads, and the file itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml

from modelrun.report import numbers
from modelrun.report.page import Code, Page, Table
from modelrun.report.tables import Tables

Fact = tuple[str, str]
"""What is known, and its value in words."""

ROOM = 31
"""Rows of one line that fit on a page."""

BESIDE = 78
"""Characters that the values of both columns hold together in one line."""

LINES = 100
"""Lines of the file on one page, in two columns."""

WIDTH = 84
"""Characters of such a line."""

ELSEWHERE = frozenset({"spec", "fits", "packages", "formatVersion", "verdict"})
"""Parts of run.json that stand elsewhere in the report."""


def pages(tables: Tables) -> tuple[Page, ...]:
    """Return the facts of run.json and the resolved file."""
    if not tables.run:
        return ()
    facts = list(_facts({k: v for k, v in tables.run.items() if k not in ELSEWHERE}))
    found = [
        Page(
            chapter="Provenance",
            title="Where these numbers come from" + (", continued" if i else ""),
            lead="With the same data, file and versions, the same numbers come out.",
            blocks=(Table("From run.json", ("what", "value", "what", "value"), rows),),
        )
        for i, rows in enumerate(_columns(facts))
    ]
    lines = _file(tables.spec) if tables.spec else []
    if len(found) == 1 and _height(facts) + 0.62 * -(-len(lines) // 2) + 3 <= ROOM:
        page = found[0]
        return (replace(page, blocks=(*page.blocks, Code("The file", tuple(lines)))),)
    found.extend(
        Page(
            chapter="Provenance",
            title="The file that made them",
            lead="The spec with every default written out.",
            blocks=(Code("spec", tuple(lines[i : i + LINES])),),
        )
        for i in range(0, len(lines), LINES)
    )
    return tuple(found)


def _columns(facts: list[Fact]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield the rows of each page, two facts in each."""
    while facts:
        count = len(facts)
        while count > 1 and _height(facts[:count]) > ROOM:
            count -= 1
        half = -(-count // 2)
        yield tuple(
            (*facts[j], *(facts[half + j] if half + j < count else ("", ""))) for j in range(half)
        )
        facts = facts[count:]


def _height(facts: list[Fact]) -> float:
    """Return how many rows of one line these facts take in two columns, at most."""
    half = -(-len(facts) // 2)
    tall = 0.0
    for j in range(half):
        values = [facts[j][1], facts[half + j][1] if half + j < len(facts) else ""]
        lines = max(-(-len(value) // (BESIDE // 2)) for value in values)
        tall += 1 + 0.75 * (min(3, max(1, lines)) - 1)
    return tall


def _facts(run: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield what run.json says, one fact a row, related ones together."""
    for name, value in run.items():
        match name, value:
            case "models", list():
                yield from _models(value)
            case "audit", Mapping():
                yield from _audit(value)
            case "threads", Mapping():
                yield from _threads(value)
            case "platform", Mapping():
                cpus = int(value.get("cpus") or 1)
                named = (value.get(key) for key in ("release", "machine", "cpu", "python"))
                parts = [*filter(None, named), numbers.plural(cpus, "processor")]
                yield name, f"{value.get('system')} {', '.join(map(str, parts))}"
            case (("timings" | "formula" | "backend"), Mapping()):
                yield name, ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
            case _:
                yield from _leaves(value, name)


def _models(models: list[Any]) -> Iterator[Fact]:
    """Yield each way in which models were fitted, with the models that went it."""
    ways: dict[str, list[str]] = {}
    for model in models:
        if isinstance(model, Mapping):
            ways.setdefault(f"{model.get('engine')}; {model.get('design')}", []).append(
                str(model.get("name"))
            )
    for way, names in ways.items():
        name = "engine and design"
        yield name, f"{numbers.enumerate_words(names)}: {way}" if len(models) > 1 else way


def _audit(audit: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the counts of the audit; its sentence stands on the first page."""
    if not audit.get("fits"):
        return
    said = f"{audit['fits']:,} fits, {audit.get('random', 0):,} of them at random"
    yield "audit", f"{said}; {audit.get('violations', 0):,} violations"
    largest = {k: v for k, v in (audit.get("largest") or {}).items() if v}
    if largest:
        worst = sorted(largest.items(), key=lambda item: -item[1])[:3]
        yield (
            "largest differences",
            ", ".join(f"{key} {value:.1e}" for key, value in worst) + " of what is allowed",
        )


def _threads(threads: Mapping[str, Any]) -> Iterator[Fact]:
    values = set(threads.values())
    if len(values) == 1 and "" not in values:
        yield "threads", f"{values.pop()} in all {len(threads)} variables of numeric libraries"
    else:
        yield from _leaves(threads, "threads")


def _leaves(value: Any, path: str) -> Iterator[Fact]:
    """Yield the leaves of nested maps with their paths; lists of plain values are one leaf."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for i, inner in enumerate(value[:8]):
            parts = [text for _, text in _leaves(inner, "")]
            yield f"{path}[{i}]" if len(value) > 1 else path, " · ".join(parts)
    elif value not in (None, "", []):
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(map(str, value))
    else:
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())


def _file(spec: Mapping[str, Any]) -> list[str]:
    text = yaml.safe_dump(_plain(spec), sort_keys=False, allow_unicode=True, width=WIDTH)
    return [
        part
        for line in text.splitlines()
        for part in (textwrap.wrap(line, WIDTH, subsequent_indent="      ") or [""])
    ]


def _plain(value: Any) -> Any:
    """Return a copy without empty members, which say nothing."""
    if isinstance(value, Mapping):
        pairs = {str(key): _plain(inner) for key, inner in value.items()}
        return {key: inner for key, inner in pairs.items() if inner not in (None, [], {}, "")}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
