"""pyarrow without pandas, until somebody wants pandas.

pyarrow imports pandas on its first conversion of anything, to be able to recognise a Series: half
a second to a second that a run of batched fits has no use for. Importing this module before the
first conversion makes pyarrow look once while pandas cannot be found. As soon as pandas is really
imported, by whomever, pyarrow is told, and from then on all is as usual. It is not for using
pyarrow: `import pyarrow as pa` stays the way to do that.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pyarrow as pa


class _Hidden(MetaPathFinder):
    """Says that there is no pandas."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not wanted yet", name="pandas")


class _Watched(MetaPathFinder):
    """Finds pandas as ever, and tells pyarrow when it has been imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "pandas":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Telling(spec.loader)
        return spec


class _Telling(Loader):
    """Loads pandas as its own loader does, then has pyarrow look again."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _look()


def _look() -> None:
    """Have pyarrow import pandas now."""
    shim = getattr(pa.lib, "_pandas_api", None)
    if shim is not None:
        _ = shim.pd


def hide_pandas() -> None:
    """Make pyarrow do without pandas until it is imported; without effect once it is."""
    if "pandas" in sys.modules:
        return
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(hidden)
    sys.meta_path.insert(0, _Watched())


hide_pandas()
