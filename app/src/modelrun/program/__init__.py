"""Program mode: the user's own joblib program, unchanged, on a Dask cluster.

Nothing here knows models or results; the program writes what it wants where it wants.
"""

from __future__ import annotations

from modelrun.program.launch import run

__all__ = ["run"]
