"""The page for a browser: one file that needs no network, and reads without scripts as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import groupby
from typing import Any

from modelrun.report.page import Grid, Page
from modelrun.report.screen.figures import figures

LARGEST = 5_000_000
"""Bytes that a page may have."""

OTHER = 400_000
"""Bytes for text, tables and our own script and style."""


def html(name: str, pages: Sequence[Page], pictures: Mapping[int, str]) -> str:
    """Return the page.

    Args:
        name: The study.
        pages: What it says.
        pictures: The panels of a page as SVG, by its position.
    """
    from jinja2 import Environment, StrictUndefined

    folder = resources.files("modelrun.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["numeric"] = lambda align, i: align[i : i + 1] == "r"
    template = environment.from_string(
        (folder / "templates" / "report.html.j2").read_text(encoding="utf-8")
    )
    grids = [block for page in pages for block in page.blocks if isinstance(block, Grid)]
    data, echarts = figures(grids), _asset("echarts.min.js")
    room = LARGEST - OTHER - len(data.encode("utf-8")) - len(echarts)
    return template.render(
        name=name,
        chapters=_chapters(pages, pictures, room),
        figures=data,
        echarts=echarts,
        script=_asset("report.js"),
        style=_asset("report.css"),
    )


def _chapters(
    pages: Sequence[Page], pictures: Mapping[int, str], room: int
) -> list[dict[str, Any]]:
    chart = 0
    found = []
    for title, members in groupby(enumerate(pages), key=lambda entry: entry[1].chapter):
        sections = []
        for i, page in members:
            blocks = []
            for block in page.blocks:
                entry: dict[str, Any] = {"kind": type(block).__name__, "block": block}
                if isinstance(block, Grid):
                    picture = pictures.get(i, "")
                    room -= len(picture)
                    entry |= {"chart": chart, "picture": picture if room > 0 else ""}
                    chart += 1
                blocks.append(entry)
            sections.append({"page": page, "blocks": blocks})
        found.append({"title": title, "id": title.lower().replace(" ", "-"), "sections": sections})
    return found


def _asset(name: str) -> str:
    return (resources.files("modelrun.report") / "assets" / name).read_text(encoding="utf-8")
