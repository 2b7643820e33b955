"""Reading ahead: the rows of a local parquet file come in while the program is still imported.

The file of the run is looked at before it is validated, so this is a guess: columns whose names
stand somewhere in the file. Whoever reads the data takes what was read if it is what is needed, and
reads as ever if not, as where they are too many for memory. What goes wrong here is told there.
"""

from __future__ import annotations

import importlib
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = re.compile(r"\w+")


class Ahead:
    """One reading that is under way."""

    def __init__(self, address: str, words: Collection[str]) -> None:
        """Begin to read the columns of a file that have one of these names."""
        self.address = address
        self._words = words
        self._table: pa.Table | None = None
        # Imported here: two threads that import share one lock, and reading shall begin soon.
        importlib.import_module("pyarrow.parquet")
        self._thread = threading.Thread(target=self._read, name="modelrun-ahead", daemon=True)
        self._thread.start()

    def table(self) -> pa.Table | None:
        """Return the rows once they are there, None where they could not be read."""
        self._thread.join()
        return self._table

    def _read(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from modelrun.datasets import extent

        try:
            file = pq.ParquetFile(pa.memory_map(self.address))
            names = [name for name in file.schema_arrow.names if name in self._words]
            if not extent.is_large(file, names):
                self._table = file.read(columns=names)
        except (OSError, pa.ArrowException):
            self._table = None


_begun: list[Ahead] = []
"""What was begun and not taken yet: one reading at most."""


def begin(document: Mapping[str, Any], text: str, *, base: Path) -> None:
    """Begin to read the data of a run, where they are a parquet file on this machine.

    Args:
        document: The ModelRun as plain data, not validated.
        text: The same as it is written.
        base: The folder of its file.
    """
    from modelrun.datasets import files

    uri = _uri(document)
    if uri is None or "callable:" in text or files.format_of(uri) != "parquet":
        return
    address = files.absolute(uri, base)
    if "://" not in address and Path(address).is_file():
        _begun[:] = [Ahead(address, frozenset(_WORD.findall(text)))]


def take(address: str, columns: Sequence[str] | None) -> pa.Table | None:
    """Return these columns of a file if they were read ahead, else None; they are given once."""
    if not _begun:
        return None
    ahead = _begun.pop()
    if ahead.address != address or columns is None:
        return None
    table = ahead.table()
    if table is None or not set(columns) <= set(table.column_names):
        return None
    return table.select(list(columns))


def _uri(document: Mapping[str, Any]) -> str | None:
    match document:
        case {"spec": {"data": {"uri": str(uri)}}}:
            return uri
    return None
