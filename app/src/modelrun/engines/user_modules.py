"""The user's modules in this process: those of one folder, as their files are now.

A notebook runs the same file again after its function was edited, and a test runs many folders
with a module of one name. Python keeps the first import; fits would be stored under the key of the
new source with numbers of the old one. So a module whose file changed, or that came from another
folder, is forgotten before the next import. Only modules that were imported here are touched.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final


@dataclass(frozen=True, slots=True)
class _Owned:
    """A module of the user, as it was when it was imported."""

    file: Path
    folder: Path
    stamp: tuple[int, int]


_LOCK: Final = threading.RLock()
_owned: dict[str, _Owned] = {}


def load(name: str, folder: Path) -> ModuleType:
    """Import a module of the user from a folder, as its file is now.

    Args:
        name: The module, with dots.
        folder: What comes first on the Python path.

    Raises:
        BaseException: Whatever the import raises.
    """
    folder = folder.resolve()
    with _LOCK:
        _forget_others(folder)
        before = set(sys.modules)
        importlib.invalidate_caches()
        try:
            return importlib.import_module(name)
        finally:
            for added in set(sys.modules) - before:
                _own(added, folder)


def _forget_others(folder: Path) -> None:
    for name, owned in list(_owned.items()):
        if owned.folder != folder or _stamp(owned.file) != owned.stamp:
            sys.modules.pop(name, None)
            del _owned[name]
            # Compiled code is dated in whole seconds, which an edit can fall within.
            with contextlib.suppress(OSError, NotImplementedError):
                Path(importlib.util.cache_from_source(str(owned.file))).unlink(missing_ok=True)
        if owned.folder != folder and str(owned.folder) in sys.path:
            sys.path.remove(str(owned.folder))
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _own(name: str, folder: Path) -> None:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or name.partition(".")[0].startswith("modelrun"):
        return
    path = Path(file).resolve()
    stamp = _stamp(path)
    if stamp is not None and path.is_relative_to(folder) and "site-packages" not in path.parts:
        _owned[name] = _Owned(path, folder, stamp)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
