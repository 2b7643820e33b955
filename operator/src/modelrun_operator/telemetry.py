"""What the operator tells about itself: metrics, structured logs, and whether it is alive.

Nothing leaves the process by itself: metrics are fetched, logs go to standard error.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from modelrun_operator.core.actions import ACTION_NAMES

PASSES: Final = Counter("modelrun_passes_total", "Passes over runs.", ["outcome"])
PASS_SECONDS: Final = Histogram(
    "modelrun_pass_seconds",
    "How long a pass over a run takes, its calls included.",
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60),
)
STATUS_WRITES: Final = Counter("modelrun_status_writes_total", "Writes of a run's status.")
ACTIONS: Final = Counter(
    "modelrun_actions_total", "Actions by kind and outcome.", ["action", "outcome"]
)
RUNS_BY_PHASE: Final = Gauge("modelrun_runs", "Runs that exist, by phase.", ["phase"])
LOOPS: Final = Gauge("modelrun_loops", "Runs that are being worked on.")
LAST_RELIST: Final = Gauge(
    "modelrun_last_relist_timestamp_seconds", "When all resources were listed last."
)
HEARTBEAT: Final = Gauge(
    "modelrun_heartbeat_timestamp_seconds", "When the operator's loop turned last."
)


# A series that begins with its first event looks to Prometheus as if nothing had increased.
for _outcome in ("done", "later", "bug"):
    PASSES.labels(outcome=_outcome)
for _action in ACTION_NAMES:
    ACTIONS.labels(action=_action, outcome="refused")


class Pulse:
    """Whether the operator still works: its event loop turns, and no pass hangs."""

    def __init__(self, *, patience_seconds: float = 180) -> None:
        """Begin alive.

        Args:
            patience_seconds: how long a pass, or a stop of the event loop, may take.
        """
        self._patience = patience_seconds
        self._beat = time.monotonic()
        self._passes: dict[str, float] = {}

    def beat(self) -> None:
        """Note that the event loop turns."""
        self._beat = time.monotonic()
        HEARTBEAT.set_to_current_time()

    @contextmanager
    def during(self, uid: str) -> Iterator[None]:
        """Watch over one pass."""
        begin = time.monotonic()
        self._passes[uid] = begin
        try:
            yield
        finally:
            self._passes.pop(uid, None)
            PASS_SECONDS.observe(time.monotonic() - begin)

    def alive(self) -> bool:
        """Say whether everything moves."""
        oldest = min([self._beat, *self._passes.values()])
        return time.monotonic() - oldest < self._patience


def configure_logs(*, as_json: bool, level: str = "INFO") -> None:
    """Send all logs of the process to standard error, one event a line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # kopf reports every event that it hands on.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
