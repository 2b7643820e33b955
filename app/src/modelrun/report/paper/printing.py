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
class Printed:
    """What one process printed."""

    chosen: tuple[int, ...]
    """Positions of the pages, in the order in which they were printed."""

    pdf: bytes
    """A document of these pages; empty where no PDF was wanted."""

    pictures: tuple[tuple[int, str], ...]
    """Position of the page, and its panels as SVG."""

    seconds: tuple[float, ...]
    """CPU seconds of each of these pages."""


class Book:
    """Pages that one process prints, in one or several goes."""

    def __init__(self, name: str, *, pdf: bool, pictures: bool) -> None:
        """Open the book of a study.

        Args:
            name: The study.
            pdf: Whether there is a document.
            pictures: Whether there are pictures.
        """
        metadata = {"Title": name, "Creator": "modelrun", "Producer": "modelrun",
                    "CreationDate": None}  # fmt: skip
        self._name = name
        self._document = io.BytesIO()
        self._book: Any = PdfPages(self._document, metadata=metadata) if pdf else None
        self._wants_pictures = pictures
        self._chosen: list[int] = []
        self._pictures: list[tuple[int, str]] = []
        self._seconds: list[float] = []

    def print(self, pages: Sequence[tuple[int, Page]], count: int) -> None:
        """Print pages, each with its position, of so many in all."""
        for i, page in pages:
            start = time.process_time()
            sheet = Sheet()
            span = lay_out(sheet, page, i + 1, count, self._name)
            if self._book is not None:
                self._book.savefig(figure(sheet))
            if self._wants_pictures and span is not None:
                self._pictures.append((i, svg(sheet, span)))
            self._chosen.append(i)
            self._seconds.append(time.process_time() - start)

    def close(self) -> Printed:
        """Return all that was printed."""
        if self._book is not None:
            self._book.close()
        return Printed(
            tuple(self._chosen),
            self._document.getvalue(),
            tuple(self._pictures),
            tuple(self._seconds),
        )


def share_out(pages: Sequence[tuple[int, Page]], workers: int) -> list[list[tuple[int, Page]]]:
    """Divide pages among workers by their likely cost, the dearest first."""

    def cost(page: Page) -> int:
        return 10 + sum(len(block.panels) for block in page.blocks if isinstance(block, Grid))

    loads = [0] * workers
    shares: list[list[tuple[int, Page]]] = [[] for _ in loads]
    for i, page in sorted(pages, key=lambda entry: -cost(entry[1])):
        least = loads.index(min(loads))
        loads[least] += cost(page)
        shares[least].append((i, page))
    return [sorted(share, key=lambda entry: entry[0]) for share in shares]
