"""A sheet as a matplotlib figure, which is made once for a process and used for all its pages."""

from __future__ import annotations

from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from modelrun.report.paper.lettering import extent
from modelrun.report.paper.sheet import HEIGHT, WIDTH, Face, Sheet
from modelrun.report.style import FONT, PAPER

RC: dict[Any, object] = {
    "font.family": FONT[0],
    "pdf.fonttype": 3,
    "pdf.compression": 6,
    "text.parse_math": False,
    "text.usetex": False,
}


class Lettering(Artist):
    """The words of a sheet, written straight to the renderer.

    Their places are known, so the layout that matplotlib's Text does, which is most of the time of
    a page, is not needed.
    """

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.set_zorder(5)
        self._words = sheet.words

    def draw(self, renderer: RendererBase) -> None:
        """Write all words."""
        scale = _canvas()[0].dpi
        height = HEIGHT * scale
        flipped = renderer.flipy()
        context = renderer.new_gc()
        for words in sorted(self._words, key=lambda words: words.colour):
            width = extent(words.text, words.size, bold=words.face == "bold")
            back = {"left": 0.0, "center": width / 2, "right": width}[words.side]
            drop = words.size * 0.36 / 72 if words.level == "center" else 0.0
            x, y = (words.x, words.y + back) if words.upwards else (words.x - back, words.y + drop)
            context.set_foreground(words.colour)
            font = _font(words.face, words.size)
            place = y * scale if flipped else height - y * scale
            angle = 90.0 if words.upwards else 0.0
            renderer.draw_text(context, x * scale, place, words.text, font, angle)
        context.restore()


@cache
def _font(face: Face, size: float) -> FontProperties:
    family = f"{FONT[0]} Mono" if face == "mono" else FONT[0]
    weight = "bold" if face == "bold" else "normal"
    return FontProperties(family=family, weight=weight, size=size)


@cache
def _canvas() -> tuple[Figure, Axes, list[Artist]]:
    """Return the figure of this process, one axes over all of it, and what is drawn there."""
    mpl.rcParams.update(RC)
    paper = Figure(figsize=(WIDTH, HEIGHT), facecolor=PAPER)
    axes = paper.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), autoscale_on=False)
    return paper, axes, []


def figure(sheet: Sheet) -> Figure:
    """Return the figure of a sheet, to be saved before the next one is asked for."""
    paper, axes, drawn = _canvas()
    while drawn:
        drawn.pop().remove()
    artists: list[Artist] = []
    for fill, polygons in sheet.areas.items():
        artists.append(
            PolyCollection(
                polygons, facecolors=fill.colour, alpha=fill.alpha, linewidths=0, zorder=fill.layer
            )
        )
    for pen, lines in sheet.lines.items():
        artists.append(
            LineCollection(
                lines,
                colors=pen.colour,
                linewidths=pen.width,
                linestyles=[(0, (4, 3))] if pen.dash else "solid",
                capstyle="butt" if pen.dash else "round",
                zorder=pen.layer,
            )
        )
    for fill, places in sheet.points.items():
        artists.append(
            PathPatch(
                _dots(np.vstack(places)),
                fill=False,
                edgecolor=fill.colour,
                alpha=fill.alpha,
                linewidth=fill.size,
                capstyle="round",
                zorder=fill.layer,
            )
        )
    for image in sheet.images:
        right, bottom = image.left + image.width, image.top + image.height
        shown = AxesImage(
            axes,
            interpolation="none",
            resample=False,
            extent=(image.left, right, bottom, image.top),
        )
        shown.set_data(image.pixels)
        shown.set_zorder(1.5)
        artists.append(shown)
    for artist in (*artists, Lettering(sheet)):
        axes.add_artist(artist)
        drawn.append(artist)
    return paper


def _dots(places: np.ndarray) -> Path:
    """Return dots as one path of lines without length: round caps make them dots."""
    corners = np.repeat(places, 2, axis=0)
    corners[1::2, 0] += 1e-4
    codes = np.tile(np.array([Path.MOVETO, Path.LINETO], np.uint8), len(places))
    path = Path(corners, codes)
    path.should_simplify = False
    return path
