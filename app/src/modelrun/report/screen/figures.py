"""Panels as JSON for the charts of the page: rounded, so that the page stays small."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelrun.report.page import Bars, Cloud, Floats, Grid, Heat, Histogram, Lines, Panel, Ranges
from modelrun.report.style import BLUE, DIVERGING, SKY, VERMILLION

DIGITS = 5
"""Significant digits of the largest value of a series."""


def figures(grids: Sequence[Grid]) -> str:
    """Return the data of all charts as JSON that is safe within a script element."""
    style = {"blue": BLUE, "sky": SKY, "vermillion": VERMILLION, "diverging": DIVERGING}
    text = json.dumps(
        {"style": style, "grids": [_grid(grid) for grid in grids]},
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _grid(grid: Grid) -> dict[str, Any]:
    return {
        "columns": grid.columns,
        "x": grid.x_label,
        "y": grid.y_label,
        "date": grid.x_kind == "date",
        "plain": grid.x_kind == "plain",
        "shared": grid.shared,
        "alt": grid.alt,
        "panels": [_panel(panel, date=grid.x_kind == "date") for panel in grid.panels],
    }


def _panel(panel: Panel, *, date: bool) -> dict[str, Any]:
    head = {"kind": type(panel).__name__, "title": panel.title, "note": panel.note}
    match panel:
        case Histogram():
            return head | {
                "edges": rounded(panel.edges),
                "counts": rounded(panel.counts, 9),
                "marks": [[rounded(np.array([place]))[0], word] for place, word in panel.marks],
                "reference": panel.reference,
                "zero": panel.zero,
            }
        case Ranges():
            return head | {"labels": panel.labels, "every": panel.label_every} | _intervals(panel)
        case Lines():
            return head | {"xs": _places(panel.x, date=date)} | _intervals(panel)
        case Heat():
            return head | {
                "xs": _places(panel.x, date=date),
                "rows": panel.rows,
                "values": [rounded(row, 3) for row in panel.values],
                "limit": panel.limit,
            }
        case Cloud():
            return head | {
                "kinds": panel.kinds,
                "xs": rounded(panel.x, 4),
                "ys": rounded(panel.y, 3),
                "classes": panel.kind.tolist(),
            }
        case Bars():
            return head | {
                "xs": _places(panel.x, date=date),
                "series": panel.series,
                "values": [rounded(row, 9) for row in panel.values],
            }


def _intervals(panel: Ranges | Lines) -> dict[str, Any]:
    return {
        "middle": rounded(panel.middle),
        "low": rounded(panel.low),
        "high": rounded(panel.high),
        "innerLow": rounded(panel.inner_low),
        "innerHigh": rounded(panel.inner_high),
    }


def _places(x: Floats, *, date: bool) -> list[float | None]:
    return np.rint(x).tolist() if date else rounded(x, 9)


def rounded(values: Floats, digits: int = DIGITS) -> list[float | None]:
    """Return values with as many decimals as the largest needs for its digits; NaN is None."""
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    if not known.any():
        return [None] * len(values)
    largest = float(np.abs(values[known]).max())
    decimals = digits - 1 - (math.floor(math.log10(largest)) if largest > 0 else 0)
    numbers = np.round(np.where(known, values, 0.0), decimals).tolist()
    plain = [int(number) if number == int(number) else number for number in numbers]
    return [number if fine else None for number, fine in zip(plain, known.tolist(), strict=True)]
