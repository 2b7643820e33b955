"""A mistake in a document, and how it is shown: the place, the lines, and what to do about it.

Every stage that reads a ModelRun speaks through these: the loader about the document itself,
later stages (formulas, columns, preflight) about what the document says. This module knows how a
problem looks; what is wrong is decided elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["ABSENT", "Path", "Problem", "SpecError", "path_text", "shown"]

Path = tuple[str | int, ...]
"""A place in a document: keys and list positions from the root."""


class _Absent:
    """The value of something that is not there; None is a value of its own (null)."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Stands for the value of a problem that has none, such as a missing field."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][-A-Za-z0-9_]*")
_USER_INFO = re.compile(r"(?<=://)[^/@\s\"']+(?=@)")
_LONGEST_VALUE = 80
_LONGEST_LINE = 160


def path_text(path: Iterable[str | int]) -> str:
    """Return a path as people write it: `spec.models[0].fit`."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif _PLAIN_KEY.fullmatch(part):
            parts.append(f".{part}")
        else:
            parts.append(f"[{json.dumps(part, ensure_ascii=False)}]")
    return "".join(parts).removeprefix(".")


def redacted(text: str) -> str:
    """Return `text` with stars for the user and password of addresses in it, equally long."""
    return _USER_INFO.sub(lambda match: "*" * len(match[0]), text)


def shown(value: Any) -> str:
    """Return a value as JSON, shortened and without passwords, for a message."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    text = redacted(text)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 2] + " …"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake at one place.

    `str()` gives a line for logs and conditions, `render()` the block for a terminal.
    """

    path: str
    """The place in the document, such as `spec.models[0].fit`; empty for the document itself."""

    message: str
    """What is wrong, without the place."""

    source: str = "<document>"
    """The file's name, or what stands for it."""

    line: int | None = None
    """The line, from 1; None where the document is a dictionary and has none."""

    column: int | None = None
    """The column, from 1."""

    width: int = 1
    """How many characters the caret underlines."""

    value: Any = ABSENT
    """What was found there; ABSENT where nothing was."""

    allowed: tuple[str, ...] = ()
    """What would be right: the allowed words, or one sentence that describes them."""

    nearest: str | None = None
    """The allowed word that was probably meant."""

    hint: str | None = None
    """What to do, where the lines above do not say it."""

    excerpt: tuple[tuple[int, str], ...] = ()
    """Numbered lines of the source around the place; the last of them is the line itself."""

    @property
    def place(self) -> str:
        """The place as editors and terminals understand it: `file:line:column`."""
        if self.line is None:
            return self.source
        return f"{self.source}:{self.line}:{self.column}"

    def __str__(self) -> str:
        """Return the problem on one line."""
        text = f"{self.place}: {self._sentence()}"
        if self.value is not ABSENT:
            text += f" (found {shown(self.value)})"
        if self.nearest is not None:
            text += f"; did you mean {self.nearest}?"
        elif self.allowed:
            text += f"; allowed: {self._allowed()}"
        if self.hint is not None:
            text += f"; {self.hint}"
        return text

    def render(self, *, color: bool = False) -> str:
        """Return the problem as a block of lines: place, source lines with a caret, advice."""
        bold, red, dim, end = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m") if color else [""] * 4
        lines = [f"{bold}{self.place}{end}: {red}{self._sentence()}{end}"]
        margin = len(str(self.excerpt[-1][0])) if self.excerpt else 1
        for number, text in self.excerpt:
            lines.append(f"{dim}  {number:>{margin}} |{end} {_cut(text)}".rstrip())
        if self.excerpt and self.column is not None and self.column <= _LONGEST_LINE:
            # A tab moves the terminal as far in this line as in the one above it.
            before = "".join(
                "\t" if character == "\t" else " "
                for character in self.excerpt[-1][1][: self.column - 1].ljust(self.column - 1)
            )
            width = max(1, min(self.width, _LONGEST_LINE - self.column))
            lines.append(f"{dim}  {'':>{margin}} |{end} {before}{red}{'^' * width}{end}")
        if self.value is not ABSENT:
            lines.append(f"    found:        {shown(self.value)}")
        if self.allowed:
            lines.append(f"    allowed:      {self._allowed()}")
        if self.nearest is not None:
            lines.append(f"    did you mean: {bold}{self.nearest}{end}")
        if self.hint is not None:
            lines.append(f"    {self.hint}")
        return "\n".join(lines)

    def _sentence(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def _allowed(self) -> str:
        # Words are listed, sentences are alternatives.
        return (" or " if any(" " in one for one in self.allowed) else ", ").join(self.allowed)


def _cut(text: str) -> str:
    text = redacted(text)
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 2] + " …"


class SpecError(ValueError):
    """A document that cannot be used, with every problem that was found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems in the order of their places."""
        self.problems: tuple[Problem, ...] = tuple(
            sorted(problems, key=lambda one: (one.line or 0, one.column or 0, one.path))
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def render(self, *, color: bool = False) -> str:
        """Return all problems as blocks of lines, and their number where there are several."""
        blocks = [problem.render(color=color) for problem in self.problems]
        if len(blocks) > 1:
            blocks.append(f"{len(blocks)} problems in {self.problems[0].source}")
        return "\n\n".join(blocks)
