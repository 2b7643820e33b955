"""Quantities of Kubernetes as numbers, for the few sums that a manifest needs."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_FORM: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
_FACTORS: Final[dict[str | None, Decimal]] = {
    None: Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000**power) for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", start=1)},
}


def amount(quantity: str | int) -> Decimal:
    """Return a quantity as a number: cores, or bytes.

    Raises:
        ValueError: when it is no quantity.
    """
    match = _FORM.fullmatch(str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity of Kubernetes, such as 500m or 165Gi")
    return Decimal(match[1]) * _FACTORS[match[2]]
