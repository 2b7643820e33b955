"""Every way in which a call can fail, in the operator's own words: the one place for that."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any, Final

import aiohttp
from kubernetes.aio.client.exceptions import ApiException

from modelrun_operator.errors import Conflict, NotFound, OperatorError, Refused, WorldNotReady

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
# 401: a token that was just rotated; 410: a list that grew too old; the rest: trouble over there.
_PASSING: Final = frozenset({401, 408, 410, 425, 429, 500, 502, 503, 504})


@contextlib.contextmanager
def meaning(what: str) -> Iterator[None]:
    """Turn the failures of a call into the operator's errors.

    Args:
        what: the call, for the message: "create Job lab/study-1".

    Raises:
        NotFound: the object, or its definition, is not there.
        Conflict: it exists already, changed meanwhile, or is another than was meant.
        Refused: the API server refuses it for good.
        WorldNotReady: the API server is away, overloaded or in trouble.
    """
    try:
        yield
    except ApiException as error:
        raise _named(what, error) from error
    except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
        said = str(error) or type(error).__name__
        raise WorldNotReady(f"{what}: the API server cannot be reached ({said})") from error


def _named(what: str, error: ApiException) -> OperatorError:
    status = int(error.status or 0)
    said = _message(error.body) or str(error.reason)
    if status == _NOT_FOUND:
        return NotFound(f"{what}: {said}")
    if status == _CONFLICT:
        return Conflict(f"{what}: {said}")
    if status in _PASSING or status == 0:
        return WorldNotReady(f"{what}: {said}", retry_after=_retry_after(error))
    return Refused(said)


def _message(body: Any) -> str:
    if isinstance(body, bytes):
        body = body.decode(errors="replace")
    try:
        document = json.loads(body)
    except (TypeError, ValueError):
        return str(body or "")[:500]
    return str(document.get("message", "")) if isinstance(document, dict) else ""


def _retry_after(error: ApiException) -> float | None:
    headers = error.headers or {}
    text = headers.get("Retry-After")
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
