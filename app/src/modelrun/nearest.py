"""The nearest valid names to a mistyped one, for messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(name: str, known: Iterable[str], *, shown: int = 12) -> str:
    """Return `did you mean 'x'?`, or the names that exist, as the end of a message."""
    names = list(known)
    by_folded = {other.casefold(): other for other in names}
    close = get_close_matches(name.casefold(), list(by_folded), n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(by_folded[other]) for other in close) + "?"
    listed = ", ".join(names[:shown])
    more = f", and {len(names) - shown} more" if len(names) > shown else ""
    return f"there are: {listed}{more}" if names else "there are none"
