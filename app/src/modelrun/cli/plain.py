"""Command lines of `modelrun run` that need no explanation, read without the library for the rest.

typer and what it imports cost a tenth of a second, a tenth of a short run. A command line that
names a file and options of `run`, each well formed, is read here; everything else, mistakes and
questions included, is None here and for typer, which teaches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelrun.options import RunOptions

_FLAGS: Final[Mapping[str, tuple[str, bool]]] = {
    "--tls": ("tls", True),
    "--dashboard": ("dashboard", True),
    "--no-report": ("report", False),
}
"""Options without a value: the field of RunOptions, and what it becomes."""

_VALUES: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "--to": ("to", str),
    "--backend": ("backend", str),
    "--workers": ("workers", int),
    "-w": ("workers", int),
    "--sample": ("sample", int),
    "--profile": ("profile", Path),
}
_QUIET: Final = frozenset({"--quiet", "-q"})
_BACKENDS: Final = frozenset({"serial", "threads", "dask"})


@dataclass(frozen=True, slots=True)
class PlainRun:
    """What a plain command line says."""

    file: Path
    options: RunOptions
    show: str


def read(words: Sequence[str]) -> PlainRun | None:
    """Return what the words after `modelrun` say, None where they are not plain."""
    if not words or words[0] != "run":
        return None
    files: list[Path] = []
    given: dict[str, Any] = {}
    show = "auto"
    rest = iter(words[1:])
    for word in rest:
        if word in _QUIET:
            show = "quiet"
        elif word in _FLAGS:
            name, value = _FLAGS[word]
            given[name] = value
        elif word in _VALUES:
            name, made = _VALUES[word]
            text = next(rest, "")
            if not text or text.startswith("-"):
                return None
            try:
                given[name] = made(text)
            except ValueError:
                return None
        elif word.startswith("-"):
            return None
        else:
            files.append(Path(word))
    if len(files) != 1 or not _possible(given):
        return None
    return PlainRun(files[0], RunOptions(**given), show)


def _possible(given: Mapping[str, Any]) -> bool:
    counts = [given[name] for name in ("workers", "sample") if name in given]
    return given.get("backend", "serial") in _BACKENDS and all(count >= 1 for count in counts)
