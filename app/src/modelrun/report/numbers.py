"""How numbers are written in a report: one rule for each kind, everywhere the same.

Not for tables that programs read: those keep every digit.
"""

from __future__ import annotations

import math


def count(number: float) -> str:
    """Write a whole number with separators: 22,800."""
    return f"{round(number):,}"


def value(number: float, digits: int = 3) -> str:
    """Write a measured number with `digits` significant digits, without a mantissa if possible."""
    if not math.isfinite(number):
        return "–" if math.isnan(number) else ("∞" if number > 0 else "−∞")
    if number == 0:
        return "0"
    size = math.floor(math.log10(abs(number)))
    if size < -4 or size >= 7:
        mantissa, exponent = f"{number:.{digits - 1}e}".split("e")
        return _minus(f"{mantissa}e{int(exponent)}")
    decimals = max(0, digits - 1 - size)
    return _minus(f"{number:,.{decimals}f}")


def percent(share: float) -> str:
    """Write a share (0 to 1) in percent; never 0% or 100% unless it is exactly that."""
    if not math.isfinite(share):
        return "–"
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if share < 0.001:
        return "<0.1%"
    if share > 0.999:
        return ">99.9%"
    if share < 0.1 or share > 0.9:
        return f"{share:.1%}"
    return f"{share:.0%}"


def p_value(number: float) -> str:
    """Write a p-value as journals do: three decimals, and a bound below 0.001."""
    if not math.isfinite(number):
        return "–"
    return "<0.001" if number < 0.001 else f"{number:.3f}"


def duration(seconds: float) -> str:
    """Write a time span: 0.8 s, 14 s, 2 min 14 s, 3 h 5 min."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def plural(number: float, noun: str, nouns: str | None = None) -> str:
    """Write a count with its noun: 1 fit, 22,800 fits."""
    return f"{count(number)} {noun if round(number) == 1 else nouns or noun + 's'}"


def enumerate_words(words: list[str], most: int = 4) -> str:
    """Join words as a sentence does: a, b and c; past `most` the rest is counted."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return " and ".join(([", ".join(words[:-1])] if len(words) > 1 else []) + words[-1:])


def _minus(text: str) -> str:
    return text.replace("-", "−")
