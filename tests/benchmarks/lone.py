"""The same fits in a process that nobody else has a part in: what a core does by itself.

One of them tells how long the fits take on one core. As many as there are cores, at once, tell what
is left to each while the others work: caches, memory and a shared machine set a limit that no
scheduler can pass. `python -m benchmarks.lone FILE FOLDER FITS` fits whenever it reads a number of
times, and answers with the seconds that it took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelrun.backends import machine
from modelrun.backends.backend import Done
from modelrun.backends.catalog import open_backend
from modelrun.plan.shelf import Shelf
from modelrun.plan.task import Task
from modelrun.plan.tasks import cut
from modelrun.preparing import prepare
from modelrun.work import prepare as prepare_work
from modelrun_api.loader import load

LIMIT_SECONDS = 600
"""The longest that one answer may take."""


class Lone:
    """One such process; a context manager."""

    def __init__(self, file: Path, folder: Path, fits: int) -> None:
        self._command = [sys.executable, "-m", "benchmarks.lone", str(file), str(folder), str(fits)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **machine.ONE_THREAD},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def begin(self, times: int) -> None:
        """Let it fit so many times."""
        assert self._process is not None
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()

    def seconds(self) -> float:
        """Return how long it took."""
        process = self._process
        assert process is not None
        late = threading.Timer(LIMIT_SECONDS, process.kill)
        late.start()
        said = process.stdout.readline()
        late.cancel()
        if not said:
            raise RuntimeError(f"{' '.join(self._command)} ended, or took {LIMIT_SECONDS} s")
        return float(said)


def plan_of(file: Path, folder: Path) -> Any:
    """Return the plan of a file, with its study in a folder."""
    return prepare(load(file), base=file.parent, folder=folder, environment=os.environ).plan


def fit(backend: Any, plan: Any, shelf: Shelf, fits: np.ndarray, seconds: float) -> float:
    """Return the seconds from the first task handed out to the last outcome taken."""
    work = prepare_work(plan.study, shelf, backend)
    tasks: Any = cut({0: fits}, seconds_per_fit={0: seconds}, workers=backend.workers)
    if len(fits) <= 4 * backend.workers():
        tasks = (Task(number, 0, fits[number : number + 1]) for number in range(len(fits)))
    began = time.perf_counter()
    done = sum(
        len(outcome.task.fits) for outcome in backend.map(work, tasks) if isinstance(outcome, Done)
    )
    taken = time.perf_counter() - began
    assert done == len(fits), f"{done} of {len(fits)} fits came back"
    return taken


def main() -> None:
    """Fit whenever a line says so, until there is none."""
    file, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    plan = plan_of(file, folder)
    shelf, fits = Shelf(plan.study), np.arange(count, dtype=np.int64)
    with open_backend("serial") as backend:
        fit(backend, plan, shelf, fits[:4], 0.01)
        for line in sys.stdin:
            print(fit(backend, plan, shelf, np.tile(fits, int(line)), 0.01), flush=True)


if __name__ == "__main__":
    main()
