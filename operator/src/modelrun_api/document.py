"""A document with the place of every key and value.

The tree is plain JSON data; beside it stands a map from paths to places, so that any stage
(schema, formulas, columns of the data) can point at the line that it complains about. This module
knows nothing of what a ModelRun may contain, nor how YAML is read.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelrun_api.problems import ABSENT, Path, Problem, path_text

__all__ = ["Document", "Place", "excerpt"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key and its value stand; lines and columns from 0."""

    key: tuple[int, int]
    """Line and column of the key, or of the value where there is no key."""

    value: tuple[int, int]
    """Line and column of the value."""

    end: tuple[int, int]
    """Where the value ends."""

    text: str | None = None
    """A plain scalar as it is written, for advice about quotes."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its data, and where each part of it stands."""

    value: dict[str, Any]
    """The document as JSON data, with numbers as the API server stores them."""

    source: str = "<document>"
    """The file's name, or what stands for it."""

    lines: tuple[str, ...] = field(default=(), repr=False)
    """The lines of the whole source; empty for a dictionary."""

    places: Mapping[Path, Place] = field(default_factory=dict, repr=False)
    """Where each path stands; empty for a dictionary."""

    def problem(
        self,
        path: Path,
        message: str,
        *,
        value: Any = ABSENT,
        allowed: Iterable[str] = (),
        nearest: str | None = None,
        hint: str | None = None,
        at_key: bool = False,
        offset: int = 0,
    ) -> Problem:
        """Return a problem that points at a path of this document.

        Args:
            path: keys and list positions from the root, such as ("spec", "models", 0, "formula").
                A path that is not in the document points at its nearest parent.
            message: what is wrong, without the place.
            value: what was found, where that is not plain from the line.
            allowed: the words that would be right, or one sentence.
            nearest: the word that was meant; found among `allowed` where not given.
            hint: what to do next.
            at_key: point at the key instead of the value.
            offset: characters into a text that stands on one line, such as a formula.
        """
        allowed = tuple(allowed)
        if nearest is None and isinstance(value, str) and len(allowed) > 1:
            nearest = next(iter(difflib.get_close_matches(value, allowed, n=1)), None)
        line, column, width = self._span(path, at_key=at_key, offset=offset)
        return Problem(
            path=path_text(path),
            message=message,
            source=self.source,
            line=line,
            column=column,
            width=width,
            value=value,
            allowed=allowed,
            nearest=nearest,
            hint=hint,
            excerpt=excerpt(self.lines, line),
        )

    def text_at(self, path: Path) -> str | None:
        """Return the plain scalar at a path as it is written, or None where it is none."""
        place = self.places.get(path)
        return place.text if place is not None else None

    def _span(self, path: Path, *, at_key: bool, offset: int) -> tuple[int | None, int | None, int]:
        place = self.places.get(path)
        missing = place is None
        while place is None and path:
            path = path[:-1]
            place = self.places.get(path)
        if place is None:
            return None, None, 1
        (line, column), (end_line, end_column) = place.value, place.end
        if at_key or place.key[0] < line or (missing and place.key != place.value):
            # A block below its key: the key names it, the lines below are its contents.
            line, column = place.key
            last = path[-1] if path else ""
            return line + 1, column + 1, len(last) if isinstance(last, str) else 1
        written = self.lines[line][column:] if line < len(self.lines) else ""
        if offset and line == end_line:
            column += offset + (1 if written[:1] in {"'", '"'} else 0)
            return line + 1, column + 1, 1
        width = end_column - column if line == end_line else len(written.rstrip())
        return line + 1, column + 1, max(1, width)


def excerpt(lines: tuple[str, ...], line: int | None) -> tuple[tuple[int, str], ...]:
    """Return up to three numbered lines that end with `line` (from 1)."""
    if line is None or line > len(lines):
        return ()
    first = max(1, line - 2)
    return tuple((number, lines[number - 1]) for number in range(first, line + 1))
