"""Imports of large libraries, without the search for garbage among what they load.

Python looks for garbage each time some hundred objects more are there, and goes over all of them
every so often. Nothing of a module that is being loaded is garbage, and of a hundred thousand new
objects a fifth of the time is spent on finding that out.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
