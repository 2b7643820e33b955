"""The error tree of the app: whose mistake it is decides the exit code.

Messages say what happened, to which object, and what to do next. What a single fit does wrong is
never an exception of the run: it is a record (see modelrun_api.failure).
"""

from __future__ import annotations


class ModelrunError(Exception):
    """Base of everything that ends a run with a designed exit code."""

    exit_code: int = 1


class UserMistake(ModelrunError):
    """The file, the data or the code of the user is wrong; trying again would not help."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        allowed: tuple[str, ...] = (),
        nearest: str | None = None,
        at_key: bool = False,
    ) -> None:
        """Say what is wrong.

        Args:
            message: What happened, what is allowed, what to do next.
            field: The path in the document, such as `spec.models[0].formula`, to point at.
            allowed: The words that would be right, where they are few enough to list.
            nearest: The one of them that was probably meant.
            at_key: Whether the field's name is wrong, not its value.
        """
        self.field = field
        self.message = message
        self.allowed = allowed
        self.nearest = nearest
        self.at_key = at_key
        said = f"{message}; did you mean {nearest}?" if nearest else message
        super().__init__(f"{said} There are {', '.join(allowed)}" if allowed else said)


class TooManyFailed(ModelrunError):
    """More fits failed than maxFailed allows; tables and report exist."""

    exit_code = 3

    def __init__(
        self, message: str, *, location: str | None = None, report: str | None = None
    ) -> None:
        """Say how many failed, and where the tables and the report are."""
        super().__init__(message)
        self.location = location
        self.report = report


class InfrastructureError(ModelrunError):
    """Workers, scheduler or storage are away; trying again goes on where this run stopped."""

    exit_code = 75


class Stopped(ModelrunError):
    """A signal asked the run to stop; what is finished is stored."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        """Remember the signal, which decides the exit code (130 or 143)."""
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
