"""Canonical JSON: one byte string for one meaning, so that hashes of documents can be keys.

The form is that of RFC 8785 in spirit: members sorted, no spaces, UTF-8. Numbers follow what the
API server stores: an integral float is the integer (`1.0` and `1` are one thing, because kubectl
makes them so), and every other float is written with the shortest digits that read back equal.
This module is not for showing documents to people.
"""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["NotCanonicalError", "canonical", "canonical_bytes"]

INT64_BOUND = 2**63


class NotCanonicalError(ValueError):
    """A value that JSON cannot hold: infinities, a key that is not text, a foreign object.

    Attributes:
        path: where the value stands, from the root of the document.
        value: the offending value (the key itself where a key is wrong).
    """

    def __init__(self, reason: str, path: tuple[str | int, ...], value: object) -> None:
        """Keep the place beside the message."""
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
        super().__init__(f"{place or 'the document'}: {reason}")
        self.reason = reason
        self.path = path
        self.value = value


def canonical(value: Any, *, path: tuple[str | int, ...] = ()) -> Any:
    """Return `value` as plain JSON data with numbers as the API server stores them.

    Args:
        value: None, bool, int, float, str, lists or tuples and dictionaries of these.
        path: where the value stands in a larger document; only for messages.

    Raises:
        NotCanonicalError: for NaN and infinities, keys that are not text, and other types.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        # Beyond 64 bits the API server keeps a double; identity must not see more than it does.
        if -INT64_BOUND <= value < INT64_BOUND:
            return int(value)
        try:
            return float(value)
        except OverflowError:
            raise NotCanonicalError("the integer is beyond a double", path, value) from None
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotCanonicalError(f"{value} is not a number that JSON can hold", path, value)
        if value.is_integer() and -INT64_BOUND <= value < INT64_BOUND:
            return int(value)
        return float(value)
    if isinstance(value, (list, tuple)):
        return [canonical(item, path=(*path, index)) for index, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise NotCanonicalError(f"the key {key!r} is not text", path, key)
        return {key: canonical(item, path=(*path, key)) for key, item in value.items()}
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise NotCanonicalError(
        f"{kind} has no JSON form; use text, numbers, booleans, lists and mappings", path, value
    )


def canonical_bytes(value: Any) -> bytes:
    """Return the canonical JSON of `value` as UTF-8 bytes.

    Equal documents give equal bytes, whatever the order of their members and on every machine.

    Raises:
        NotCanonicalError: for anything that JSON cannot hold.
    """
    plain = canonical(value)
    text = json.dumps(
        plain, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotCanonicalError("the text holds half a surrogate pair", (), text) from error
