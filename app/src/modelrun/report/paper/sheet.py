"""A sheet of paper in inches, from its upper left corner, on which shapes are collected.

matplotlib draws a handful of collections quickly and thirty axes slowly. So a sheet is one axes
over the whole figure: shapes of one style become one collection, and panels are arithmetic. The
figure is made once for a process and used for all its pages.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import IdentityTransform

from modelrun.report.page import Floats
from modelrun.report.style import FONT, INK, PAPER

WIDTH, HEIGHT = 11.69, 8.27
"""A4, landscape."""

RC: dict[Any, object] = {
    "font.family": FONT[0],
    "pdf.fonttype": 3,
    "pdf.compression": 6,
    "svg.fonttype": "none",
    "svg.hashsalt": "modelrun",
    "path.simplify": True,
    "path.simplify_threshold": 0.1,
    "text.parse_math": False,
    "text.usetex": False,
}

Side = Literal["left", "center", "right"]
Level = Literal["top", "center", "baseline", "bottom"]


class Sheet:
    """A page that is being drawn."""

    def __init__(self) -> None:
        """Make the figure, which lives as long as the process."""
        mpl.rcParams.update(RC)
        self.figure = Figure(figsize=(WIDTH, HEIGHT), facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self._regular = FontProperties(family=FONT[0])
        self._bold = FontProperties(family=FONT[0], weight="bold")
        self._mono = FontProperties(family="DejaVu Sans Mono")
        self.begin()

    def begin(self) -> None:
        """Wipe the sheet."""
        self.axes.clear()
        self.axes.set_axis_off()
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), autoscale_on=False)
        self._lines: dict[tuple[Any, ...], list[Floats]] = defaultdict(list)
        self._areas: dict[tuple[Any, ...], list[Floats]] = defaultdict(list)

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
        self._lines[colour, width, dash, layer].append(points)

    def area(self, points: Floats, colour: str, alpha: float = 1.0, *, layer: float = 1.0) -> None:
        """Fill the polygon of points, shape (n, 2)."""
        self._areas[colour, alpha, layer].append(points)

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
        marker = MarkerStyle("o")
        dots = PathCollection(
            [marker.get_path().transformed(marker.get_transform())],
            (size**2,),
            facecolors=colour,
            linewidths=0,
            alpha=alpha,
            offsets=points,
            offset_transform=self.axes.transData,
            zorder=layer,
        )
        dots.set_transform(IdentityTransform())
        self.axes.add_collection(dots, autolim=False)

    def image(
        self,
        pixels: npt.NDArray[np.uint8],
        left: float,
        top: float,
        width: float,
        height: float,
    ) -> None:
        """Place pixels, shape (rows, columns, 4), in a rectangle."""
        self.axes.imshow(
            pixels,
            extent=(left, left + width, top + height, top),
            interpolation="none",
            aspect="auto",
            zorder=1.5,
            resample=False,
        )
        self.axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))

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
        bold: bool = False,
        mono: bool = False,
        rotation: float = 0.0,
    ) -> None:
        """Write words at a point; `side` is the side of the words that lies there."""
        if words:
            font = self._mono if mono else self._bold if bold else self._regular
            self.axes.text(
                x,
                y,
                words,
                fontproperties=font,
                fontsize=size,
                color=colour,
                ha=side,
                va=level,
                rotation=rotation,
                rotation_mode="anchor",
                zorder=5,
                clip_on=False,
            )

    def finish(self) -> Figure:
        """Add what was collected and return the figure, to be saved before the next page."""
        for (colour, alpha, layer), polygons in self._areas.items():
            self.axes.add_collection(
                PolyCollection(
                    polygons, facecolors=colour, alpha=alpha, linewidths=0, zorder=layer
                ),
                autolim=False,
            )
        for (colour, width, dash, layer), lines in self._lines.items():
            self.axes.add_collection(
                LineCollection(
                    [part for line in lines for part in _parts(line)],
                    colors=colour,
                    linewidths=width,
                    linestyles=[(0, (4, 3))] if dash else "solid",
                    capstyle="butt" if dash else "round",
                    zorder=layer,
                ),
                autolim=False,
            )
        return self.figure


def _parts(line: Floats) -> list[Floats]:
    """Cut a line where it is not known."""
    gaps = np.flatnonzero(~np.isfinite(line).all(axis=1))
    if not len(gaps):
        return [line]
    return [
        part[np.isfinite(part).all(axis=1)]
        for part in np.split(line, gaps)
        if np.isfinite(part).all(axis=1).sum() > 1
    ]


@cache
def _widths(weight: Literal["regular", "bold", "mono"]) -> tuple[FT2Font, dict[str, float]]:
    name = {"regular": "DejaVuSans", "bold": "DejaVuSans-Bold", "mono": "DejaVuSansMono"}[weight]
    font = FT2Font(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"))
    font.set_size(100, 72)
    return font, {}


def extent(words: str, size: float, *, bold: bool = False, mono: bool = False) -> float:
    """Return the width of words in inches."""
    font, known = _widths("mono" if mono else "bold" if bold else "regular")
    total = 0.0
    for letter in words:
        if letter not in known:
            glyph = font.load_char(ord(letter), flags=LoadFlags.NO_HINTING)
            known[letter] = glyph.linearHoriAdvance / 65536
        total += known[letter]
    return total * size / 100 / 72


def wrap(words: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """Break words into lines of at most `width` inches; a longer word stands alone."""
    lines: list[str] = []
    line = ""
    for word in words.split():
        longer = f"{line} {word}" if line else word
        if line and extent(longer, size, bold=bold) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def shorten(words: str, size: float, width: float) -> str:
    """Cut words with an ellipsis so that they fit into `width` inches."""
    if extent(words, size) <= width:
        return words
    while words and extent(words + "…", size) > width:
        words = words[: -max(1, len(words) // 24)]
    return words + "…"
