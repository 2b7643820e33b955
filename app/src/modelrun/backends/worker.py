"""The worker's side of a task: open the recorder, run the work, answer with a verdict.

Nothing that the work does may surface as an exception of Dask: what it raises comes back as a
value, and what it returns is bytes, so that answers always travel.
"""

from __future__ import annotations

import pickle
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from modelrun.backends import recorder, verdict
from modelrun.backends.backend import Work
from modelrun.backends.verdict import Answer, Raised, Verdict
from modelrun.plan.task import Task


@dataclass(frozen=True, slots=True)
class Terms:
    """What all tasks of one cluster share."""

    token: str
    """Names the cluster; see recorder.path."""
    grace: float
    """Seconds that a fit may outlive its own limit."""
    memory_limit: int
    """Bytes of anonymous memory for one worker; 0 for no limit."""
    profile: bool = False
    """Whether workers measure where their time goes."""


def run(blob: bytes, call: bytes) -> Verdict:
    """Run one task; called by Dask in the worker's thread.

    Args:
        blob: The pickled pair (work, terms), the same for all tasks of a map.
        call: The pickled triple (task, submission, alone).
    """
    work, terms = load(blob)
    task, submission, alone = pickle.loads(call)  # noqa: S301 - our own bytes
    name, nanny = _where()
    if alone:
        from modelrun.backends import alone as fresh

        prepare = getattr(work, "prepare", None)
        if prepare is not None:  # only a worker can ask the scheduler for files
            prepare()
        return fresh.confirm(blob, task, terms, worker=name)
    note = _note(terms.token, nanny, name)
    note.begin(submission)
    try:
        return execute(work, task, worker=name, profile=terms.profile)
    finally:
        note.end()


def execute(work: Work, task: Task, *, worker: str, profile: bool = False) -> Answer | Raised:
    """Run the work on a task and describe how it ended."""
    begin = time.perf_counter()
    try:
        if profile:
            from modelrun.backends import profile as profiling

            payload: Any = profiling.measure(work, task)
        else:
            payload = work(task)
        if not isinstance(payload, (bytes, memoryview)):
            raise TypeError(f"cannot pickle a {type(payload).__name__}: work must return bytes")
        return Answer(payload, time.perf_counter() - begin, worker)
    except BaseException as error:  # a worker must survive everything, sys.exit included
        return verdict.raised(error, worker)


@lru_cache(maxsize=4)
def load(blob: bytes) -> tuple[Work, Terms]:
    """Unpickle work and terms once per process."""
    pair: tuple[Work, Terms] = pickle.loads(blob)  # noqa: S301 - our own bytes
    return pair


def _where() -> tuple[str, str | None]:
    """Return the address of this worker and that of its nanny."""
    from distributed import get_worker

    worker: Any = get_worker()
    return str(worker.address), worker.nanny


_opened: tuple[str, str | None] | None = None


def _note(token: str, nanny: str | None, name: str) -> recorder.Recorder:
    """Return the recorder of this process, opened where its nanny looks."""
    global _opened
    if nanny is not None and _opened != (token, nanny):
        recorder.start(recorder.path(token, nanny), address=name)
        random = sys.modules.get("numpy.random")
        if random is not None and _opened is None:
            random.seed()  # forked workers begin with one and the same state
        _opened = (token, nanny)
    return recorder.current()
