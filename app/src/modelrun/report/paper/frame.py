"""The frame of a panel: where its numbers lie on the sheet, its axes, title and note."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelrun.report.page import Floats
from modelrun.report.paper.lettering import shorten
from modelrun.report.paper.sheet import Sheet
from modelrun.report.style import FAINT, INK, QUIET
from modelrun.report.ticks import Ticks

SMALL = 6.0
"""Tick labels, in points."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of the sheet in inches, and the numbers at its edges."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    """The lower number belongs to the bottom."""

    def points(self, x: Floats, y: Floats) -> Floats:
        """Return numbers as points of the sheet, kept within the frame, shape (n, 2)."""
        across = np.clip((x - self.x[0]) / (self.x[1] - self.x[0]), 0, 1)
        up = np.clip((y - self.y[0]) / (self.y[1] - self.y[0]), 0, 1)
        return np.column_stack([self.left + across * self.width, self.top + (1 - up) * self.height])

    def across(self, x: float) -> float:
        """Return the place of one number on the horizontal axis."""
        return self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * self.width

    def down(self, y: float) -> float:
        """Return the place of one number on the vertical axis."""
        return self.top + (1 - (y - self.y[0]) / (self.y[1] - self.y[0])) * self.height

    def headline(self, sheet: Sheet, title: str, note: str = "") -> None:
        """Write title and note above the frame."""
        size = 7.5 if self.width > 2 else 6.5
        name = shorten(title, size + 0.5, self.width)
        if note:
            sheet.text(self.left, self.top - 0.19, name, size, INK, face="bold")
            sheet.text(self.left, self.top - 0.06, shorten(note, SMALL, self.width), SMALL, QUIET)
        else:
            sheet.text(self.left, self.top - 0.06, name, size, INK, face="bold")

    def base(self, sheet: Sheet) -> None:
        """Draw the lower edge."""
        bottom = self.top + self.height
        sheet.line(np.array([(self.left, bottom), (self.left + self.width, bottom)]), QUIET, 0.5)

    def x_axis(
        self, sheet: Sheet, marks: Ticks, *, words: bool = True, lines: bool = False
    ) -> None:
        """Draw ticks below the frame, with their texts and vertical lines if wanted."""
        bottom = self.top + self.height
        for place, text in marks:
            x = self.across(place)
            if lines:
                sheet.line(np.array([(x, self.top), (x, bottom)]), FAINT, 0.4, layer=0.5)
            sheet.line(np.array([(x, bottom), (x, bottom + 0.03)]), QUIET, 0.4)
            if words:
                sheet.text(x, bottom + 0.13, text, SMALL, QUIET, side="center")

    def y_axis(self, sheet: Sheet, marks: Ticks, *, words: bool = True) -> None:
        """Draw horizontal lines in the frame, with their texts on the left if wanted."""
        for place, text in marks:
            y = self.down(place)
            ends = np.array([(self.left, y), (self.left + self.width, y)])
            sheet.line(ends, FAINT, 0.4, layer=0.5)
            if words:
                sheet.text(self.left - 0.05, y + 0.03, text, SMALL, QUIET, side="right")

    def zero(self, sheet: Sheet, *, vertical: bool) -> None:
        """Mark zero with a dashed line, where it is in reach."""
        low, high = self.x if vertical else self.y
        if low < 0 < high:
            if vertical:
                x = self.across(0)
                ends = np.array([(x, self.top), (x, self.top + self.height)])
            else:
                y = self.down(0)
                ends = np.array([(self.left, y), (self.left + self.width, y)])
            sheet.line(ends, INK, 0.6, dash=True, layer=1.8)
