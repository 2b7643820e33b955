"""Work that misbehaves in every way a fit can, and clusters to let it loose on."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from modelrun.backends.backend import Done, Lost, Outcome
from modelrun.backends.dask import DaskBackend
from modelrun.plan.task import Task

FIT_TIMEOUT = 2.0
MEMORY_LIMIT = 500 << 20


def make_work(acts: dict[int, str], seconds: float = 0.0, limit: float = FIT_TIMEOUT) -> Any:
    """Return work whose fits do what `acts` says; a local class travels by value."""

    class Acting:
        def __init__(self) -> None:
            self.acts = acts

        def fit(self, fit: int) -> str:
            import ctypes
            import time

            match acts.get(fit):
                case "kill":
                    os.kill(os.getpid(), 9)
                    time.sleep(5)
                case "abort":
                    os.abort()
                case "segfault":
                    ctypes.string_at(0)
                case "exit":
                    os._exit(3)
                case "hold":
                    ctypes.PyDLL(None).sleep(60)
                case "eat":
                    hoard = []
                    while True:
                        hoard.append(b"x" * (1 << 25))
                        time.sleep(0.03)
                case "loop":
                    while True:
                        pass
                case "raise":
                    raise ValueError("no such thing")
                case "sys.exit":
                    raise SystemExit(3)
                case "fork":
                    if os.fork() == 0:
                        return "child"
                case "print":
                    print("hello from a fit")
            if seconds:
                time.sleep(seconds)
            return "ok"

        def __call__(self, task: Task) -> Any:
            from modelrun.backends.guard import WorkerGuard
            from modelrun.engines.guard import Caught

            said = []
            with WorkerGuard(limit=limit) as guard:
                for fit in task.fits.tolist():
                    got = guard.call(fit, lambda fit=fit: self.fit(fit))
                    if isinstance(got, Caught):
                        got = str(got.reason or type(got.error).__name__)
                    said.append((fit, got, os.getpid()))
                    if acts.get(fit) == "unpicklable":
                        import pickle

                        pickle.dumps(lambda: None)
                    if acts.get(fit) == "no bytes":
                        return object()
            return repr(said).encode()

    return Acting()


def cut(fits: int, size: int) -> list[Task]:
    return [
        Task(number, 0, np.arange(start, min(fits, start + size)))
        for number, start in enumerate(range(0, fits, size))
    ]


class Said:
    """The outcomes of a map, by fit; fails when a fit has none or more than one."""

    def __init__(self, outcomes: Iterable[Outcome], fits: int) -> None:
        self.words: dict[int, str] = {}
        self.pids: set[int] = set()
        self.lost: dict[int, Lost] = {}
        for outcome in outcomes:
            match outcome:
                case Done():
                    said = ast.literal_eval(outcome.payload.decode())
                    assert [fit for fit, _, _ in said] == outcome.task.fits.tolist()
                    for fit, word, pid in said:
                        assert fit not in self.words, f"fit {fit} came twice"
                        self.words[fit] = word
                        self.pids.add(pid)
                case Lost():
                    (fit,) = outcome.task.fits.tolist()
                    assert fit not in self.words, f"fit {fit} came twice"
                    self.words[fit] = str(outcome.reason)
                    self.lost[fit] = outcome
        assert sorted(self.words) == list(range(fits))

    def odd(self) -> dict[int, str]:
        return {fit: word for fit, word in self.words.items() if word != "ok"}


@pytest.fixture(scope="session")
def acting() -> Callable[..., Any]:
    return make_work


@pytest.fixture(scope="session")
def tasks() -> Callable[[int, int], list[Task]]:
    return cut


@pytest.fixture(scope="session")
def said() -> type[Said]:
    return Said


@pytest.fixture(scope="module")
def cluster() -> Iterator[DaskBackend]:
    with DaskBackend(workers=2, fit_timeout=FIT_TIMEOUT, memory_limit=MEMORY_LIMIT) as backend:
        yield backend
