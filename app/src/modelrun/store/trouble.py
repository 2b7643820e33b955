"""What storage can do wrong, told as the run's own errors.

Every access to a location goes through `told`, so that a full disk, a missing permission and a
network that is away are told apart once and read the same everywhere. It decides nothing else.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from modelrun.errors import InfrastructureError, ModelrunError, UserMistake

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No space, no quota left, or a file at its size limit: the same to whoever waits for results."""

REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
NO_FOLDER = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR})
MISTAKES_OF_OURS = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
"""What no storage raises: to call these a trouble of storage would hide a bug and retry it."""

NO_CREDENTIALS = frozenset({"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"})


def full(error: BaseException) -> bool:
    """Say whether the error means that there is no room left."""
    return isinstance(error, OSError) and error.errno in FULL


@contextmanager
def told(place: str, doing: str, *, stored: str = "") -> Iterator[None]:
    """Turn what storage raises into an error of the run.

    Args:
        place: The location, without secrets.
        doing: What was tried, such as `write to`; it stands before the location.
        stored: A sentence on what is safe, for errors in the middle of a run.

    Raises:
        UserMistake: The location is not there, or may not be used.
        InfrastructureError: The location is full or cannot be reached.
    """
    try:
        yield
    except (ModelrunError, *MISTAKES_OF_OURS):
        raise
    except OSError as error:
        raise _from_os(error, place, doing, stored) from error
    except Exception as error:
        if type(error).__name__ in NO_CREDENTIALS:
            raise UserMistake(
                f"cannot {doing} {place}: {error}; set the credentials of the storage in the "
                "environment, or name their Secret in spec.data.credentialsSecretName"
            ) from error
        raise InfrastructureError(
            _sentence(f"cannot {doing} {place}: {type(error).__name__}: {error}", stored)
        ) from error


def _from_os(error: OSError, place: str, doing: str, stored: str) -> ModelrunError:
    what = error.strerror or str(error) or type(error).__name__
    if error.errno in FULL:
        return InfrastructureError(
            _sentence(
                f"cannot {doing} {place}: no room is left ({what})",
                stored,
                "Make room there and run the same command again: it goes on from there",
            )
        )
    if error.errno in REFUSED or isinstance(error, PermissionError):
        return UserMistake(
            _sentence(
                f"cannot {doing} {place}: permission denied ({what})",
                stored,
                "Give write permission, or choose another place with results.to or --to",
            ),
            field="spec.results.to",
        )
    if error.errno in NO_FOLDER:
        return UserMistake(
            _sentence(
                f"cannot {doing} {place}: a file lies where a folder is needed ({what})",
                stored,
                "Move it away, or choose another place with results.to or --to",
            ),
            field="spec.results.to",
        )
    if isinstance(error, FileNotFoundError):
        return UserMistake(
            _sentence(
                f"cannot {doing} {place}: there is no such place ({what})",
                stored,
                "Make it, or choose another one with results.to or --to",
            ),
            field="spec.results.to",
        )
    return InfrastructureError(_sentence(f"cannot {doing} {place}: {what}", stored))


def _sentence(*parts: str) -> str:
    return ". ".join(part.rstrip(".") for part in parts if part)
