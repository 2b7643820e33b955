"""Panels on paper: one function for each kind of panel, all drawing into a frame."""

from __future__ import annotations

import numpy as np

from modelrun.report.page import (
    NOTHING,
    Bars,
    Cloud,
    Floats,
    Heat,
    Histogram,
    Kind,
    Lines,
    Panel,
    Ranges,
)
from modelrun.report.paper.frame import SMALL, Frame
from modelrun.report.paper.lettering import extent, shorten
from modelrun.report.paper.sheet import Sheet
from modelrun.report.style import BLUE, DIVERGING, INK, QUIET, SKY, VERMILLION
from modelrun.report.ticks import reach, ticks

Box = tuple[float, float, float, float]
"""Left, top, width and height in inches."""

ROW_LABELS = 1.3
"""Most space for the names of rows, in inches."""


def draw(
    sheet: Sheet,
    panel: Panel,
    box: Box,
    kind: Kind,
    limits: tuple[tuple[float, float], tuple[float, float]] | None,
    outer: tuple[bool, bool],
) -> None:
    """Draw a panel.

    Args:
        sheet: The sheet.
        panel: What to draw.
        box: The frame, without the space that titles and labels need around it.
        kind: What the horizontal axis counts.
        limits: The limits of both axes where panels share them.
        outer: Whether texts are wanted on the left and at the bottom.
    """
    match panel:
        case Histogram():
            _histogram(sheet, panel, box)
        case Ranges():
            _ranges(sheet, panel, box)
        case Lines():
            _lines(sheet, panel, box, kind, limits, outer)
        case Heat():
            _heat(sheet, panel, box, kind, outer)
        case Cloud():
            _cloud(sheet, panel, box)
        case Bars():
            _bars(sheet, panel, box, kind)


def limits(panels: tuple[Panel, ...]) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the common limits of line panels; ribbons may be cut where they are far out."""
    lines = [panel for panel in panels if isinstance(panel, Lines)]
    if not lines:
        return None
    x = np.concatenate([panel.x for panel in lines])
    return reach(x, margin=0.0), _height(lines)


def names_width(panels: tuple[Panel, ...]) -> float:
    """Return the space that the names of rows need, in inches."""
    names = {
        name
        for panel in panels
        if isinstance(panel, Ranges | Heat)
        for name in (panel.labels if isinstance(panel, Ranges) else panel.rows)
    }
    return min(ROW_LABELS, max((extent(name, 7) for name in names), default=0.0))


def _height(lines: list[Lines]) -> tuple[float, float]:
    middle = np.concatenate([panel.middle for panel in lines])
    ends = np.concatenate([end for panel in lines for end in (panel.low, panel.high)])
    ends = ends[np.isfinite(ends)]
    if len(ends):
        middle = np.append(middle, np.percentile(ends, [1, 99]))
    return reach(middle)


def _histogram(sheet: Sheet, panel: Histogram, box: Box) -> None:
    left, top, width, height = box
    highest = max(float(panel.counts.max(initial=0)), panel.reference or 0.0, 1.0)
    frame = Frame(left, top, width, height, (panel.edges[0], panel.edges[-1]), (0, highest * 1.06))
    frame.headline(sheet, panel.title, panel.note)
    frame.y_axis(sheet, ticks(0, highest * 1.06, "number", 4))
    outline = frame.points(np.repeat(panel.edges, 2)[1:-1], np.repeat(panel.counts, 2))
    bottom = top + height
    sheet.area(np.vstack([outline, (left + width, bottom), (left, bottom)]), SKY, 0.75)
    if panel.reference is not None:
        ends = frame.points(panel.edges[[0, -1]], np.full(2, panel.reference))
        sheet.line(ends, VERMILLION, 1.0, dash=True)
    for place, word in panel.marks:
        ends = frame.points(np.full(2, place), np.array([0, highest * 1.06]))
        sheet.line(ends, BLUE, 1.1 if word == "median" else 0.8, dash=word != "median")
    if panel.zero:
        frame.zero(sheet, vertical=True)
    frame.base(sheet)
    frame.x_axis(sheet, ticks(panel.edges[0], panel.edges[-1], "number", max(3, int(width * 1.8))))


def _ranges(sheet: Sheet, panel: Ranges, box: Box) -> None:
    left, top, width, height = box
    count = len(panel.middle)
    x = reach(np.concatenate([panel.middle, panel.inner_low, panel.inner_high, *_ends(panel)]))
    if 0 < x[0] < 0.6 * x[1] or 0.6 * x[0] < x[1] < 0:
        x = (min(0.0, x[0]), max(0.0, x[1]))
        x = (x[0] - 0.03 * (x[1] - x[0]), x[1] + 0.03 * (x[1] - x[0]))
    frame = Frame(left, top, width, height, x, (count, 0))
    frame.headline(sheet, panel.title, panel.note)
    frame.x_axis(sheet, ticks(*x, "number", max(3, int(width * 1.8))), lines=True)
    frame.zero(sheet, vertical=True)
    frame.base(sheet)
    rows: Floats = np.arange(count, dtype=np.float64) + 0.5
    places = frame.points(panel.middle, rows)
    for ends, thick in (
        ((panel.low, panel.high), 0.9),
        ((panel.inner_low, panel.inner_high), 2.6 if count <= 40 else 1.8),
    ):
        if len(ends[0]):
            first, last = (frame.points(end, rows) for end in ends)
            for i in np.flatnonzero(np.isfinite(ends[0]) & np.isfinite(ends[1])):
                sheet.line(np.array([first[i], last[i]]), BLUE if thick < 1 else SKY, thick)
    sheet.dots(places[np.isfinite(panel.middle)], BLUE, 3.6 if count <= 40 else 2.8)
    size = min(7.0, max(4.2, 59 * height / max(count, 1) * panel.label_every))
    for row in range(0, count, panel.label_every):
        name = shorten(panel.labels[row], size, ROW_LABELS)
        sheet.text(
            left - 0.07, float(places[row, 1]), name, size, INK, side="right", level="center"
        )


def _ends(panel: Ranges) -> tuple[Floats, Floats]:
    """Return the ends of intervals that the axis must reach: not those of a few giants."""
    known = (
        np.isfinite(panel.low) & np.isfinite(panel.high) if len(panel.low) else np.zeros(0, bool)
    )
    if not known.any():
        return NOTHING, NOTHING
    low, high, middle = panel.low[known], panel.high[known], panel.middle[known]
    room = 1.5 * float(np.median(high - low))
    usual = middle.min() - room, middle.max() + room
    if high.max() - low.min() > 2 * (usual[1] - usual[0]):
        return np.array([usual[0]]), np.array([usual[1]])
    return low, high


def _lines(
    sheet: Sheet,
    panel: Lines,
    box: Box,
    kind: Kind,
    shared: tuple[tuple[float, float], tuple[float, float]] | None,
    outer: tuple[bool, bool],
) -> None:
    x, y = shared or (reach(panel.x, margin=0.0), _height([panel]))
    frame = Frame(*box, x, y)
    frame.headline(sheet, panel.title, panel.note)
    frame.y_axis(sheet, ticks(*y, "number", max(3, int(box[3] * 3))), words=outer[0])
    for low, high, colour, alpha in (
        (panel.low, panel.high, SKY, 0.35),
        (panel.inner_low, panel.inner_high, SKY, 0.55),
    ):
        if len(low):
            for part in _runs(np.isfinite(low) & np.isfinite(high)):
                below = frame.points(panel.x[part], low[part])
                above = frame.points(panel.x[part], high[part])
                sheet.area(np.vstack([below, above[::-1]]), colour, alpha)
    frame.zero(sheet, vertical=False)
    places = frame.points(panel.x, panel.middle)
    sheet.line(places, BLUE, 0.8 if box[2] < 3 else 1.2)
    frame.base(sheet)
    frame.x_axis(sheet, ticks(*x, kind, max(3, int(box[2] * 1.7))), words=outer[1])


def _runs(known: np.ndarray) -> list[slice]:
    """Return the runs of at least two known points."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def colours(values: Floats, limit: float) -> np.ndarray:
    """Return values around zero as colours, shape (r, c, 4); unknown ones are grey."""
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in DIVERGING], float)
    place = np.clip((values / limit + 1) / 2, 0, 1) * (len(stops) - 1)
    known = np.isfinite(place)
    place = np.where(known, place, 0.0)
    pixels = np.full((*values.shape, 4), 255, np.uint8)
    for i in range(3):
        channel = np.interp(place, np.arange(len(stops)), stops[:, i])
        pixels[..., i] = np.where(known, np.rint(channel), 0xE4)
    return pixels


def _heat(sheet: Sheet, panel: Heat, box: Box, kind: Kind, outer: tuple[bool, bool]) -> None:
    left, top, width, height = box
    sheet.image(colours(panel.values, panel.limit), left, top, width, height)
    half = (panel.x[-1] - panel.x[0]) / max(len(panel.x) - 1, 1) / 2 if len(panel.x) > 1 else 0.5
    x = (float(panel.x[0] - half), float(panel.x[-1] + half))
    frame = Frame(left, top, width, height, x, (len(panel.rows), 0))
    frame.headline(sheet, panel.title, panel.note)
    frame.x_axis(sheet, ticks(*x, kind, max(2, int(width * 1.6))), words=outer[1])
    if outer[0]:
        size = min(6.5, 62 * height / max(len(panel.rows), 1) * 1.0)
        every = 1 if size >= 3.6 else 2 if size >= 2.2 else 4
        size = max(size, 3.8)
        for i in range(0, len(panel.rows), every):
            name = shorten(panel.rows[i], size, ROW_LABELS)
            y = frame.down(i + 0.5)
            sheet.text(left - 0.05, y, name, size, INK, side="right", level="center")
    _scale(sheet, left + width + 0.06, top, height, panel.limit)


def _scale(sheet: Sheet, left: float, top: float, height: float, limit: float) -> None:
    ramp = np.linspace(limit, -limit, 64)[:, None]
    sheet.image(colours(ramp, limit), left, top, 0.09, height)
    frame = Frame(left, top, 0.09, height, (0, 1), (-limit, limit))
    for place, text in ticks(-limit, limit, "number", 5):
        sheet.text(left + 0.13, frame.down(place), text, SMALL - 0.5, QUIET, level="center")


def _cloud(sheet: Sheet, panel: Cloud, box: Box) -> None:
    bulk = np.percentile(panel.x, [0.2, 99.8]) if len(panel.x) > 100 else panel.x
    x = reach(bulk, zero=True)
    y = (0.0, max(2.0, float(panel.y.max(initial=0)) * 1.05))
    frame = Frame(*box, x, y)
    frame.headline(sheet, panel.title, panel.note)
    frame.y_axis(sheet, ticks(*y, "number", 5))
    frame.zero(sheet, vertical=True)
    inside = (panel.x >= x[0]) & (panel.x <= x[1])
    for i, (_, colour) in enumerate(panel.kinds):
        rows = inside & (panel.kind == i)
        if rows.any():
            size = 2.0 if len(panel.x) > 1000 else 3.5
            sheet.dots(frame.points(panel.x[rows], panel.y[rows]), colour, size, 0.7)
    frame.base(sheet)
    frame.x_axis(sheet, ticks(*x, "number", max(3, int(box[2] * 1.8))))


def _bars(sheet: Sheet, panel: Bars, box: Box, kind: Kind) -> None:
    step = (panel.x[-1] - panel.x[0]) / max(len(panel.x) - 1, 1) or 1.0
    x = (float(panel.x[0] - step / 2), float(panel.x[-1] + step / 2))
    highest = max(1.0, float(panel.values.sum(axis=0).max(initial=0)))
    frame = Frame(*box, x, (0, highest * 1.05))
    frame.headline(sheet, panel.title, panel.note)
    frame.y_axis(sheet, ticks(0, highest * 1.05, "number", 4))
    below = np.zeros(len(panel.x))
    edges = np.linspace(*x, len(panel.x) + 1)
    for (_, colour), counts in zip(panel.series, panel.values, strict=True):
        bottom = frame.points(np.repeat(edges, 2)[1:-1], np.repeat(below, 2))
        top = frame.points(np.repeat(edges, 2)[1:-1], np.repeat(below + counts, 2))
        sheet.area(np.vstack([top, bottom[::-1]]), colour)
        below = below + counts
    frame.base(sheet)
    frame.x_axis(sheet, ticks(*x, kind, max(2, int(box[2] * 1.2))))
