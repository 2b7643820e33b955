"""Where the numbers come from: data, versions, seeds, threads, and the file itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml

from modelrun.report.page import Code, Page, Table
from modelrun.report.tables import Tables

ROWS = 54
"""Facts on one page, in two columns."""

SHORT = 44
"""Up to so many facts and lines, both stand on one page."""

LINES = 100
"""Lines of the file on one page, in two columns."""

WIDTH = 84
"""Characters of such a line."""

ELSEWHERE = frozenset({"spec", "fits", "packages", "formatVersion", "verdict"})
"""Parts of run.json that stand elsewhere in the report."""


def pages(tables: Tables) -> tuple[Page, ...]:
    """Return the facts of run.json and the resolved file."""
    facts = list(_facts({k: v for k, v in tables.run.items() if k not in ELSEWHERE}))
    found = []
    for i in range(0, len(facts), ROWS):
        part = facts[i : i + ROWS]
        half = -(-len(part) // 2)
        rows = tuple(
            (*part[j], *(part[half + j] if half + j < len(part) else ("", ""))) for j in range(half)
        )
        found.append(
            Page(
                chapter="Provenance",
                title="Where these numbers come from",
                lead="With the same data, file and versions, the same numbers come out.",
                blocks=(Table("From run.json", ("what", "value", "what", "value"), rows),),
            )
        )
    lines = _file(tables.spec) if tables.spec else []
    if len(found) == 1 and len(lines) <= SHORT and len(facts) <= SHORT:
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


def _facts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested maps with their paths; lists of plain values are one leaf."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for i, inner in enumerate(value[:8]):
            parts = [text for _, text in _facts(inner)]
            yield f"{path}[{i}]" if len(value) > 1 else path, " · ".join(parts)
    elif value not in (None, "", []):
        if isinstance(value, list):
            text = ", ".join(map(str, value))
        elif isinstance(value, float):
            text = f"{value:.6g}"
        else:
            text = str(value)
        yield path, " ".join(text.split())


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
