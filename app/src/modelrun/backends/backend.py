"""What a backend is: it maps a function over tasks and never hangs, whatever the function does.

A backend knows tasks, workers and their deaths; it knows no statistics. All of them give the same
outcomes for the same tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from modelrun.plan.task import Task
from modelrun_api.failure import FailureReason

Payload = bytes | memoryview

Work = Callable[[Task], Payload]
"""What a worker does with a task: it returns a frame as Arrow IPC stream bytes. It is picklable,
small, and loads what it needs when it first runs in a process."""


@dataclass(frozen=True, slots=True)
class Done:
    """A task, or a part of one, that came back with a frame, of its first fits at least."""

    task: Task
    payload: Payload
    worker: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """A single fit that ended its worker, convicted alone in a fresh process."""

    task: Task
    """A task of exactly one fit."""

    reason: FailureReason
    message: str
    worker: str
    attempts: int


Outcome = Done | Lost


class Backend(Protocol):
    """A context manager around workers."""

    name: str

    def __enter__(self) -> Backend: ...

    def __exit__(self, *error: object) -> None: ...

    def workers(self) -> int:
        """Return how many workers are there now."""
        ...

    def map(self, work: Work, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield outcomes as they come; every fit of every task appears in exactly one.

        The frame of a task whose patience ended lacks its last fits; they may be handed in again.

        Closing the iterator stops handing out and leaves no task behind.

        Raises:
            InfrastructureError: There are no workers, or the scheduler is gone.
        """
        ...
