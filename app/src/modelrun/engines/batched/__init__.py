"""Compiled kernels for many fits at once: arrays in, arrays out.

This package knows nothing of specs, formulas, tables or stores, and imports NumPy only; the engine
that turns a task into calls of it lives beside it. It is not for single fits either: one call
takes a whole task, so that no Python runs between two fits.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether the compiled kernels can be used; true in a condition when they can."""

    ok: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok


def available() -> Availability:
    """Say whether the compiled kernels are there, and if not, why.

    Returns:
        An Availability; its reason is a sentence for the user when the kernels are missing.
    """
    try:
        load()
    except ImportError as error:
        return Availability(
            False,
            "The compiled kernels of the batched engine are missing, so statsmodels does all fits "
            f"({error}). Install a C compiler and reinstall modelrun, or use a wheel.",
        )
    return Availability(True)


def load() -> ModuleType:
    """Import the compiled module.

    Raises:
        ImportError: It was not built.
    """
    return importlib.import_module("modelrun.engines.batched._kernels")
