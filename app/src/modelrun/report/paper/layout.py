"""A page on paper from top to bottom: head, blocks one below the other, note and foot."""

from __future__ import annotations

import numpy as np

from modelrun.report.page import (
    Bars,
    Block,
    Code,
    Grid,
    Heat,
    Histogram,
    Page,
    Ranges,
    Shares,
    Table,
    Text,
    Tiles,
)
from modelrun.report.paper import panels
from modelrun.report.paper.drawing import Span
from modelrun.report.paper.lettering import extent, shorten, wrap
from modelrun.report.paper.sheet import HEIGHT, WIDTH, Sheet, Side
from modelrun.report.style import BLUE, FAINT, INK, PANEL, QUIET, SKY, VERMILLION

MARGIN = 0.55
INNER = WIDTH - 2 * MARGIN
BOTTOM = HEIGHT - 0.62
"""Where blocks end; below are note and foot."""

ROW = 0.19
"""Height of a row of a table."""

GAP = 0.2


def lay_out(sheet: Sheet, page: Page, number: int, count: int, name: str) -> Span | None:
    """Draw a page on a sheet that has just begun; return where its panels are."""
    sheet.text(MARGIN, 0.42, f"{name}  ·  {page.chapter}", 7.5, QUIET)
    sheet.text(WIDTH - MARGIN, HEIGHT - 0.28, f"{number} of {count}", 7, QUIET, side="right")
    top = 0.8
    for line in wrap(page.title, 15, INNER, bold=True)[:2]:
        sheet.text(MARGIN, top, line, 15, INK, face="bold")
        top += 0.27
    for line in wrap(page.lead, 9, INNER):
        sheet.text(MARGIN, top, line, 9, QUIET)
        top += 0.17
    top += 0.06
    notes = wrap(page.note, 7, INNER - 0.9)
    bottom = BOTTOM - 0.13 * max(0, len(notes) - 1)
    for i, line in enumerate(notes):
        sheet.text(MARGIN, bottom + 0.22 + 0.13 * i, line, 7, QUIET)
    fixed = [_height(block) for block in page.blocks]
    free = bottom - top - sum(fixed) - GAP * (len(page.blocks) - 1)
    grids = sum(isinstance(block, Grid) for block in page.blocks)
    span: Span | None = None
    for block, height in zip(page.blocks, fixed, strict=True):
        tall = min(free / grids, _most(block)) if isinstance(block, Grid) else height
        if isinstance(block, Grid):
            span = (top + (0.16 if block.legend else -0.08), top + tall + 0.08)
        _draw(sheet, block, top, tall)
        top += tall + GAP
    return span


def _height(block: Block) -> float:
    match block:
        case Table():
            return 0.26 + sum(max(map(len, row)) * 0.14 + 0.05 for row in _cells(block)) + ROW
        case Tiles():
            return 0.72
        case Shares():
            return 0.42
        case Text():
            lines = sum(len(wrap(part, 8.5, INNER)) for part in block.paragraphs)
            return 0.24 + lines * 0.165 + 0.06 * len(block.paragraphs)
        case Code():
            return 0.2 + 0.118 * -(-len(block.lines) // 2)
        case Grid():
            return 0.0


def _most(grid: Grid) -> float:
    """Return the height beyond which panels would only be stretched."""
    columns = min(grid.columns, len(grid.panels))
    rows = -(-len(grid.panels) // columns)
    match grid.panels[0]:
        case Ranges(middle=middle):
            tall = 0.4 + 0.3 * len(middle)
        case Histogram() | Bars():
            tall = 2.2
        case _:
            tall = 3.4
    return rows * (tall + 0.6) + 0.5


def _draw(sheet: Sheet, block: Block, top: float, height: float) -> None:
    match block:
        case Table():
            _table(sheet, block, top)
        case Tiles():
            _tiles(sheet, block, top, height)
        case Shares():
            _shares(sheet, block, top)
        case Text():
            _text(sheet, block, top)
        case Code():
            _code(sheet, block, top, height)
        case Grid():
            _grid(sheet, block, top, height)


def _grid(sheet: Sheet, grid: Grid, top: float, height: float) -> None:
    _legend(sheet, grid.legend, top)
    if grid.legend:
        top, height = top + 0.2, height - 0.2
    first = grid.panels[0]
    columns = min(grid.columns, len(grid.panels))
    rows = -(-len(grid.panels) // columns)
    named = isinstance(first, Ranges | Heat)
    shared_rows = isinstance(first, Heat)
    head = 0.32 if any(panel.note for panel in grid.panels) else 0.22
    names = panels.names_width(grid.panels) if named else 0.0
    left = MARGIN + (names + 0.12 if named else 0.55)
    between = 0.55 if shared_rows else names + 0.3 if named else 0.14 if grid.shared else 0.6
    right = 0.45 if shared_rows else 0.05
    foot = 0.36
    below = 0.06 if grid.shared else 0.24 if shared_rows else 0.26
    width = (MARGIN + INNER - right - left - between * (columns - 1)) / columns
    tall = (height - foot - (head + below) * rows + below) / rows
    limits = panels.limits(grid.panels) if grid.shared else None
    for i, panel in enumerate(grid.panels):
        row, column = divmod(i, columns)
        lowest = i + columns >= len(grid.panels)
        box = (
            left + column * (width + between),
            top + head + row * (tall + head + below),
            width,
            tall,
        )
        outer = (
            column == 0 or not (grid.shared or shared_rows),
            lowest or not grid.shared,
        )
        panels.draw(sheet, panel, box, grid.x_kind, limits, outer)
    end = top + height
    span = columns * (width + between) - between
    sheet.text(left + span / 2, end - 0.02, grid.x_label, 7, QUIET, side="center")
    if grid.y_label:
        middle = top + head + (height - foot - head) / 2
        sheet.text(MARGIN + 0.02, middle, grid.y_label, 7, QUIET, side="center", upwards=True)


def _legend(sheet: Sheet, legend: tuple[tuple[str, str], ...], top: float) -> None:
    x, y = MARGIN, top + 0.08
    for mark, words in legend:
        ends = np.array([(x, y - 0.03), (x + 0.22, y - 0.03)])
        match mark:
            case "line":
                sheet.line(ends, BLUE, 1.1)
            case "dash":
                dashed = VERMILLION if "expected" in words else BLUE
                sheet.line(ends, dashed, 1.0, dash=True)
            case "dot":
                sheet.dots(ends.mean(axis=0)[None, :], BLUE, 4.0)
            case "inner":
                sheet.line(ends, SKY, 3.0)
            case "ribbon":
                sheet.box(x, y - 0.08, 0.22, 0.1, "#C7E3F4")
            case "bar":
                sheet.box(x, y - 0.08, 0.22, 0.1, SKY)
            case colour:
                sheet.dots(ends.mean(axis=0)[None, :], colour, 5.0)
        sheet.text(x + 0.3, y, words, 7.5, INK)
        x += 0.3 + extent(words, 7.5) + 0.3


def _cells(table: Table) -> list[list[list[str]]]:
    """Return the lines of every cell."""
    widths = _columns(table)
    return [
        [wrap(cell, 7.5, width - 0.1)[:3] or [""] for cell, width in zip(row, widths, strict=False)]
        for row in table.rows
    ]


def _columns(table: Table) -> list[float]:
    """Share out the width: what columns need, at the expense of those that need most."""
    need = [
        max(
            extent(header, 7.5, bold=True),
            max((extent(row[i], 7.5) for row in table.rows), default=0),
        )
        + 0.22
        for i, header in enumerate(table.header)
    ]
    while sum(need) > INNER:
        longest = max(need)
        second = max((width for width in need if width < longest - 1e-9), default=0.0)
        many = [i for i, width in enumerate(need) if width > longest - 1e-9]
        cut = min(longest - second, (sum(need) - INNER) / len(many) + 1e-6)
        for i in many:
            need[i] -= cut
    return need


def _table(sheet: Sheet, table: Table, top: float) -> None:
    widths = _columns(table)
    sheet.text(MARGIN, top + 0.1, table.caption, 8.5, INK, face="bold")
    y = top + 0.34
    edges = np.concatenate([[0], np.cumsum(widths)]) + MARGIN
    right = [align == "r" for align in table.align.ljust(len(widths), "l")]
    for i, header in enumerate(table.header):
        place = edges[i + 1] - 0.2 if right[i] else edges[i]
        sheet.text(place, y, header, 7.5, QUIET, side="right" if right[i] else "left")
    sheet.line(np.array([(MARGIN, y + 0.06), (edges[-1] - 0.12, y + 0.06)]), QUIET, 0.5)
    y += 0.06
    for row in _cells(table):
        tall = max(map(len, row)) * 0.14 + 0.05
        for i, cell in enumerate(row):
            for j, words in enumerate(cell):
                place = edges[i + 1] - 0.2 if right[i] else edges[i]
                short = shorten(words, 7.5, widths[i] - 0.1)
                side: Side = "right" if right[i] else "left"
                sheet.text(place, y + 0.14 + j * 0.14, short, 7.5, INK, side=side)
        y += tall
        sheet.line(np.array([(MARGIN, y), (edges[-1] - 0.12, y)]), FAINT, 0.3)


def _tiles(sheet: Sheet, tiles: Tiles, top: float, height: float) -> None:
    count = len(tiles.items)
    width = (INNER - 0.12 * (count - 1)) / count
    for i, (value, name, colour) in enumerate(tiles.items):
        left = MARGIN + i * (width + 0.12)
        sheet.box(left, top, width, height, PANEL, layer=0.4)
        sheet.box(left, top, 0.05, height, colour or FAINT, layer=0.5)
        size = min(17.0, 17.0 * (width - 0.25) / max(extent(value, 17, bold=True), 0.1))
        sheet.text(left + 0.15, top + 0.36, value, size, INK, face="bold")
        sheet.text(left + 0.15, top + 0.58, name, 8, QUIET)


def _shares(sheet: Sheet, shares: Shares, top: float) -> None:
    total = sum(count for _, count, _ in shares.parts) or 1
    left, words = MARGIN, MARGIN
    for name, count, colour in shares.parts:
        width = INNER * count / total
        sheet.box(left, top, max(width, 0.015), 0.14, colour)
        left += width
        sheet.dots(np.array([(words + 0.05, top + 0.3)]), colour, 5.0)
        text = f"{name} {100 * count / total:.3g}%"
        sheet.text(words + 0.14, top + 0.33, text, 7.5, INK)
        words += 0.14 + extent(text, 7.5) + 0.25


def _text(sheet: Sheet, text: Text, top: float) -> None:
    sheet.text(MARGIN, top + 0.1, text.heading, 8.5, INK, face="bold")
    y = top + 0.3
    for paragraph in text.paragraphs:
        for line in wrap(paragraph, 8.5, INNER):
            sheet.text(MARGIN, y, line, 8.5, INK)
            y += 0.165
        y += 0.06


def _code(sheet: Sheet, code: Code, top: float, height: float) -> None:
    sheet.box(MARGIN, top, INNER, height, PANEL, layer=0.4)
    half = -(-len(code.lines) // 2)
    for i, line in enumerate(code.lines):
        column, row = divmod(i, half)
        words = line.replace("\t", "    ")
        x = MARGIN + 0.15 + column * INNER / 2
        sheet.text(x, top + 0.19 + row * 0.118, words, 6.2, INK, face="mono")
