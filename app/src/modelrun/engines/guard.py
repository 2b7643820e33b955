"""What stands between a fit and the worker that runs it.

An engine hands every piece of foreign code to the guard, which notes it for the flight recorder,
holds it to a time limit and turns anything it raises into a value. Engines depend on this
protocol only; the backend's worker side brings the implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from modelrun_api.failure import FailureReason

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caught:
    """What a guarded call ended with, when not with a value."""

    error: BaseException
    reason: FailureReason | None
    """Set where the guard itself knows, such as Timeout; else the engine judges the error."""

    traceback: str


class Guard(Protocol):
    """Runs one piece of foreign code."""

    def call(self, fit: int, function: Callable[[], T]) -> T | Caught:
        """Run the function for this fit under the time limit; never raise what it raised.

        Args:
            fit: The index of the slice, as in Task.fits; -1 for a whole block of fits.
            function: The foreign code.
        """
        ...
