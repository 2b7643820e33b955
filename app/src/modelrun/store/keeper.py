"""The keeper: a thread that calls a function now and then while the runner does other things.

It renews the lock and brings aged data to safety also while no fit finishes. What goes wrong in
it is raised where the runner next touches the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Keeper:
    """Calls `duty` every `seconds` until it is stopped."""

    def __init__(self, duty: Callable[[], None], seconds: float) -> None:
        self._duty = duty
        self._seconds = seconds
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._keep, name="modelrun-store", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what went wrong since the last look."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def stop(self) -> None:
        """End the thread; wait for a duty that is under way."""
        self._stop.set()
        self._thread.join(timeout=60)

    def _keep(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._duty()
            except BaseException as error:
                self._error = error
