"""What a fit said while it ran: its warnings as one line of text for the column `warnings`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

LONGEST = 500
"""Characters that are kept."""


def spoken(heard: Sequence[warnings.WarningMessage]) -> str | None:
    """Return each different warning once, as `Category: text`; None where there was none."""
    said: dict[str, None] = {}
    for entry in heard:
        text = " ".join(str(entry.message).split())
        said[f"{entry.category.__name__}: {text}"] = None
    if not said:
        return None
    line = "; ".join(said)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
