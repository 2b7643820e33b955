"""What a workload is: data, the spec that fits them, the slices that a naive program sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

CLUSTER = {"profileName": "c5-4xlarge"}

Frames = Callable[[Path, list[int]], list[pd.DataFrame]]
"""Returns the slices of these numbers, in the order of the tables."""


@dataclass(frozen=True)
class Workload:
    """One row of the table."""

    number: int
    name: str
    target: float
    """Ratio to the naive program that is aimed at, cold, without report and audit."""

    spec: dict[str, Any]
    """A ModelRun's spec; `{data}` stands for the path of the data."""

    slices: int
    frames: Frames
    make: Callable[[Path], None] | None = None
    """Writes the data to a path."""

    quick: bool = False
    """Whether `make bench-quick` has it."""

    naive_fits: int = 200
    """Fits of each block of the naive program; fewer than 200 only where fits take seconds."""

    blocks: int = 4
    """Blocks of the naive program, with runs of ours between them."""

    gain: float | None = None
    """What the engine is to gain over the naive program on one core, where p cores are compared
    with one core."""

    @property
    def models(self) -> list[dict[str, Any]]:
        """The models of the spec, in the order of the tables."""
        return sorted(self.spec["models"], key=lambda model: str(model["name"]))

    @property
    def fits(self) -> int:
        """All fits of a run."""
        return self.slices * len(self.spec["models"])
