"""Results of a run on a cluster: opened where they are, or copied here, with what is shown then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelrun.remote.connection import Connection
from modelrun.remote.runs import Runs
from modelrun.stopping import Stopping

if TYPE_CHECKING:
    from modelrun.remote.access import Access

SHOWN_FROM: Final = 4 << 20
"""Bytes from which on a bar is worth its line."""


def results(name: str, access: Access, *, to: Path | None) -> str:
    """Return where the results of a run can be read; a copy where one is asked for or needed."""
    from modelrun.remote.fetching import address, bring, is_reachable

    connection = Connection.open(access)
    run = Runs(connection).get(name)
    uri = address(run)
    if to is None and is_reachable(uri):
        return uri
    folder = to if to is not None else Path("results") / name
    advice = f"Files that came whole are in {folder}; the same command fetches the rest"
    with Stopping(advice) as stopping, _shown() as shown, stopping.interruptible():
        paths = bring(connection, run, folder, tell=shown.tell, meter=shown)
    from modelrun.remote.spoken import size

    total = size(sum(path.stat().st_size for path in paths))
    print(f"copied {len(paths)} files ({total}) from {uri} into {folder}", file=sys.stderr)
    return str(folder)


class _Shown:
    """What is waited for, and a bar for what comes, on a terminal; nothing elsewhere."""

    def __init__(self, progress: Any | None) -> None:
        self._progress = progress
        self._waiting = None if progress is None else progress.add_task("", total=None)
        self._bar: Any = None

    def tell(self, message: str) -> None:
        """Show what is waited for."""
        if self._progress is not None:
            self._progress.update(self._waiting, description=message)

    def begin(self, files: int, size: int) -> None:
        """Show a bar, if much will come."""
        if self._progress is None:
            return
        self._progress.update(self._waiting, visible=False)
        if size >= SHOWN_FROM:
            self._bar = self._progress.add_task(f"copying {files} files", total=size)

    def advance(self, size: int) -> None:
        """Move the bar."""
        if self._progress is not None and self._bar is not None:
            self._progress.advance(self._bar, size)


@contextmanager
def _shown() -> Iterator[_Shown]:
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Shown(None)
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TransferSpeedColumn,
    )
    from rich.text import Text

    class Words(ProgressColumn):
        """What is done, in words of the cluster, which are no markup."""

        def render(self, task: Task) -> Text:
            return Text(task.description)

    class Measured(ProgressColumn):
        """A column for tasks whose size is known."""

        def __init__(self, inner: ProgressColumn) -> None:
            super().__init__()
            self._inner = inner

        def render(self, task: Task) -> Any:
            return self._inner.render(task) if task.total else ""

    measures = (BarColumn(bar_width=32), DownloadColumn(), TransferSpeedColumn())
    columns = (SpinnerColumn(), Words(), *map(Measured, measures))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Shown(progress)
