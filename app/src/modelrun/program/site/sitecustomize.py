"""Imported by Python itself when a program starts: prepares joblib when the program imports it.

It costs a program nothing that never uses joblib with Dask, and it hands over to another
`sitecustomize` if there is one further down the path.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_TARGET = "joblib._dask"


class _Loader(importlib.abc.Loader):
    """Loads the module as always, then puts our backend into it."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        try:
            from modelrun.program.dask_backend import install
        except ImportError:  # the program runs in an environment of its own
            return
        install(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds joblib's module for Dask, once."""

    def find_spec(
        self,
        fullname: str,
        path: object = None,  # noqa: ARG002
        target: object = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _TARGET:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def _hand_over() -> None:
    """Run the sitecustomize that this one hides."""
    here = Path(__file__).resolve().parent
    rest = [path for path in sys.path if path and Path(path).resolve() != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _Finder())
_hand_over()
