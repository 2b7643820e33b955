"""How much a report shows: limits on pages and panels, and the words for what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from modelrun.report.estimates import Term
from modelrun.report.page import Floats, Ints

Item = TypeVar("Item")

SEVERAL_FITS = 8
"""From this number of fits on, a distribution is more than its members."""

MOST_ROWS = 60
"""Groups above this number are binned by rank."""

MOST_PANELS = 30
"""Panels of a page of small multiples."""

MOST_POINTS = 100
"""Points of a line in a small panel: more are not seen at that size."""

MOST_PAIRS = 12
"""Pairs of model and term that get pages of their own."""


def pairs(terms: Sequence[Term]) -> tuple[tuple[Term, ...], str]:
    """Return the terms that get pages of their own, and a sentence on those that do not."""
    if len(terms) <= MOST_PAIRS:
        return tuple(terms), ""
    return tuple(terms[:MOST_PAIRS]), (
        f"Drawn for the first {MOST_PAIRS} of {len(terms)} pairs of model and term; "
        "the tables hold them all."
    )


def portions(items: Sequence[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Cut items into portions of nearly equal length, at most `size` each."""
    count = -(-len(items) // size)
    for i in range(count):
        yield tuple(items[len(items) * i // count : len(items) * (i + 1) // count])


def heading(term: Term, terms: Sequence[Term]) -> str:
    """Name a term, with its model where there are several."""
    several = len({other.model for other in terms}) > 1
    return f"{term.model} · {term.label}" if several else term.label


def thin(x: Floats | Ints, most: int = MOST_POINTS) -> slice:
    """Return a slice that keeps every k-th point and always the last one."""
    step = max(1, -(-len(x) // most))
    return slice((len(x) - 1) % step, None, step)
