"""Cutting fits into tasks: by factoring where fits take alike, longest first where they do not.

Factoring (Hummel, Schonberg and Flynn 1992) makes each task half of an even share of what is left:
large at first, so that few tasks are handed out; small at the end, so that workers finish
together. Where expected durations of fits differ by more than SPREAD the longest come first
instead, for a long fit that starts last is what everybody waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from modelrun.plan.task import Task

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SPREAD: Final = 3.0
"""How much longer than the shortest a fit may be expected before the longest come first."""

FLOOR_SECONDS: Final = 0.1
"""The shortest task worth sending, and ..."""

FLOOR_SECONDS_PER_WORKER: Final = 0.002
"""... for each worker, since one scheduler serves them all."""

CEILING_SECONDS: Final = 1.0
"""The longest task, so that little is lost with a worker, and ..."""

CEILING_SECONDS_PER_WORKER: Final = 0.004
"""... for each worker: 4 s at a thousand."""

PATIENCE_SECONDS: Final = 10.0
"""After how long a task that was expected to be shorter answers with what is finished."""

UNKNOWN_SECONDS: Final = 0.02
"""What a fit is taken for where nothing is known."""

MOST_FITS: Final = 50_000
"""The most fits of one task, however short they are: its frame must fit into a message."""


def cut(
    todo: Mapping[int, Ints],
    *,
    seconds_per_fit: Mapping[int, float],
    workers: int | Callable[[], int],
    weights: Mapping[int, Floats] | None = None,
    first_number: int = 0,
) -> Iterator[Task]:
    """Yield tasks in the order in which they should be handed out.

    Args:
        todo: The slices to fit of each model, by its index, ascending.
        seconds_per_fit: The mean expected duration of a fit of each model; 0 is unknown.
        workers: How many there are, or a function that tells how many there are now.
        weights: Where slices of a model differ, what each fit of `todo` is expected to cost
            relative to the others (its rows, for instance), same shapes.
        first_number: The number of the first task.
    """
    count = workers if callable(workers) else lambda: workers
    pieces = [
        _Piece(
            model, fits, _seconds(fits, seconds_per_fit.get(model, 0.0), (weights or {}).get(model))
        )
        for model, fits in sorted(todo.items())
        if len(fits)
    ]
    if not pieces:
        return
    expected = [(piece.seconds.min(), piece.seconds.max()) for piece in pieces]
    shortest, longest = min(low for low, _ in expected), max(high for _, high in expected)
    if longest > SPREAD * shortest:
        pieces = [piece.longest_first() for piece in pieces]
        pieces.sort(key=lambda piece: -float(piece.seconds.max()))
    left = float(sum(piece.seconds.sum() for piece in pieces))
    number = first_number
    for piece in pieces:
        ends = np.cumsum(piece.seconds)
        at, done = 0, 0.0
        while at < len(piece.fits):
            budget = task_seconds(left, count())
            stop = int(np.searchsorted(ends, done + budget * (1 + 1e-9), side="right"))
            stop = min(max(stop, at + 1), at + MOST_FITS, len(piece.fits))
            seconds = float(ends[stop - 1]) - done
            fits = np.sort(piece.fits[at:stop])
            yield Task(number, piece.model, fits, seconds, PATIENCE_SECONDS)
            at, done, left, number = stop, float(ends[stop - 1]), left - seconds, number + 1


def task_seconds(left: float, workers: int) -> float:
    """Return how long the next task should take.

    Args:
        left: Expected seconds of all that is left, on one worker.
        workers: How many there are.
    """
    count = max(1, workers)
    floor = max(FLOOR_SECONDS, FLOOR_SECONDS_PER_WORKER * count)
    ceiling = max(CEILING_SECONDS, CEILING_SECONDS_PER_WORKER * count)
    return min(max(left / (2 * count), floor), ceiling)


class _Piece:
    """The fits of one model that are to be cut."""

    def __init__(self, model: int, fits: Ints, seconds: Floats) -> None:
        self.model = model
        self.fits = fits
        self.seconds = seconds

    def longest_first(self) -> _Piece:
        order = np.argsort(-self.seconds, kind="stable")
        return _Piece(self.model, self.fits[order], self.seconds[order])


def _seconds(fits: Ints, per_fit: float, weights: Floats | None) -> Floats:
    mean = per_fit if per_fit > 0 else UNKNOWN_SECONDS
    if weights is None or not len(weights) or weights.mean() <= 0:
        return np.full(len(fits), mean)
    return np.asarray(mean * weights / weights.mean(), dtype=np.float64)
