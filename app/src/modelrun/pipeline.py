"""A run from its file to its report: the only module that knows all the others.

Each stage is one call; what they hand on are values. The order matters in two places: the lock
is held from before the first look into the store until run.json lies there, and run.json, whose
presence means complete, is removed first and written last.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from modelrun_api.loader import Loaded
from modelrun_api.modelrun import ModelRun

from modelrun.errors import TooManyFailed, UserMistake
from modelrun.location import results_location
from modelrun.progress import Display, Tally, duration
from modelrun.stopping import Stopping


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line or the Python door adds to the file; each defaults to the file."""

    to: str | None = None
    """Where results go."""

    backend: str | None = None
    """serial, threads or dask."""

    workers: int | None = None
    """Worker processes of a local cluster, by default one a CPU."""

    only: tuple[str, ...] = ()
    """Only groups with these values, as `column=value`."""

    sample: int | None = None
    """Only so many fits."""

    retry_failed: tuple[str, ...] = ()
    """Reasons whose stored failures are computed again; `all` for every reason."""

    tls: bool = False
    """Encrypt between local workers."""

    dashboard: bool = False
    """Start Dask's dashboard."""

    serve_progress: int | None = None
    """The port of the progress endpoint."""

    profile: Path | None = None
    """Where cProfile files go."""

    report: bool = True
    """Whether reports that the file asks for are drawn."""

    @property
    def trial(self) -> bool:
        """Whether only a part of the run is fitted."""
        return bool(self.only) or self.sample is not None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left behind."""

    location: str
    counts: Mapping[str, int]
    report: str | None
    seconds: Mapping[str, float]
    """Seconds of each stage."""


@dataclass(slots=True)
class Stages:
    """Enters stages one after the other and remembers how long each took."""

    tally: Tally
    display: Display
    seconds: dict[str, float] = field(default_factory=dict)
    _open: tuple[str, float] | None = None

    def enter(self, stage: str) -> None:
        """End the stage before, begin this one."""
        now = time.monotonic()
        if self._open is not None:
            name, began = self._open
            self.seconds[name] = round(self.seconds.get(name, 0.0) + now - began, 3)
        self._open = (stage, now)
        self.tally.enter(stage)
        self.display.changed()


    def end(self) -> dict[str, float]:
        """End the last stage and return the seconds of all."""
        if self._open is not None:
            name, began = self._open
            self.seconds[name] = round(
                self.seconds.get(name, 0.0) + time.monotonic() - began, 3
            )
            self._open = None
        return dict(self.seconds)
