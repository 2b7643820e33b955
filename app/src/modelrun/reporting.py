"""The report's way to the results: drawn in a folder, then sent where the results are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from modelrun.errors import UserMistake
from modelrun.report.press import Press
from modelrun.report.report import Drawing
from modelrun.store.place import Place

Draw = Callable[[Mapping[str, Any] | None], list[str]]
"""Draws the rest with what run.json will say, and returns the addresses of the files."""


@contextmanager
def drawing(
    location: str,
    *,
    html: bool,
    pdf: bool,
    run: Mapping[str, Any] | None = None,
    press: Press | None = None,
) -> Iterator[Draw]:
    """Begin the report of the results at a location; the pages of results are drawn meanwhile.

    Args:
        location: The results folder or its address.
        html: Whether report.html is drawn.
        pdf: Whether report.pdf is drawn.
        run: What run.json will say, as far as it is known; by default it is read.
        press: The printing process, if it was started before.

    Yields:
        What draws the rest.

    Raises:
        UserMistake: There are no result tables.
        InfrastructureError: The storage does not answer.
    """
    place = Place.at(location)
    with ExitStack() as stack:
        folder = place.folder
        if folder is None:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="modelrun-report-"))
            )
            _fetch(place, folder)
        drawn = stack.enter_context(Drawing(folder, html=html, pdf=pdf, run=run, press=press))

        def draw(run: Mapping[str, Any] | None = None) -> list[str]:
            paths = drawn.finish(run).paths
            if place.folder is not None:
                return [str(path) for path in paths]
            for path in paths:
                place.send(path, path.name)
            return [f"{place.uri}/{path.name}" for path in paths]

        yield draw


def _fetch(place: Place, folder: Path) -> None:
    tables = [entry for entry in place.names("") if entry.endswith((".parquet", ".json"))]
    if "fits.parquet" not in tables:
        raise UserMistake(f"{place.uri} has no result tables; check the address")
    place.fetch([entry for entry in tables if entry != "observations.parquet"], folder)
