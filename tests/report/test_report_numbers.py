"""Numbers and ticks are written as readers expect them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modelrun.report import numbers
from modelrun.report.ticks import reach, ticks


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (1234567, "1,234,567"), (0.98765, "0.988"), (-0.00012345, "−0.000123"),
        (1.5e-7, "1.50e−7"), (2.5e9, "2.50e9"), (math.nan, "–"), (-math.inf, "−∞"),
    ],
)  # fmt: skip
def test_values_have_three_digits(number: float, text: str) -> None:
    assert numbers.value(number) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1, "100%"), (0.0004, "<0.1%"), (0.9996, ">99.9%"), (0.052, "5.2%"), (0.4, "40%")],
)
def test_a_share_is_never_rounded_to_nothing_or_all(share: float, text: str) -> None:
    assert numbers.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.84, "0.8 s"), (14.2, "14 s"), (134, "2 min 14 s"), (11100, "3 h 5 min")],
)
def test_durations_are_told_in_two_units(seconds: float, text: str) -> None:
    assert numbers.duration(seconds) == text


def test_ticks_are_round_and_within_the_axis() -> None:
    assert [text for _, text in ticks(-0.13, 0.42, "number", 5)] == ["0", "0.2", "0.4"]
    assert [text for _, text in ticks(0, 23_000, "number", 4)] == ["0", "10,000", "20,000"]


def test_dates_are_marked_by_whole_years_or_months() -> None:
    def days(date: str) -> float:
        return float(np.datetime64(date, "D").astype(int))

    decades = ticks(days("1954-06-30"), days("2017-09-30"), "date", 7)
    assert [text for _, text in decades] == ["1960", "1970", "1980", "1990", "2000", "2010"]
    assert decades[0][0] == days("1960-01-01")
    months = ticks(days("2001-01-31"), days("2001-12-31"), "date", 4)
    assert [text for _, text in months] == ["2001-04", "2001-07", "2001-10"]


def test_an_axis_of_one_value_has_room_on_both_sides() -> None:
    low, high = reach(np.array([2.0, 2.0]))
    assert low < 2 < high
    assert reach(np.array([np.nan])) == (0.0, 1.0)
