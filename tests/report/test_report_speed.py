"""A page on paper is cheap: figures are reused and panels are no axes of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modelrun.report.contents.chapters import pages
from modelrun.report.page import Grid
from modelrun.report.paper.printing import Order, print_pages
from modelrun.report.tables import read


def test_a_page_of_thirty_panels_takes_less_than_200_ms(results: Callable[..., Path]) -> None:
    whole = pages(read(results("rolling", groups=30, windows=760)))

    def seconds(number: int) -> float:
        order = Order("speed", whole, (number,), pdf=True, pictures=True)
        return min(print_pages(order).seconds[0] for _ in range(4))

    crowded = next(
        i for i, page in enumerate(whole) for block in page.blocks
        if isinstance(block, Grid) and len(block.panels) == 30
    )  # fmt: skip
    simple = [i for i, page in enumerate(whole) if page.chapter in {"Spread", "Groups"}]
    dear, cheap = seconds(crowded), min(map(seconds, simple))
    print(f"CPU of a page: 30 panels {1000 * dear:.0f} ms, simple {1000 * cheap:.0f} ms")
    assert dear < 0.2
    assert cheap < 0.1, "50 ms on a machine that is not busy"
