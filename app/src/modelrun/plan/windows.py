"""Windows over the sorted rows of each group: rolling or expanding, by rows or by the calendar.

By rows: window k of a group of n rows ends with row size + k * step (counted from 1), rolling
windows hold the last `size` rows, expanding ones all rows so far.

By the calendar: a window with nominal end e holds the rows with e - size < date <= e; an expanding
one all rows with date <= e. With a step in rows windows end at every step-th row from the first
row that ends a full window; with a calendar step they end at e_0, e_0 + step, e_0 + 2 step, ...
Length and step in years, quarters or months keep the day of the month, cut to the month's length,
and the last day of a month stays the last day of a month; others are exact durations.

Only full windows count. One is full when no date of the grid is missing between its nominal start
and the first row of its group; the grid (years, quarters, months, weeks, days, or the unit of the
column) is the coarsest that all dates of the column lie on. e_0 is the nominal end of the first
full window. So 60 months and 5Y are the same windows on monthly data. A calendar window without a
row in its last step would repeat the one before and is left out.

A column of whole numbers is a calendar of years: 10Y spans ten of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.errors import UserMistake
from modelrun.plan.calendar import Span, grid_of, shift, span_of
from modelrun.plan.panel import Panel, in_words, name_of_group
from modelrun.plan.slices import Slices
from modelrun_api.spec import Window

Ints = npt.NDArray[np.int64]

FIELD = "spec.slices.window"


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of rows of the panel and the group of each, all of shape (B,)."""

    start: Ints
    stop: Ints
    group: Ints


def build(panel: Panel, window: Window | None, *, replicates: int = 0) -> Slices:
    """Return all slices of a panel.

    Raises:
        UserMistake: The window's column cannot carry it, or no group is long enough.
    """
    groups = np.arange(len(panel.start), dtype=np.int64)
    if window is None:
        unlabelled = np.full(len(groups), -1, dtype=np.int64)
        return Slices(panel.start, panel.stop, groups, unlabelled, unlabelled, replicates)
    size = window.size
    if isinstance(size, int) and window.min_rows is not None and window.min_rows > size:
        raise UserMistake(
            f"slices.window: minRows {window.min_rows} is more than the {size} rows of a window, "
            "so that no window would ever be fitted",
            field=f"{FIELD}.minRows",
        )
    found = _ranges(panel, window)
    if not len(found.start):
        raise _too_long(panel, window)
    return Slices(found.start, found.stop, found.group, found.start, found.stop - 1, replicates)


def _ranges(panel: Panel, window: Window) -> Ranges:
    assert panel.order is not None
    size, step = span_of(window.size), span_of(window.step)
    if isinstance(size, int) and isinstance(step, int):
        _check_unique(panel, window)
        return _by_rows(panel, size, step, expanding=window.kind == "expanding")
    if isinstance(size, int):
        raise UserMistake(
            f"slices.window: size {window.size} is a number of rows, step {window.step} a "
            "calendar length; a calendar step needs a calendar size, such as 5Y.",
            field=f"{FIELD}.step",
        )
    return _by_calendar(panel, size, step, window)


def _by_rows(panel: Panel, size: int, step: int, *, expanding: bool) -> Ranges:
    length = panel.stop - panel.start
    count = np.maximum(0, (length - size) // step + 1)
    group, k = _numbered(count)
    start = panel.start[group] + (0 if expanding else k * step)
    stop = panel.start[group] + size + k * step
    return Ranges(start, stop, group)


def _by_calendar(panel: Panel, size: Span, step: int | Span, window: Window) -> Ranges:
    dates = _dates(panel, window)
    grid = grid_of(dates)
    # Every date has a rank, so that one search over (group, rank) finds rows in all groups.
    known, ranks = np.unique(dates, return_inverse=True)
    group_of = np.repeat(np.arange(len(panel.start)), panel.stop - panel.start)
    width = len(known) + 1
    rows = group_of * width + ranks

    def rows_until(group: Ints, date: npt.NDArray[Any]) -> Ints:
        """Return one past the last row of the group with a date up to this one."""
        rank = np.searchsorted(known, date, side="right")
        return np.searchsorted(rows, group * width + rank, side="left").astype(np.int64)

    first_date = dates[panel.start]
    first_end = shift(shift(first_date, size, 1), grid, -1)
    if isinstance(step, int):
        first_row = rows_until(np.arange(len(panel.start)), first_end - 1)
        count = np.maximum(0, -(-(panel.stop - first_row) // step))
        group, k = _numbered(count)
        last = first_row[group] + k * step
        end = dates[last]
        # Rows that share a date share a window, which ends with the last of them.
        stop = rows_until(group, end)
        own = np.ones(len(stop), dtype=np.bool_)
        own[1:] = (stop[1:] != stop[:-1]) | (group[1:] != group[:-1])
        group, end, stop = group[own], end[own], stop[own]
    else:
        group, end = _ends(first_end, dates[panel.stop - 1], step)
        stop = rows_until(group, end)
    begin = rows_until(group, shift(end, size, -1))
    if not isinstance(step, int):
        recent = rows_until(group, shift(end, step, -1))
        own = stop > (recent if window.kind == "expanding" else np.maximum(begin, recent))
        group, begin, stop = group[own], begin[own], stop[own]
    start = panel.start[group] if window.kind == "expanding" else begin
    return Ranges(start, stop, group)


def _ends(
    first_end: npt.NDArray[Any], last: npt.NDArray[Any], step: Span
) -> tuple[Ints, npt.NDArray[Any]]:
    """Return every nominal end up to the last date of its group."""
    count = np.maximum(0, step.between(first_end, last) + 2)
    group, k = _numbered(count)
    end = shift(first_end[group], step, k)
    inside = end <= last[group]
    return group[inside], end[inside]


def _numbered(count: Ints) -> tuple[Ints, Ints]:
    """Return for counts like [2, 0, 3] the groups [0, 0, 2, 2, 2] and numbers [0, 1, 0, 1, 2]."""
    group = np.repeat(np.arange(len(count), dtype=np.int64), count)
    before = np.cumsum(count) - count
    return group, np.arange(len(group), dtype=np.int64) - before[group]


def _dates(panel: Panel, window: Window) -> npt.NDArray[Any]:
    order = panel.order
    assert order is not None
    column = panel.table.column(window.column).type
    if order.dtype.kind == "M":
        return order
    whole = order.dtype.kind == "i" or (order.dtype.kind == "f" and (order == np.rint(order)).all())
    if whole and not str(column).startswith(("string", "dictionary")):
        for name in ("size", "step"):
            length = span_of(getattr(window, name))
            if isinstance(length, Span) and not length.is_years:
                raise UserMistake(
                    f"slices.window: column {window.column!r} holds whole numbers, which are read "
                    f"as years; {name} {getattr(window, name)} is no number of years. Use years "
                    "such as 5Y, or a column of dates.",
                    field=f"{FIELD}.{name}",
                )
        return order.astype(np.int64)
    raise UserMistake(
        f"slices.window: column {window.column!r} of type {column} is no calendar, so it cannot "
        f"carry the length {window.size}; store it as dates, or give the size in rows.",
        field=f"{FIELD}.column",
    )


def _check_unique(panel: Panel, window: Window) -> None:
    order = panel.order
    assert order is not None
    same = order[1:] == order[:-1]
    same[panel.start[1:] - 1] = False
    if not same.any():
        return
    at = int(np.flatnonzero(same)[0])
    group = int(np.searchsorted(panel.start, at, side="right")) - 1
    value = in_words(panel.table.column(window.column), at)
    more = "" if panel.groups.num_columns else " Is a column missing in slices.by?"
    raise UserMistake(
        f"slices.window: {window.column} = {value} stands in more than one row of "
        f"{name_of_group(panel.groups, group)}, so a window of {window.size} rows is not defined; "
        f"{int(same.sum())} rows repeat the value before them.{more} A calendar size, such as 5Y, "
        "allows rows that share a date.",
        field=f"{FIELD}.column",
    )


def _too_long(panel: Panel, window: Window) -> UserMistake:
    length = panel.stop - panel.start
    at = int(np.argmax(length))
    column = panel.table.column(window.column)
    first = in_words(column, int(panel.start[at]))
    last = in_words(column, int(panel.stop[at]) - 1)
    return UserMistake(
        f"slices.window: no group is as long as the window of {window.size}; the largest is "
        f"{name_of_group(panel.groups, at)} with {int(length[at])} rows, {window.column} from "
        f"{first} to {last}. Choose a smaller size.",
        field=f"{FIELD}.size",
    )
