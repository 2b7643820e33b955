"""One loop for each run that has something to wait for: woken by news, else by its own clock.

A loop ends when its run is gone, or when nothing is left to wait for; news starts it again. So a
finished run costs nothing but its place in the cache.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Final

import structlog

from modelrun_operator.errors import WorldNotReady
from modelrun_operator.reconcile import Memory, World, reconcile
from modelrun_operator.telemetry import LOOPS, PASSES, Pulse

log = structlog.get_logger("modelrun.loops")

GATHER_SECONDS: Final = 0.1
"""News comes in showers: the rest of one is waited for before a pass."""

FIRST_RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 30.0
MOST_PASSES_AT_ONCE: Final = 32


class Loops:
    """The loops of all runs."""

    def __init__(self, world: World, pulse: Pulse) -> None:
        """Begin with none.

        Args:
            world: what passes work with.
            pulse: watches over passes.
        """
        self._world = world
        self._pulse = pulse
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._gate = asyncio.Semaphore(MOST_PASSES_AT_ONCE)
        self._closed = False

    def wake(self, uid: str) -> None:
        """Look at a run soon."""
        if self._closed or self._world.cache.run(uid) is None:
            return
        self._news.setdefault(uid, asyncio.Event()).set()
        if uid not in self._tasks:
            task = asyncio.create_task(self._run(uid), name=f"loop of {uid}")
            self._tasks[uid] = task
            LOOPS.set(len(self._tasks))

    def wake_all(self) -> None:
        """Look at every run soon."""
        for body in self._world.cache.runs():
            self.wake(body["metadata"]["uid"])

    async def close(self) -> None:
        """End all loops where they stand: the next start goes on from there."""
        self._closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, uid: str) -> None:
        news = self._news[uid]
        memory = Memory()
        failures = 0
        try:
            while True:
                await asyncio.sleep(GATHER_SECONDS)
                news.clear()
                if self._world.cache.run(uid) is None:
                    return
                wait, failed = await self._pass(uid, memory, failures)
                failures = failures + 1 if failed else 0
                if wait is None:
                    if news.is_set():
                        continue
                    return
                try:
                    await asyncio.wait_for(news.wait(), max(0.0, wait.total_seconds()))
                except TimeoutError:
                    continue
                if failed:
                    # News does not mend an API server that is away.
                    await asyncio.sleep(min(FIRST_RETRY_SECONDS, wait.total_seconds()))
        finally:
            self._tasks.pop(uid, None)
            self._news.pop(uid, None)
            LOOPS.set(len(self._tasks))

    async def _pass(self, uid: str, memory: Memory, failures: int) -> tuple[timedelta | None, bool]:
        """Go one pass; return when to come again, and whether it failed."""
        async with self._gate:
            with self._pulse.during(uid):
                try:
                    wait = await reconcile(uid, memory, self._world.paced(len(self._tasks)))
                except WorldNotReady as error:
                    PASSES.labels(outcome="later").inc()
                    if failures == 0:
                        log.info("the world is not ready", uid=uid, error=str(error))
                    asked = error.retry_after
                    return _backoff(failures) if asked is None else _seconds(asked), True
                except Exception:
                    # A bug must not end the loop of this run, nor those of others.
                    PASSES.labels(outcome="bug").inc()
                    log.exception("a pass failed", uid=uid, run=self._world.cache.run(uid))
                    return _backoff(failures), True
        PASSES.labels(outcome="done").inc()
        return wait, False


def _seconds(asked: float) -> timedelta:
    return timedelta(seconds=min(max(asked, 0.1), LONGEST_RETRY_SECONDS))


def _backoff(failures: int) -> timedelta:
    longest = min(FIRST_RETRY_SECONDS * 2 ** min(failures, 10), LONGEST_RETRY_SECONDS)
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311  spreads retries
