"""What can go wrong in the operator, by what is to be done about it.

A mistake of the user ends or refuses the run with a condition; a world that is not ready is waited
for; anything else is a bug and is logged with the snapshot that caused it.
"""

from __future__ import annotations

from modelrun_api.reason import Reason


class OperatorError(Exception):
    """Base of the operator's own errors."""


class SettingsError(OperatorError):
    """The installation is configured wrongly; the operator does not start."""


class UserMistake(OperatorError):
    """A run that cannot be worked on as it is."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the machine's word beside the sentence for people."""
        super().__init__(message)
        self.reason = reason


class WorldNotReady(OperatorError):
    """Something is away or in the way; another pass will find it better."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep how long to wait, where the world said so (seconds)."""
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(OperatorError):
    """The object is not there: for a deletion that is success."""


class Conflict(OperatorError):
    """The object was changed or exists already; whose it is must be looked at."""


class Refused(OperatorError):
    """The API server refuses the object for good: schema, admission, quota or rights."""


class Bug(OperatorError):
    """A state that the operator's own rules exclude."""
