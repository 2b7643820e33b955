"""The report's way to the results: drawn in a folder, then sent where the results are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from modelrun.errors import UserMistake
from modelrun.report.press import Press
from modelrun.report.report import draw
from modelrun.store.place import Place


def draw_report(
    location: str,
    *,
    html: bool,
    pdf: bool,
    run: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 2,
    press: Press | None = None,
) -> list[str]:
    """Draw the report of the results at a location and return the addresses of its files.

    Args:
        location: The results folder or its address.
        html: Whether report.html is drawn.
        pdf: Whether report.pdf is drawn.
        run: What run.json will say, where it is not written yet.
        progress: Called with the pages drawn and all pages.
        workers: Processes that draw.
        press: The printing process, if it was started before.

    Raises:
        UserMistake: There are no result tables.
        InfrastructureError: The storage does not answer.
    """
    drawing = partial(
        draw, html=html, pdf=pdf, run=run, progress=progress, workers=workers, press=press
    )
    place = Place.at(location)
    if place.folder is not None:
        report = drawing(place.folder)
        return [str(path) for path in report.paths]
    with tempfile.TemporaryDirectory(prefix="modelrun-report-") as name:
        folder = Path(name)
        tables = [entry for entry in place.names("") if entry.endswith((".parquet", ".json"))]
        if "fits.parquet" not in tables:
            raise UserMistake(f"{location} has no result tables; check the address")
        place.fetch([entry for entry in tables if entry != "observations.parquet"], folder)
        report = drawing(folder)
        for path in report.paths:
            place.send(path, path.name)
        return [f"{place.uri}/{path.name}" for path in report.paths]
