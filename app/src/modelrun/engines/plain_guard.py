"""The guard of a process that guards itself: it calls, and catches whatever comes.

For serial runs and tests. It knows no time limit and survives no crash; the guard of a worker
(in backends) does both.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TypeVar

from modelrun.engines.guard import Caught
from modelrun_api.failure import FailureReason

T = TypeVar("T")


class PlainGuard:
    """Calls directly and turns what is raised into a value."""

    def call(self, fit: int, function: Callable[[], T]) -> T | Caught:  # noqa: ARG002
        """Run the function; see modelrun.engines.guard.Guard.

        Raises:
            KeyboardInterrupt: Somebody wants the run to stop.
        """
        try:
            return function()
        except KeyboardInterrupt:
            raise
        except MemoryError as error:
            return Caught(error, FailureReason.OUT_OF_MEMORY, traceback.format_exc())
        except BaseException as error:
            return Caught(error, None, traceback.format_exc())
