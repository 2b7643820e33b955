"""How many tasks may be out at once: enough to keep all workers busy, and no more.

A place is taken before a task is handed out and given back when the consumer has taken its
outcomes. So a slow consumer slows the workers down, instead of results piling up in the runner.
"""

from __future__ import annotations

import asyncio


class Window:
    """Places for tasks; all methods run on one event loop."""

    def __init__(self, workers: int) -> None:
        """Begin with the places that some workers need."""
        self._places = _places(workers)
        self._taken = 0
        self._change = asyncio.Condition()

    async def take(self) -> None:
        """Wait for a place and take it."""
        async with self._change:
            await self._change.wait_for(lambda: self._taken < self._places)
            self._taken += 1

    async def give_back(self) -> None:
        """Give a place back."""
        async with self._change:
            self._taken -= 1
            self._change.notify(1)

    async def resize(self, workers: int) -> None:
        """Follow the number of workers."""
        if _places(workers) == self._places:
            return
        async with self._change:
            self._places = _places(workers)
            self._change.notify_all()


def _places(workers: int) -> int:
    """Return two places per worker, and two where there are none yet."""
    return 2 * workers + 2
