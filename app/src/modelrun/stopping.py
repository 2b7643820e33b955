"""Stopping well: a signal ends the hand-out of work, never the storing of what is finished.

The handler only raises where the pipeline said that it may be interrupted; everywhere else it
leaves a note that the pipeline reads at its next step. A second signal does not wait.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from modelrun.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Notes signals while the context is open; outside the main thread it does nothing."""

    def __init__(self, advice: str) -> None:
        """Remember what a person can do next, for the message."""
        self._advice = advice
        self._received: int | None = None
        self._interruptible = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self._received is not None:
            name = signal.Signals(self._received).name
            raise Stopped(f"stopped by {name}. {self._advice}", signal_number=self._received)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal interrupt what runs in here, such as waiting for the next outcome."""
        self.check()
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._received is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._received = number
        if self._interruptible:
            self._interruptible = False
            self.check()
