"""The reports of workers' deaths, as their nannies send them, for those who lost a task.

A report can trail the news that a task is lost by seconds, and on clusters with fixed ports a new
worker may have the address of the dead one. So a loss is explained by the report that names its
submission, or by one from the same address that came after the submission was handed out.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from modelrun.backends.verdict import Died

PATIENCE_SECONDS = 4.0
"""How long a report may trail the news of the loss."""
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Report:
    """A worker's death as its nanny reported it."""

    received: float
    submission: int
    fit: int
    exit: int
    cause: str
    detail: str
    address: str

    def died(self) -> Died:
        """Return the verdict on who was noted."""
        return Died(self.exit, self.cause, self.detail, self.address)


class Deaths:
    """Collects reports; all methods run on the client's event loop."""

    def __init__(self) -> None:
        """Begin without any."""
        self._reports: list[Report] = []
        self._news = asyncio.Condition()

    async def hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take a report (the handler of the topic of modelrun.backends.nanny)."""
        async with self._news:
            self._reports.append(Report(received=time.monotonic(), **event[1]))
            del self._reports[:-_KEPT]
            self._news.notify_all()

    async def explain(self, submission: int, address: str, since: float) -> Report | None:
        """Wait for the report that explains why a submission was lost.

        Args:
            submission: The number under which the task was handed out.
            address: The worker that Dask says has died.
            since: When the task was handed out, in seconds of time.monotonic().

        Returns:
            The report, or None where none came: the nanny may be gone too.
        """
        async with self._news:
            try:
                await asyncio.wait_for(
                    self._news.wait_for(
                        lambda: self._search(submission, address, since) is not None
                    ),
                    PATIENCE_SECONDS,
                )
            except TimeoutError:
                return None
            return self._search(submission, address, since)

    def _search(self, submission: int, address: str, since: float) -> Report | None:
        for report in reversed(self._reports):
            if report.submission == submission:
                return report
        for report in reversed(self._reports):
            if report.address == address and report.received >= since:
                return report
        return None
