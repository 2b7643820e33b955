"""Where an axis has its ticks and what they say: round numbers, whole years, months or days."""

from __future__ import annotations

import math

import numpy as np

from modelrun.report.page import Floats, Kind

Ticks = tuple[tuple[float, str], ...]
"""Positions and their texts."""

MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)


def ticks(low: float, high: float, kind: Kind, most: int) -> Ticks:
    """Return at most about `most` ticks within low to high."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return ()
    if kind == "date":
        return _dates(low, high, most)
    step = _step((high - low) / max(most, 1))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    marks = ((i * step, _text(i * step, decimals, high - low)) for i in range(first, last + 1))
    return tuple((at, text.replace(",", "") if kind == "plain" else text) for at, text in marks)


def reach(values: Floats, *, margin: float = 0.04, zero: bool = False) -> tuple[float, float]:
    """Return limits of an axis around finite values, with a margin at both ends."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    size = high - low
    if size <= 0:
        size = abs(high) or 1.0
        return low - size * 0.1, high + size * 0.1
    return low - margin * size, high + margin * size


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((k * power for k in (1, 2, 5) if k * power >= rough * 0.999), 10 * power)


def _text(number: float, decimals: int, size: float) -> str:
    if abs(number) < size * 1e-9:
        return "0"
    if abs(number) >= 1e6 or decimals > 5:
        for power, letter in ((9, "G"), (6, "M")):
            if abs(number) >= 10**power and decimals == 0:
                return f"{number / 10**power:g}{letter}".replace("-", "−")
        return f"{number:.3g}".replace("-", "−")
    return f"{number:,.{decimals}f}".replace("-", "−")


def _dates(low: float, high: float, most: int) -> Ticks:
    if high - low < 62:
        step = max(1, math.ceil((high - low) / max(most, 1)))
        days = np.arange(math.ceil(low), math.floor(high) + 1, step)
        return tuple((float(day), str(np.datetime64(int(day), "D"))[5:]) for day in days)
    start = int(np.datetime64(math.floor(low), "D").astype("datetime64[M]").astype(int))
    stop = int(np.datetime64(math.ceil(high), "D").astype("datetime64[M]").astype(int))
    step = next((k for k in MONTHS if (stop - start) / k <= most + 0.5), MONTHS[-1])
    offset = -(12 * 1970) % step if step >= 12 else 0
    found = []
    for month in range(start - (start - offset) % step, stop + 1, step):
        date = np.datetime64(month, "M")
        day = float(date.astype("datetime64[D]").astype(int))
        if low <= day <= high:
            found.append((day, str(date)[:4] if step >= 12 else str(date)))
    return tuple(found)
