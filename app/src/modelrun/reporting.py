"""The report's way to the results: drawn in a folder, then sent where the results are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelrun.errors import UserMistake
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
) -> list[str]:
    """Draw the report of the results at a location and return the addresses of its files.

    Raises:
        UserMistake: There are no result tables.
        InfrastructureError: The storage does not answer.
    """
    place = Place.at(location)
    if place.folder is not None:
        report = draw(place.folder, html=html, pdf=pdf, run=run, progress=progress, workers=workers)
        return [str(path) for path in report.paths]
    with tempfile.TemporaryDirectory(prefix="modelrun-report-") as name:
        folder = Path(name)
        tables = [entry for entry in place.names("") if entry.endswith((".parquet", ".json"))]
        if "fits.parquet" not in tables:
            raise UserMistake(f"{location} has no result tables; check the address")
        place.fetch([entry for entry in tables if entry != "observations.parquet"], folder)
        report = draw(folder, html=html, pdf=pdf, run=run, progress=progress, workers=workers)
        for path in report.paths:
            place.send(path, path.name)
        return [f"{place.uri}/{path.name}" for path in report.paths]
