"""What a page of a report costs: CPU of a page of thirty panels, and of simple pages.

`python -m benchmarks.pages FOLDER` takes the results folder of a run.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from modelrun.report.contents.chapters import pages
from modelrun.report.page import Grid, Page
from modelrun.report.paper.printing import Book
from modelrun.report.tables import read


def page_seconds(folder: Path) -> tuple[float | None, float]:
    """Return CPU seconds of the page with the most panels, and the median of simple pages."""
    whole = pages(read(folder))

    def seconds(number: int) -> float:
        return min(_printed(number, whole[number], len(whole)) for _ in range(4))

    crowded = {
        number
        for number, page in enumerate(whole)
        for block in page.blocks
        if isinstance(block, Grid) and len(block.panels) >= 30
    }
    simple = [seconds(number) for number in range(len(whole)) if number not in crowded]
    return max(map(seconds, crowded), default=None), statistics.median(simple)


def _printed(number: int, page: Page, count: int) -> float:
    book = Book("speed", pdf=True, pictures=True)
    book.print([(number, page)], count)
    return book.close().seconds[0]


if __name__ == "__main__":
    dear, cheap = page_seconds(Path(sys.argv[1]))
    print("CPU of a page, PDF and picture:")
    print(f"  30 panels {'none' if dear is None else f'{1000 * dear:.0f} ms'}")
    print(f"  simple    {1000 * cheap:.0f} ms (median)")
