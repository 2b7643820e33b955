"""The report of a run: from a results folder to report.html and report.pdf."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from modelrun.report.contents import chapters
from modelrun.report.press import Order, Press
from modelrun.report.tables import read


@dataclass(frozen=True, slots=True)
class Report:
    """What was drawn."""

    paths: tuple[Path, ...]
    pages: int
    seconds: float
    """From the tables to the files."""

    page_seconds: tuple[float, ...]
    """CPU seconds of each page on paper, with its picture."""


class Drawing:
    """A report under way: pages of results are drawn at once, those about the run when it ends.

    A context manager.
    """

    def __init__(
        self,
        folder: Path,
        *,
        html: bool = True,
        pdf: bool = True,
        workers: int = 2,
        run: Mapping[str, Any] | None = None,
        press: Press | None = None,
    ) -> None:
        """Read the tables and have the pages of results printed.

        Args:
            folder: Where fits.parquet and coefficients.parquet lie.
            html: Whether report.html is written.
            pdf: Whether report.pdf is written.
            workers: Processes that draw pages.
            run: What run.json will say, as far as it is known; by default it is read.
            press: A press that was started before, which hides the time of its imports.

        Raises:
            UserMistake: If the folder has no result tables.
        """
        self._began = time.perf_counter()
        self._folder, self._html, self._pdf, self._workers = folder, html, pdf, workers
        self._press = press or Press()
        try:
            self._tables = read(folder, run)
            self._results = chapters.results(self._tables)
            self._pages = chapters.around(self._tables, self._results)
            self._begin()
        except BaseException:
            self._press.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._press.close()

    def finish(self, run: Mapping[str, Any] | None = None) -> Report:
        """Draw the other pages and write the files.

        Args:
            run: What run.json will say; study and spec are as they were.

        Raises:
            ModelrunError: If pages cannot be printed.
        """
        if run is not None:
            self._speak_of(run)
        pages, paths = self._pages, []
        prints = self._press.finish(pages)
        if self._pdf:
            paths.append(_write(self._folder / "report.pdf", prints.pdf))
        if self._html:
            from modelrun.report.screen.html import html

            page = html(self._tables.name, pages, prints.pictures)
            paths.append(_write(self._folder / "report.html", page.encode("utf-8")))
        seconds = time.perf_counter() - self._began
        return Report(tuple(paths), len(pages), seconds, prints.seconds)

    def _speak_of(self, run: Mapping[str, Any]) -> None:
        begun = self._numbering()
        self._tables = replace(self._tables, run=run)
        self._pages = chapters.around(self._tables, self._results)
        if self._numbering() != begun:  # what is printed already has other numbers at its foot
            self._press.close()
            self._press = Press()
            self._begin()

    def _numbering(self) -> tuple[int, int]:
        """Return how many pages come before those of the results, and how many there are."""
        own = [i for i, page in enumerate(self._pages) if any(page is r for r in self._results)]
        return own[0] if own else 0, len(self._pages)

    def _begin(self) -> None:
        before, count = self._numbering()
        self._press.begin(
            Order(
                name=self._tables.name,
                first=tuple(enumerate(self._results, start=before)),
                count=count,
                pdf=self._pdf,
                pictures=self._html,
                workers=self._workers,
            )
        )


def draw(
    folder: Path | str,
    *,
    html: bool = True,
    pdf: bool = True,
    workers: int = 2,
) -> Report:
    """Draw the report of a finished run into its folder.

    Args:
        folder: Where fits.parquet, coefficients.parquet and run.json lie.
        html: Whether report.html is written.
        pdf: Whether report.pdf is written.
        workers: Processes that draw pages.

    Raises:
        UserMistake: If the folder has no result tables.
        ModelrunError: If pages cannot be printed.
    """
    if not (html or pdf):
        return Report((), 0, 0.0, ())
    with Drawing(Path(folder), html=html, pdf=pdf, workers=workers) as drawing:
        return drawing.finish()


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
    return path
