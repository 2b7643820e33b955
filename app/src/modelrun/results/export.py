"""The tables as CSV, for programs that read nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from pyarrow import csv

from modelrun.results.opened import Opened
from modelrun.store.trouble import told

ROWS = 100_000
"""Rows that are in memory at once."""


def export_csv(location: str | os.PathLike[str], folder: str | os.PathLike[str]) -> list[Path]:
    """Write every table of the results as a CSV file, piece by piece.

    Args:
        location: Where the results are.
        folder: Where `fits.csv`, `coefficients.csv` and so on go; made if it is not there.

    Returns:
        The files.

    Raises:
        UserMistake: There are no results, or the folder is not writable.
        InfrastructureError: There is no room.
    """
    results = Opened(location)
    target = Path(folder)
    written = []
    with told(str(target), "write to"):
        target.mkdir(parents=True, exist_ok=True)
        for name in results.tables:
            path = target / name.replace(".parquet", ".csv")
            draft = path.with_name(f".{path.name}.{os.getpid()}.part")
            try:
                with results.parquet(name) as file, csv.CSVWriter(draft, file.schema_arrow) as out:
                    for batch in file.iter_batches(ROWS):
                        out.write_batch(batch)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            written.append(path)
    return written
