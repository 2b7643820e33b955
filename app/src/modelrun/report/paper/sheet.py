"""A sheet of paper in inches, from its upper left corner, on which shapes are collected.

Shapes of one style are kept together, because a few collections are drawn quickly and thirty axes
slowly: a panel is arithmetic, not an object. What is collected becomes PDF through `ink`, and SVG
through `drawing`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from modelrun.report.page import Floats
from modelrun.report.style import INK

WIDTH, HEIGHT = 11.69, 8.27
"""A4, landscape."""

Side = Literal["left", "center", "right"]
Level = Literal["baseline", "center"]
Face = Literal["regular", "bold", "mono"]


@dataclass(frozen=True, slots=True)
class Pen:
    """The style of lines: colour, width in points, whether dashed, and the layer."""

    colour: str
    width: float
    dash: bool
    layer: float


@dataclass(frozen=True, slots=True)
class Fill:
    """The style of areas and dots."""

    colour: str
    alpha: float
    layer: float
    size: float = 0.0
    """Diameter of dots in points."""


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    side: Side
    """The side of the words that lies at x."""

    level: Level
    face: Face
    upwards: bool
    """Whether it is read from bottom to top."""


@dataclass(frozen=True, slots=True)
class Image:
    """Pixels in a rectangle."""

    pixels: npt.NDArray[np.uint8]
    """Shape (rows, columns, 4)."""

    left: float
    top: float
    width: float
    height: float


@dataclass(slots=True)
class Sheet:
    """A page that is being drawn; all places and lengths in inches, downwards from the top."""

    lines: dict[Pen, list[Floats]] = field(default_factory=lambda: defaultdict(list))
    areas: dict[Fill, list[Floats]] = field(default_factory=lambda: defaultdict(list))
    points: dict[Fill, list[Floats]] = field(default_factory=lambda: defaultdict(list))
    images: list[Image] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)

    def line(
        self,
        points: Floats,
        colour: str,
        width: float = 0.8,
        *,
        dash: bool = False,
        layer: float = 2.0,
    ) -> None:
        """Draw a line through points, shape (n, 2); NaN interrupts it."""
        self.lines[Pen(colour, width, dash, layer)].extend(_parts(points))

    def area(self, points: Floats, colour: str, alpha: float = 1.0, *, layer: float = 1.0) -> None:
        """Fill the polygon of points, shape (n, 2)."""
        self.areas[Fill(colour, alpha, layer)].append(points)

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        colour: str,
        *,
        layer: float = 1.0,
    ) -> None:
        """Fill a rectangle."""
        right, bottom = left + width, top + height
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        self.area(corners, colour, layer=layer)

    def dots(
        self, points: Floats, colour: str, size: float, alpha: float = 1.0, *, layer: float = 3.0
    ) -> None:
        """Draw dots of a diameter in points at points, shape (n, 2)."""
        self.points[Fill(colour, alpha, layer, size)].append(points)

    def image(
        self,
        pixels: npt.NDArray[np.uint8],
        left: float,
        top: float,
        width: float,
        height: float,
    ) -> None:
        """Place pixels, shape (rows, columns, 4), in a rectangle."""
        self.images.append(Image(pixels, left, top, width, height))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float,
        colour: str = INK,
        *,
        side: Side = "left",
        level: Level = "baseline",
        face: Face = "regular",
        upwards: bool = False,
    ) -> None:
        """Write words at a point."""
        if words:
            self.words.append(Words(x, y, words, size, colour, side, level, face, upwards))


def _parts(line: Floats) -> list[Floats]:
    """Cut a line where it is not known."""
    known = np.isfinite(line).all(axis=1)
    if known.all():
        return [line]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [line[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]
