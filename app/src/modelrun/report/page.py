"""What a report is made of: pages of blocks, as plain data without any drawing.

The same pages are printed (`paper`) and shown in a browser (`screen`). All numbers are final here:
binned, thinned, sorted. Not the place for statistics (`contents`) or for looks (`style`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NOTHING: Floats = np.empty(0)
"""An absent series."""

Kind = Literal["number", "plain", "date"]
"""What an axis counts: numbers, numbers without separators such as years, or days since 1970."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values fall between edges."""

    title: str
    edges: Floats
    """Shape (k + 1,)."""

    counts: Floats
    """Shape (k,)."""

    note: str = ""
    marks: tuple[tuple[float, str], ...] = ()
    """Values with a word, drawn as vertical lines."""

    zero: bool = False
    """Whether zero is marked where it is in reach."""

    reference: float | None = None
    """A height that all bars would have under a named assumption."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """A value with one or two intervals for each row, from the top downwards."""

    title: str
    labels: tuple[str, ...]
    middle: Floats
    low: Floats = field(default_factory=lambda: NOTHING)
    high: Floats = field(default_factory=lambda: NOTHING)
    inner_low: Floats = field(default_factory=lambda: NOTHING)
    inner_high: Floats = field(default_factory=lambda: NOTHING)
    note: str = ""
    label_every: int = 1
    """Rows from one written label to the next."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A value over an ordered axis with one or two ribbons; NaN interrupts it."""

    title: str
    x: Floats
    middle: Floats
    low: Floats = field(default_factory=lambda: NOTHING)
    high: Floats = field(default_factory=lambda: NOTHING)
    inner_low: Floats = field(default_factory=lambda: NOTHING)
    inner_high: Floats = field(default_factory=lambda: NOTHING)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    """A matrix coloured around zero."""

    title: str
    x: Floats
    """Shape (c,)."""

    rows: tuple[str, ...]
    """From the top, length r."""

    values: Floats
    """Shape (r, c); NaN stays empty."""

    limit: float
    """Where the colours end, on both sides of zero."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points in classes, drawn from the first class to the last."""

    title: str
    x: Floats
    y: Floats
    kind: Ints
    """Class of each point, an index into `kinds`."""

    kinds: tuple[tuple[str, str], ...]
    """Name and colour of each class."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked counts over an ordered axis of equal steps."""

    title: str
    x: Floats
    """Middles of the bars, shape (n,)."""

    values: Floats
    """Shape (s, n)."""

    series: tuple[tuple[str, str], ...]
    """Name and colour of each series, length s."""

    note: str = ""


Panel = Histogram | Ranges | Lines | Heat | Cloud | Bars


@dataclass(frozen=True, slots=True)
class Grid:
    """Panels of one kind side by side; takes the height that other blocks leave."""

    panels: tuple[Panel, ...]
    columns: int
    x_label: str = ""
    y_label: str = ""
    x_kind: Kind = "number"
    shared: bool = False
    """Whether all panels have the same axes, labelled at the outer ones only."""

    legend: tuple[tuple[str, str], ...] = ()
    """Mark (`line`, `ribbon`, `inner`, `dot`, `bar`, `dash`) or a colour, with what it means."""

    alt: str = ""
    """What a reader who does not see it should know."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str = ""
    """One letter for each column: l or r; l by default."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """A few large numbers with their names; a colour marks those that need attention."""

    items: tuple[tuple[str, str, str], ...]
    """Value, name, colour or an empty text."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of a whole as one bar."""

    parts: tuple[tuple[str, int, str], ...]
    """Name, count, colour."""


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines in a fixed-width face."""

    caption: str
    lines: tuple[str, ...]


Block = Grid | Table | Tiles | Shares | Text | Code


@dataclass(frozen=True, slots=True)
class Page:
    """One page of paper, one section of the screen."""

    chapter: str
    """A short name for the table of contents; pages of a chapter follow each other."""

    title: str
    """The message."""

    lead: str
    """What is shown and how to read it."""

    blocks: tuple[Block, ...]
    note: str = ""
    """What must be known before conclusions are drawn."""

    summary: str = ""
    """The message of the whole chapter, where the title speaks of a part of it."""
