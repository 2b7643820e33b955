"""The report of a run: from a results folder to report.html and report.pdf."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrun.report.contents.chapters import pages as contents
from modelrun.report.press import Press
from modelrun.report.tables import read


@dataclass(frozen=True, slots=True)
class Report:
    """What was drawn."""

    paths: tuple[Path, ...]
    pages: int
    seconds: float
    """From the call to the files."""

    page_seconds: tuple[float, ...]
    """CPU seconds of each page on paper, with its picture."""


def draw(
    folder: Path | str,
    *,
    html: bool = True,
    pdf: bool = True,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    run: Mapping[str, Any] | None = None,
    press: Press | None = None,
) -> Report:
    """Draw the report of a finished run into its folder.

    Args:
        folder: Where fits.parquet and coefficients.parquet lie.
        html: Whether report.html is written.
        pdf: Whether report.pdf is written.
        workers: Processes that draw pages.
        progress: Called with the number of pages drawn and the number of pages.
        run: What run.json will say, where it is not written yet; by default it is read.
        press: A press that was started before, which hides the time of its imports.

    Raises:
        UserMistake: If the folder has no result tables.
        ModelrunError: If pages cannot be printed.
    """
    start = time.perf_counter()
    folder = Path(folder)
    if not (html or pdf):
        return Report((), 0, 0.0, ())
    running = press or Press()
    try:
        tables = read(folder, run)
        pages = contents(tables)
        if progress is not None:
            progress(0, len(pages))
        prints = running.print(tables.name, pages, pdf=pdf, pictures=html, workers=workers)
    finally:
        running.close()
    paths = []
    if pdf:
        paths.append(_write(folder / "report.pdf", prints.pdf))
    if html:
        from modelrun.report.screen.html import html as page

        text = page(tables.name, pages, prints.pictures)
        paths.append(_write(folder / "report.html", text.encode("utf-8")))
    if progress is not None:
        progress(len(pages), len(pages))
    return Report(tuple(paths), len(pages), time.perf_counter() - start, prints.seconds)


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
    return path
