"""Imports of large libraries, without the search for garbage among what they load.

Python looks for garbage each time some hundred objects more are there, and goes over all of them
every so often. Nothing of a module that is being loaded is garbage, and of a hundred thousand new
objects a fifth of the time is spent on finding that out.

SciPy takes all names of NumPy, and with them its compiler for Fortran, which nobody calls here and
which takes as long to load as a twentieth of SciPy and statsmodels. And it writes the documentation
of eight hundred functions anew while it is loaded, which takes as long as a quarter of both.
"""

from __future__ import annotations

import gc
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any


@contextmanager
def loading(*, for_good: bool) -> Iterator[None]:
    """Import inside.

    Args:
        for_good: Whether the process is ours: all that it holds now is left out of later searches.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if for_good:
            gc.freeze()
        if was:
            gc.enable()


def load_for_good(names: Iterable[str]) -> None:
    """Import what this process will need; what cannot be, whoever needs it imports and hears of.

    Args:
        names: Modules.
    """
    wanted = tuple(names)
    with ExitStack() as inside:
        inside.enter_context(loading(for_good=True))
        put_off("numpy.f2py")
        if any(name.startswith("statsmodels.") for name in wanted):
            inside.enter_context(_documentation_as_written())
        for name in wanted:
            with suppress(Exception):
                importlib.import_module(name)


def put_off(name: str) -> None:
    """Let a module be loaded when something of it is used, instead of when it is imported.

    Args:
        name: A module inside a package, `numpy.f2py` for instance.
    """
    package, _, last = name.rpartition(".")
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    setattr(sys.modules[package], last, module)
    spec.loader.exec_module(module)


@contextmanager
def _documentation_as_written() -> Iterator[None]:
    """Import SciPy inside, without the notes that it adds to the documentation of its functions.

    A SciPy that keeps its parser of documentation elsewhere adds them.
    """
    parser: Any = None
    with suppress(Exception):
        parser = importlib.import_module("scipy._lib._docscrape").FunctionDoc
    if parser is None:
        yield
        return
    parse, rewrite = parser.__init__, parser.__str__
    parser.__init__, parser.__str__ = _without_parsing, _as_written
    try:
        yield
    finally:
        parser.__init__, parser.__str__ = parse, rewrite


def _without_parsing(self: Any, function: Any, *_args: Any, **_kwargs: Any) -> None:
    self._parsed_data = defaultdict(list)  # to which notes are added
    self._written = function.__doc__ or ""


def _as_written(self: Any) -> str:
    return f"\n{self._written}"  # after a line for the signature
