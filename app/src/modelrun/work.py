"""What a worker does with a task: fit it, and answer with Arrow bytes.

Work is what travels with the tasks of a run. To worker processes it is a few hundred bytes; the
panel comes to each machine once (see modelrun.backends.placement) and is mapped into memory by all
processes there. Workers that are threads of this process are given the study itself.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from modelrun.backends import placement
from modelrun.backends.guard import WorkerGuard
from modelrun.backends.placement import Place
from modelrun.plan.shelf import Shelf
from modelrun.plan.study import Study
from modelrun.plan.task import Task


@dataclass(frozen=True, slots=True)
class Work:
    """Fits tasks of one study in other processes; the same object serves all tasks."""

    place: Place

    def __call__(self, task: Task) -> memoryview:
        """Fit a task.

        Returns:
            One record batch as an Arrow IPC stream, a row per fit (see modelrun.engines.frame).

        Raises:
            InfrastructureError: The study cannot be fetched to this machine.
        """
        return _fit(_open(self.place), task)

    def prepare(self) -> None:
        """Bring the study to this machine, for processes here that are no workers of Dask.

        Raises:
            InfrastructureError: It cannot be fetched.
        """
        placement.find(self.place)


@dataclass(frozen=True, slots=True)
class WorkHere:
    """Fits tasks of one study in this process."""

    study: Study

    def __call__(self, task: Task) -> memoryview:
        """Fit a task; see Work."""
        return _fit(self.study, task)


def _fit(study: Study, task: Task) -> memoryview:
    from modelrun.engines import piecewise
    from modelrun.engines.catalog import engine
    from modelrun.engines.preloads import modules

    model = study.models[task.model]
    name = model.engine
    for module in modules(name, model.spec.estimator):  # takes seconds, which no fit shall pay for
        importlib.import_module(module)
    with WorkerGuard(limit=study.fit_timeout_seconds) as guard:
        batch = piecewise.fit(engine(name), study, task, guard)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return memoryview(sink.getvalue())


@lru_cache(maxsize=2)
def _open(place: Place) -> Study:
    from modelrun.plan import study_files

    return study_files.open(placement.find(place))


@runtime_checkable
class Remote(Protocol):
    """A backend whose workers may not see the files of this machine."""

    def place(self, folder: Path, *, beside: str | None) -> Place:
        """Make a study reachable for the workers."""
        ...


def prepare(
    study: Study, shelf: Shelf, backend: object, *, beside: str | None = None
) -> Work | WorkHere:
    """Return the work for a study, reachable for all workers of the backend.

    Args:
        study: The study in memory.
        shelf: Its way to a folder.
        backend: The open backend.
        beside: An address of fsspec that runner and workers reach (beside the results), where a
            copy for remote workers may lie; None where there is none.
    """
    if isinstance(backend, Remote):
        return Work(backend.place(shelf.folder(), beside=beside))
    return WorkHere(study)
