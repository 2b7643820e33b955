"""How one task becomes outcomes on Dask: submit, wait, gather, and again after every mishap.

Every task is settled by one coroutine on the client's event loop. It ends with outcomes for all
fits of the task, whatever happens to workers, or with InfrastructureError when the scheduler is
gone. The rules:

* A worker died while a fit of this task was noted there: the fit is tried alone in a fresh
  process, the others are handed out again. Convicted is who dies alone.
* The note names another task, or the worker was only waiting: this task is innocent and is handed
  out again.
* A block of fits, or something between fits, ended the worker: the task is cut in halves.
* Two suspects of a task turned out innocent: something kills with delay; from now on halves.
* A fit that was killed for time needs no trial: its own clock convicts it.

Waiting never trusts one message: results are gathered under a time limit, a task that is out for
too long is handed out a second time and the first answer counts, and a beat asks the scheduler
every second whether it is still there.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from modelrun.backends import recorder
from modelrun.backends.backend import Done, Lost, Outcome
from modelrun.backends.deaths import Deaths
from modelrun.backends.verdict import CONVICTED_BUGS, Answer, Died, Raised, Verdict
from modelrun.backends.window import Window
from modelrun.backends.worker import run
from modelrun.errors import InfrastructureError, ModelrunError
from modelrun.plan.task import Task

if TYPE_CHECKING:
    from distributed import Client

BEAT_SECONDS = 1.0
LOST_SECONDS = 5.0
"""How long the connection to the scheduler may be lost."""
SILENT_SECONDS = 30.0
"""How long a scheduler that is connected may be too busy to answer."""
MANY_THREADS = 200
"""From here on the answer to a beat is long, and beats are rarer."""
GATHER_SECONDS = 5.0
UNEXPLAINED_DEATHS = 2
"""Deaths without a report that a task may survive before it is cut."""
WRONG_SUSPECTS = 2


@dataclass(slots=True)
class Lineage:
    """What is known about a task and all the parts it was cut into."""

    wrong_suspects: int = 0


@dataclass(frozen=True, slots=True)
class Suspect:
    """A worker died with this submission noted."""

    fit: int
    died: Died


@dataclass(frozen=True, slots=True)
class Innocent:
    """A worker died, of something else."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A worker died and nobody reported why: its node may be gone."""

    worker: str


Ending = Verdict | Suspect | Innocent | Unexplained


@dataclass(slots=True)
class Settings:
    """Limits of waiting, in seconds."""

    fit_limit: float
    no_workers: float = 300.0
    lease: float = 60.0
    """What a task may be out beyond ten times its expected duration and one whole fit limit."""
    on_workers: Callable[[int], None] | None = field(default=None)


class Dispatcher:
    """Settles tasks of one map; all methods but the constructor run on the client's loop."""

    def __init__(
        self, client: Client, blob: bytes, settings: Settings, *, workers: int = 1
    ) -> None:
        """Prepare to dispatch.

        Args:
            client: A connected client.
            blob: The pickled pair (work, terms).
            settings: Limits of waiting.
            workers: How many worker threads there are now.
        """
        self._client: Any = client
        self._blob = blob
        self._settings = settings
        self._numbers = itertools.count(int(time.time() * 1000) << 20)
        self._prefix = f"fits-{next(self._numbers):x}"
        self.deaths = Deaths()
        self.window = Window(workers)
        self._last_beat = time.monotonic()
        self._workers_seen = time.monotonic()
        self._bugs = 0
        self._deaths_between = 0
        self.failed: ModelrunError | None = None
        self.workers = workers

    # -- the clock -----------------------------------------------------------------------------

    async def beat(self) -> None:
        """Ask the scheduler for its workers until it does not answer; ends by raising.

        Raises:
            InfrastructureError: The scheduler is gone, or there were no workers for too long.
        """
        while True:
            try:
                cores = await asyncio.wait_for(self._client.scheduler.ncores(), LOST_SECONDS)
            except Exception as error:  # whatever goes wrong, the scheduler did not answer
                silent = time.monotonic() - self._last_beat
                if silent < (SILENT_SECONDS if self._client.status == "running" else LOST_SECONDS):
                    await asyncio.sleep(0.2)
                    continue
                raise InfrastructureError(
                    f"the Dask scheduler at {self._client.scheduler.address} has not answered for "
                    f"{silent:.0f} s ({type(error).__name__}); what is finished is stored, start "
                    "the run again to go on"
                ) from error
            now = self._last_beat = time.monotonic()
            await self._count(sum(cores.values()), now)
            await asyncio.sleep(BEAT_SECONDS if self.workers < MANY_THREADS else 2 * BEAT_SECONDS)

    async def _count(self, threads: int, now: float) -> None:
        if threads:
            self._workers_seen = now
        elif now - self._workers_seen > self._settings.no_workers:
            raise InfrastructureError(
                f"there were no Dask workers for {self._settings.no_workers:g} s; what is "
                "finished is stored, start the run again to go on"
            )
        if threads != self.workers and self._settings.on_workers is not None:
            self._settings.on_workers(threads)
        self.workers = threads
        await self.window.resize(threads)

    # -- one task ------------------------------------------------------------------------------

    async def settle(self, task: Task) -> list[Outcome]:
        """Return the outcomes of all fits of a task."""
        return await self._settle(task, Lineage(), 0)

    async def _settle(self, task: Task, line: Lineage, tries: int) -> list[Outcome]:
        """Settle a task whose fits have been handed out `tries` times before."""
        unexplained = 0
        while True:
            ending = await self._attempt(task, alone=False)
            if not isinstance(ending, Innocent):
                tries += 1
            match ending:
                case Answer(payload, seconds, worker):
                    self._deaths_between = 0
                    return [Done(task, payload, worker, seconds)]
                case Innocent():
                    continue
                case Unexplained(worker):
                    unexplained += 1
                    if unexplained < UNEXPLAINED_DEATHS:
                        continue
                    return await self._cut(task, line, tries)
                case Raised():
                    return await self._raised(task, ending, line, tries)
                case Suspect(fit, died) if fit >= 0:
                    return await self._try(task, fit, died, line, tries)
                case Suspect(fit, died):
                    if fit == recorder.NO_FIT:
                        self._check_deaths_between(died)
                    return await self._cut(task, line, tries)
                case Died():
                    return await self._cut(task, line, tries)

    async def _try(
        self, task: Task, fit: int, died: Died, line: Lineage, tries: int
    ) -> list[Outcome]:
        """Try a suspect alone while the other fits of its task go on."""
        suspect = task.part(task.number, np.array([fit], dtype=np.int64))
        others = task.fits[task.fits != fit]
        if died.cause == "time":
            found: list[Outcome] = [died.lost(suspect, tries)]
            if len(others):
                found += await self._settle(task.part(task.number, others), line, tries)
            return found
        if line.wrong_suspects >= WRONG_SUSPECTS:
            return await self._cut(task, line, tries)
        parts = [self._alone(suspect, line, tries)]
        if len(others):
            parts.append(self._settle(task.part(task.number, others), line, tries))
        return list(itertools.chain.from_iterable(await _together(*parts)))

    async def _alone(self, task: Task, line: Lineage, tries: int) -> list[Outcome]:
        """Run the one fit of a task in a fresh process and believe what comes out."""
        while True:
            ending = await self._attempt(task, alone=True)
            match ending:
                case Answer(payload, seconds, worker):
                    line.wrong_suspects += 1
                    return [Done(task, payload, worker, seconds)]
                case Died() as died:
                    return [died.lost(task, tries + 1)]
                case Raised() as raised:
                    return await self._raised(task, raised, line, tries + 1)
                case _:  # the worker that waited for the trial died: of something else
                    continue

    async def _cut(self, task: Task, line: Lineage, tries: int) -> list[Outcome]:
        """Settle both halves of a task; a single fit is tried alone."""
        if len(task.fits) == 1:
            return await self._alone(task, line, tries)
        middle = len(task.fits) // 2
        halves = [
            self._settle(task.part(task.number, part), line, tries)
            for part in (task.fits[:middle], task.fits[middle:])
        ]
        return list(itertools.chain.from_iterable(await _together(*halves)))

    async def _raised(self, task: Task, raised: Raised, line: Lineage, tries: int) -> list[Outcome]:
        if raised.fatal is not None:
            raise raised.fatal
        if len(task.fits) > 1:
            return await self._cut(task, line, tries)
        self._bugs += 1
        if self._bugs > CONVICTED_BUGS:
            raise ModelrunError(
                f"more than {CONVICTED_BUGS} fits failed outside of every guard, the last one "
                f"with: {raised.message}"
            )
        return [Lost(task, raised.reason, raised.message, raised.worker, tries)]

    def _check_deaths_between(self, died: Died) -> None:
        """Give up when workers keep dying before they come to a fit."""
        self._deaths_between += 1
        if self._deaths_between > 10 + 2 * self.workers:
            raise InfrastructureError(
                f"workers die before they come to a fit ({self._deaths_between} times in a row, "
                f"the last one: {died.message}); look into their logs"
            )

    # -- one attempt ---------------------------------------------------------------------------

    async def _attempt(self, task: Task, *, alone: bool) -> Ending:
        """Hand a task out until there is an answer or an explained death."""
        lease = 10 * task.seconds + self._settings.fit_limit + self._settings.lease
        out: dict[Any, tuple[int, float]] = {}
        try:
            while True:
                if len(out) < 3:
                    number = next(self._numbers)
                    out[self._submit(task, number, alone=alone)] = (number, time.monotonic())
                if not await _first(out, lease):
                    lease *= 2
                    continue
                for future in [f for f in out if f.status != "pending"]:
                    number, since = out.pop(future)
                    ending = await self._ending(future, number, since)
                    future.release()
                    if ending is not None:
                        return ending
        finally:
            for future in out:
                future.release()

    def _submit(self, task: Task, number: int, *, alone: bool) -> Any:
        call = pickle.dumps((task, number, alone))
        return self._client.submit(run, self._blob, call, key=(self._prefix, number), pure=False)

    async def _ending(self, future: Any, number: int, since: float) -> Ending | None:
        """Say what became of a submission; None where it must simply be handed out again."""
        from distributed.scheduler import KilledWorker

        if future.status == "finished":
            return await self._gather(future)
        if future.status != "error":  # cancelled: the connection broke; the beat will tell
            await asyncio.sleep(0.5)
            return None
        error = await future._exception()  # noqa: SLF001 - there is no public coroutine
        if not isinstance(error, KilledWorker):
            raise InfrastructureError(
                f"a worker could not take a task: {type(error).__name__}: {error}. Runner and "
                "workers must have the same packages"
            )
        address = error.last_worker.address
        report = await self.deaths.explain(number, address, since)
        if report is None:
            return Unexplained(address)
        if report.submission == number:
            return Suspect(report.fit, report.died())
        return Innocent()

    async def _gather(self, future: Any) -> Verdict | None:
        """Fetch a result; one request per task, so that a dead worker stalls nobody else."""
        patience = GATHER_SECONDS
        while patience <= 16 * GATHER_SECONDS:
            try:
                reply = await asyncio.wait_for(
                    self._client.scheduler.gather(keys=[future.key]), patience
                )
            except (TimeoutError, OSError):
                patience *= 4
                if not await self._held(future):
                    return None
                continue
            if reply["status"] != "OK":
                return None
            verdict: Verdict = next(iter(reply["data"].values()))
            return verdict
        return None

    async def _held(self, future: Any) -> bool:
        """Tell whether a worker that is still there holds the result."""
        try:
            who = await asyncio.wait_for(
                self._client.scheduler.who_has(keys=[future.key]), GATHER_SECONDS
            )
        except (TimeoutError, OSError):
            return False
        return any(who.values())


async def _first(futures: dict[Any, tuple[int, float]], patience: float) -> bool:
    """Wait until one of the futures is no longer pending; False after the patience is spent."""
    waits = [
        asyncio.ensure_future(future._state.wait())  # noqa: SLF001 - there is no public coroutine
        for future in futures
    ]
    try:
        done, _ = await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()


async def _together(*parts: Any) -> list[list[Outcome]]:
    """Run coroutines together; the first error cancels the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
    return [task.result() for task in tasks]
