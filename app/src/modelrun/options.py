"""What a caller adds to a file: the options of the command and of the Python door."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
