"""The versions of what is installed, by the names of the folders that installers leave.

`importlib.metadata` reads and parses a file of each package, a third of a second where there are
three hundred of them; name and version stand in the folder's name as well (PEP 376, PEP 427).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache


@cache
def installed() -> Mapping[str, str]:
    """Return the versions of all installed packages by their normalised names, sorted."""
    found: dict[str, str] = {}
    for folder in sys.path:
        for entry in _names(folder or "."):
            stem, _, kind = entry.rpartition(".")
            name, _, version = stem.partition("-")
            if kind in {"dist-info", "egg-info"} and version:
                found.setdefault(name.lower().replace("_", "-"), version.partition("-py")[0])
    return dict(sorted(found.items()))


def version(name: str) -> str | None:
    """Return the version of a package, None where it is not installed."""
    return installed().get(name.lower().replace("_", "-"))


def _names(folder: str) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder))
    except OSError:  # a zip file, or a folder that is not there
        return []
