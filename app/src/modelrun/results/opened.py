"""Opened results: the tables of a finished run, wherever they lie, column by column.

Summary, comparison, export and the Python door read through here. It changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from modelrun.errors import UserMistake
from modelrun.results import run_json, tables
from modelrun.store.place import Place
from modelrun.store.trouble import told

FILES: Final = (*tables.TABLES, run_json.FILE, "report.html", "report.pdf")
"""Names of everything that people open."""


class Opened:
    """The results at one location."""

    def __init__(self, location: str | os.PathLike[str]) -> None:
        """Find the results.

        Args:
            location: A folder, s3://, gs:// or abfs:// address.

        Raises:
            UserMistake: There are no results.
        """
        self.place = Place.at(location)
        there = set(self.place.names(""))
        self.tables = tuple(name for name in tables.TABLES if name in there)
        """Names of the tables that are there."""

        self.files = tuple(name for name in FILES if name in there)
        """Names of everything there that people open."""

        if tables.FITS not in self.tables:
            raise UserMistake(
                f"there are no results in {self.place.uri}: no {tables.FITS} lies there. Give the "
                "place that `modelrun run` printed, or run the file first"
            )
        self.run: dict[str, Any] = run_json.read(self.place) or {}
        """The content of run.json; empty where the run is not complete."""

    @contextmanager
    def parquet(self, name: str) -> Iterator[pq.ParquetFile]:
        """Open a table, to read it piece by piece.

        Args:
            name: Its file name, one of `tables`.
        """
        with told(self.place.uri, "read from"):
            if self.place.folder is not None:
                with pq.ParquetFile(self.place.folder / name) as file:
                    yield file
            else:
                path = self.place.path(name)
                with self.place.files.open(path) as remote, pq.ParquetFile(remote) as file:
                    yield file

    def columns(self, name: str) -> list[str]:
        """Return the names of a table's columns; none where the table is not there."""
        if name not in self.tables:
            return []
        with self.parquet(name) as file:
            return list(file.schema_arrow.names)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a table, or some of its columns.

        Raises:
            UserMistake: The run has no such table.
        """
        if name not in self.tables:
            raise UserMistake(
                f"{self.place.uri} has no {name}; it has {', '.join(self.tables)}"
                + (
                    "; name columns in results.observations and run the file again"
                    if name == tables.OBSERVATIONS
                    else ""
                )
            )
        with self.parquet(name) as file:
            return file.read(columns=None if columns is None else list(columns))

    def labels(self) -> list[str]:
        """Return the columns that say which fit a row belongs to, without `fit_key`."""
        names = self.columns(tables.FITS)
        return names[1 : names.index("status")]
