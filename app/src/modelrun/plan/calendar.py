"""Calendar arithmetic on arrays: lengths such as 5Y or 30D, and the grid that dates lie on.

NumPy knows months and days but not the step from one to the other; pandas does and is not wanted
here. Years are dates too: an array of int64 is a calendar whose dates are whole years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Dates = npt.NDArray[Any]
"""datetime64, or int64 for years, shape (n,)."""

_MONTHS = {"Y": 12, "Q": 3, "M": 1}
_SECONDS = {"W": 604_800, "D": 86_400, "h": 3_600, "min": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Span:
    """A length: months, or an exact duration, or one tick of the column's unit."""

    months: int = 0
    seconds: int = 0
    ticks: int = 0

    @property
    def is_years(self) -> bool:
        """Whether it is a number of whole years."""
        return self.months > 0 and self.months % 12 == 0

    def between(self, first: Dates, last: Dates) -> Ints:
        """Return roughly how many times it fits between dates: exact, or one too few."""
        if first.dtype.kind != "M":
            years: Ints = (last - first) // (self.months // 12)
            return years
        if self.months:
            gap: Ints = (_month(last) - _month(first)).astype(np.int64) // self.months
            return gap
        exact: Ints = (last - first) // self.duration(first.dtype)
        return exact.astype(np.int64)

    def duration(self, dtype: np.dtype[Any]) -> Any:
        """Return an exact duration as a timedelta64 in the unit of these dates."""
        unit: Any = np.datetime_data(dtype)[0]
        if self.ticks:
            return np.timedelta64(self.ticks, unit)
        return np.timedelta64(self.seconds, "s").astype(f"timedelta64[{unit}]")


def span_of(length: int | str) -> int | Span:
    """Read a length of the spec: a number of rows, or a calendar length."""
    if isinstance(length, int):
        return length
    number = int("".join(sign for sign in length if sign.isdigit()))
    unit = length.lstrip("0123456789")
    if unit in _MONTHS:
        return Span(months=number * _MONTHS[unit])
    return Span(seconds=number * _SECONDS[unit])


def shift(dates: Dates, span: Span, times: int | Ints) -> Dates:
    """Return dates moved by a span as often as said.

    Months keep the day of the month, cut to the month's length; the last day of a month goes to
    the last day of a month.
    """
    if dates.dtype.kind != "M":
        return np.asarray(dates + (span.months // 12 or span.ticks) * times, dtype=np.int64)
    if not span.months:
        return np.asarray(dates + span.duration(dates.dtype) * times)
    month = _month(dates)
    day = dates.astype("datetime64[D]")
    of_month = (day - month.astype("datetime64[D]")).astype(np.int64)
    time_of_day = dates - day
    target = month + (span.months * np.asarray(times)).astype("timedelta64[M]")
    last = _length(target) - 1
    is_last = of_month == _length(month) - 1
    landed = np.where(is_last, last, np.minimum(of_month, last))
    moved = target.astype("datetime64[D]") + landed.astype("timedelta64[D]")
    return np.asarray(moved.astype(dates.dtype) + time_of_day)


def grid_of(dates: Dates) -> Span:
    """Return the distance of the coarsest grid on which all dates lie."""
    if dates.dtype.kind != "M":
        return Span(months=12)
    day = dates.astype("datetime64[D]")
    if not (day == dates).all():
        return Span(ticks=1)
    month = _month(dates)
    of_month = (day - month.astype("datetime64[D]")).astype(np.int64)
    if (of_month == of_month[0]).all() or (of_month == _length(month) - 1).all():
        months = np.unique(month.astype(np.int64))
        for distance in (12, 3):
            if len(months) > 1 and (months % distance == months[0] % distance).all():
                return Span(months=distance)
        return Span(months=1)
    days = day.astype(np.int64)
    if (days % 7 == days[0] % 7).all():
        return Span(seconds=_SECONDS["W"])
    return Span(seconds=_SECONDS["D"])


def _month(dates: Dates) -> Dates:
    return dates.astype("datetime64[M]")


def _length(months: Dates) -> Ints:
    following = (months + np.timedelta64(1, "M")).astype("datetime64[D]")
    days: Ints = (following - months.astype("datetime64[D]")).astype(np.int64)
    return days
