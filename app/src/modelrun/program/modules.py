"""The program's own modules on every worker.

A function that joblib sends to a worker is found there by its module's name. The modules beside
the program's script exist on the runner only, so their sources travel once to each worker, also
to late and restarted ones.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from distributed.diagnostics.plugin import WorkerPlugin

if TYPE_CHECKING:
    from distributed import Worker

MOST_BYTES = 16 << 20
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


def sources(folder: Path) -> dict[str, bytes]:
    """Return the Python sources under a folder, by their path inside it.

    Hidden folders, virtual environments and the like are left out. Where the sources are larger
    than MOST_BYTES together, only the modules directly in the folder are taken, with a warning.
    """
    found: dict[str, bytes] = {}
    total = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in SKIPPED
            and not (Path(place) / name / "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            if not name.endswith(".py"):
                continue
            path = Path(place) / name
            total += path.stat().st_size
            if total > MOST_BYTES:
                warnings.warn(
                    f"the Python sources under {folder} are larger than {MOST_BYTES >> 20} MiB; "
                    "workers get only the modules directly in it",
                    stacklevel=2,
                )
                return {name: raw for name, raw in found.items() if os.sep not in name}
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def script_folder() -> Path | None:
    """Return the folder of the program's script; None where it has none (`python -c`)."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(file).resolve().parent if file else None


class Modules(WorkerPlugin):
    """Writes the sources into the worker's own folder and puts that on its path."""

    name = "modelrun-program-modules"

    def __init__(self, files: dict[str, bytes]) -> None:
        """Remember the sources: path inside the folder, content."""
        self.files = files

    def setup(self, worker: Worker) -> None:
        """Write the sources; called by Dask when a worker starts or the plugin comes."""
        folder = Path(worker.local_directory) / "modelrun-program"
        for name, raw in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
