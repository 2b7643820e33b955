"""Pages to PDF and to pictures, within one process.

Nothing in either depends on the time or the machine.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages

from modelrun.report.page import Grid, Page
from modelrun.report.paper.drawing import svg
from modelrun.report.paper.ink import figure
from modelrun.report.paper.layout import lay_out
from modelrun.report.paper.sheet import Sheet


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

    pictures: tuple[tuple[int, str], ...]
    """Position of the page, and its panels as SVG."""

    seconds: tuple[float, ...]
    """CPU seconds of each chosen page."""


def print_pages(order: Order) -> Printed:
    """Print the chosen pages."""
    document = io.BytesIO()
    pictures, seconds = [], []
    metadata = {"Title": order.name, "Creator": "modelrun", "Producer": "modelrun",
                "CreationDate": None}  # fmt: skip
    book: Any = PdfPages(document, metadata=metadata) if order.pdf else None
    for i in order.chosen:
        start = time.process_time()
        sheet = Sheet()
        span = lay_out(sheet, order.pages[i], i + 1, len(order.pages), order.name)
        if book is not None:
            book.savefig(figure(sheet))
        if order.pictures and span is not None:
            pictures.append((i, svg(sheet, span)))
        seconds.append(time.process_time() - start)
    if book is not None:
        book.close()
    return Printed(order.chosen, document.getvalue(), tuple(pictures), tuple(seconds))


def share_out(pages: Sequence[Page], workers: int) -> list[tuple[int, ...]]:
    """Divide pages among workers by their likely cost, the dearest first."""
    costs = [
        10 + sum(len(block.panels) for block in page.blocks if isinstance(block, Grid))
        for page in pages
    ]
    loads = [0] * max(1, min(workers, len(pages)))
    shares: list[list[int]] = [[] for _ in loads]
    for i in sorted(range(len(pages)), key=lambda i: -costs[i]):
        least = loads.index(min(loads))
        loads[least] += costs[i]
        shares[least].append(i)
    return [tuple(sorted(share)) for share in shares]
