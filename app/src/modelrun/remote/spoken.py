"""Times, amounts and counts as people say them; everything that a screen of runs writes."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a span of time in at most two units: `45s`, `3m 20s`, `5h 12m`, `2d 4h`."""
    whole = max(0, round(seconds))
    units = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
    for position, (unit, size) in enumerate(units):
        if whole >= size or unit == "s":
            count, rest = divmod(whole, size)
            if unit == "s" or position + 1 == len(units):
                return f"{count}s"
            smaller, smaller_size = units[position + 1]
            more = rest // smaller_size
            return f"{count}{unit} {more}{smaller}" if more else f"{count}{unit}"
    return "0s"


def money(amount: str, currency: str) -> str:
    """Return an amount with its currency and two decimals."""
    return f"{float(amount):,.2f} {currency}"


def size(count: int) -> str:
    """Return bytes as KiB where they are many."""
    return f"{count} bytes" if count < 10_240 else f"{count / 1024:,.0f} KiB"
