"""Pages to PDF and to pictures, within one process.

A picture is SVG where that is small, because it is drawn quickly and stays sharp, and PNG
otherwise. Nothing in either depends on the time or the machine.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from PIL import Image

from modelrun.report.page import Cloud, Grid, Lines, Page
from modelrun.report.paper.layout import Span, lay_out
from modelrun.report.paper.sheet import WIDTH, Sheet

DRAWINGS = 1_700_000
"""Bytes of all SVG pictures of a report; the largest become PNG, which needs less of them."""

DOTS_PER_INCH = 100

_sheets: list[Sheet] = []


@dataclass(frozen=True, slots=True)
class Order:
    """What one process prints."""

    name: str
    pages: tuple[Page, ...]
    chosen: tuple[int, ...]
    """Positions of the pages to print, in ascending order."""

    pdf: bool
    pictures: bool


@dataclass(frozen=True, slots=True)
class Printed:
    """What one process printed."""

    chosen: tuple[int, ...]
    pdf: bytes
    """A document of the chosen pages; empty where no PDF was wanted."""

    pictures: tuple[tuple[int, str, bytes], ...]
    """Position of the page, media type, and the picture of a page with panels."""

    seconds: tuple[float, ...]
    """CPU seconds of each chosen page."""


def print_pages(order: Order, done: Callable[[], None] | None = None) -> Printed:
    """Print the chosen pages."""
    sheet = _sheet()
    drawn = drawings(order.pages)
    document = io.BytesIO()
    pictures, seconds = [], []
    metadata = {"Title": order.name, "Creator": "modelrun", "Producer": "modelrun",
                "CreationDate": None}  # fmt: skip
    book: Any = PdfPages(document, metadata=metadata) if order.pdf else None
    for i in order.chosen:
        start = time.process_time()
        page = order.pages[i]
        sheet.begin()
        span = lay_out(sheet, page, i + 1, len(order.pages), order.name)
        figure = sheet.finish()
        if book is not None:
            book.savefig(figure)
        if order.pictures and span is not None:
            pictures.append((i, *picture(figure, span, drawing=i in drawn)))
        seconds.append(time.process_time() - start)
        if done is not None:
            done()
    if book is not None:
        book.close()
    return Printed(order.chosen, document.getvalue(), tuple(pictures), tuple(seconds))


def picture(figure: Figure, span: Span, *, drawing: bool) -> tuple[str, bytes]:
    """Return media type and bytes of a picture of the panels of a drawn page."""
    if not drawing:
        return "image/png", png(figure, span)
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = _cropped(_shorter(file.getvalue().decode("utf-8")), span)
    return "image/svg+xml", text.encode("utf-8")


def drawings(pages: Sequence[Page]) -> frozenset[int]:
    """Choose the pages whose pictures are SVG: the lightest ones, as many as there is room for."""
    sizes = [_likely_size(page) for page in pages]
    order = sorted(range(len(pages)), key=lambda i: sizes[i])
    room, found = DRAWINGS, set()
    for i in order:
        room -= sizes[i]
        if room < 0:
            break
        found.add(i)
    return frozenset(found)


def png(figure: Figure, span: Span | None = None, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """Return a figure, or the part between two heights, as PNG with a palette."""
    figure.set_dpi(dots_per_inch)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    if span is not None:
        pixels = pixels[int(span[0] * dots_per_inch) : int(span[1] * dots_per_inch)]
    image = Image.fromarray(pixels).convert("RGB")
    file = io.BytesIO()
    image.quantize(96, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, "png")
    figure.set_dpi(72)
    return file.getvalue()


def _likely_size(page: Page) -> int:
    """Return about how many bytes of SVG the panels of a page need."""
    panels = [panel for block in page.blocks if isinstance(block, Grid) for panel in block.panels]
    if not panels:
        return 0
    dots = sum(len(panel.x) for panel in panels if isinstance(panel, Cloud))
    places = sum(
        len(panel.x) * (1 + (len(panel.low) + len(panel.inner_low)) * 2 // max(len(panel.x), 1))
        for panel in panels
        if isinstance(panel, Lines)
    )
    return 45_000 + 400 * dots + 12 * places


def _shorter(drawing: str) -> str:
    """Cut coordinates, and only those, to a tenth of a point and drop what no viewer needs."""
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(
        r' (?:d|x|y)="[^"]*"', lambda part: re.sub(r"(\.\d)\d+", r"\1", part[0]), drawing
    )
    drawing = re.sub(r"<!--.*?-->", "", drawing)
    drawing = drawing.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    return re.sub(r"\s*\n\s*", "\n", drawing)


def _cropped(drawing: str, span: Span) -> str:
    """Show only the part between two heights."""
    top, height = span[0] * 72, (span[1] - span[0]) * 72
    view = f'width="{WIDTH * 72:.0f}" height="{height:.0f}" '
    view += f'viewBox="0 {top:.2f} {WIDTH * 72:.2f} {height:.2f}"'
    return re.sub(r'width="[^"]*" height="[^"]*" viewBox="[^"]*"', view, drawing, count=1)


def _sheet() -> Sheet:
    """Return the sheet of this process."""
    if not _sheets:
        _sheets.append(Sheet())
    return _sheets[0]


def share_out(pages: Sequence[Page], workers: int) -> list[tuple[int, ...]]:
    """Divide pages among workers by their likely cost, the dearest first."""
    costs = [
        2 + sum(len(block.panels) for block in page.blocks if isinstance(block, Grid))
        for page in pages
    ]
    loads = [0] * max(1, min(workers, len(pages)))
    shares: list[list[int]] = [[] for _ in loads]
    for i in sorted(range(len(pages)), key=lambda i: -costs[i]):
        least = loads.index(min(loads))
        loads[least] += costs[i]
        shares[least].append(i)
    return [tuple(sorted(share)) for share in shares]
