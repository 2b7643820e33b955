"""What an API server answers when it does not do what it is asked: whose mistake it is.

Every refusal becomes one of the app's errors in this one place, so that a person reads one
sentence with a next step, and a script sees 2 (do something) or 75 (try again).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from modelrun.errors import InfrastructureError, ModelrunError, UserMistake
from modelrun_api.identity import GROUP, RUN_PLURAL, VERSION

NOT_DEFINED = (
    "modelrun is not installed on this cluster: it does not know {what}. The platform team "
    "installs the chart, or `modelrun crd | kubectl apply --server-side -f -` the definitions"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that the API server refuses."""

    field: str
    message: str


class NotThere(UserMistake):
    """There is no such object."""


class Forbidden(UserMistake):
    """The user has no right to do that."""


class Outdated(InfrastructureError):
    """A watch began before what the API server remembers; it must begin anew."""


class Invalid(UserMistake):
    """The API server refuses what is asked."""

    def __init__(self, message: str, causes: tuple[Cause, ...]) -> None:
        """Keep the fields beside the message."""
        super().__init__(message)
        self.causes = causes


class Changed(Invalid):
    """The object is no longer what it was when it was looked at."""


def refusal(status: int, body: str, *, doing: str, server: str, namespace: str) -> ModelrunError:
    """Return the error for an answer of an API server.

    Args:
        status: the HTTP status.
        body: the answer, a Status object where the API server itself answers.
        doing: what was asked, such as `read modelruns/ff25`.
        server: the API server's address.
        namespace: the namespace that was asked about.
    """
    said = _status(body)
    message = str(said.get("message") or body[:300].strip() or f"HTTP {status}")
    details = said.get("details") or {}
    match status:
        case 401:
            return UserMistake(
                f"{server} does not know you (401): sign in again, as for kubectl, and check "
                "--context"
            )
        case 403 if "exceeded quota" not in message:
            return Forbidden(
                f"you may not {doing} in the namespace {namespace}: {message}. Another namespace "
                "(-n) or context may be meant; else ask the platform team for the role "
                "modelrun-editor (or modelrun-viewer, to look only)"
            )
        case 404 if not details.get("name"):
            if "namespace" in message:
                return NotThere(f"{message}; name another with -n")
            return UserMistake(NOT_DEFINED.format(what=f"{RUN_PLURAL}.{GROUP}/{VERSION}"))
        case 404 if details.get("kind") == "namespaces":
            return NotThere(f"there is no namespace {details['name']}; name another with -n")
        case 404:
            return NotThere(message)
        case 410:
            return Outdated(message)
        case 400 | 403 | 405 | 409 | 413 | 415 | 422:
            causes = tuple(
                Cause(str(one.get("field") or ""), str(one.get("message") or ""))
                for one in details.get("causes") or ()
            )
            kind = Changed if status == 409 else Invalid
            return kind(f"the API server refuses to {doing}: {message}", causes)
    return InfrastructureError(
        f"{server} could not {doing} (HTTP {status}): {message}. Try again in a moment"
    )


def unreachable(server: str, error: BaseException) -> InfrastructureError:
    """Return the error for an API server that does not answer."""
    # The client puts its own object in front of what went wrong.
    why = str(getattr(error, "reason", None) or error).rpartition("): ")[2]
    return InfrastructureError(
        f"the API server {server} does not answer: {why}. Check the network (VPN?) and the "
        "context: `kubectl config get-contexts`"
    )


def _status(body: str) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
