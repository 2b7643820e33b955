"""Windows against plain loops and pandas' own rolling windows."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.errors import UserMistake
from modelrun.plan import panel, windows
from modelrun_api.spec import Window


def slices_of(table: pa.Table, by: list[str], **window: object):
    spec = Window.model_validate(window)
    rows = panel.build(table, by=by, window_column=spec.column)
    return rows, windows.build(rows, spec)


def table_of(groups: dict[str, list], *, shuffled: int | None = None) -> pa.Table:
    frame = pd.concat(
        [pd.DataFrame({"firm": name, "date": dates}) for name, dates in groups.items()]
    )
    if shuffled is not None:
        frame = frame.sample(frac=1, random_state=shuffled)
    return pa.Table.from_pandas(frame, preserve_index=False)


def contents(rows: panel.Panel, found) -> list[tuple[str, list]]:
    dates = rows.table.column("date").to_pylist()
    firms = rows.table.column("firm").to_pylist()
    return [
        (firms[start], dates[start:stop])
        for start, stop in zip(found.start.tolist(), found.stop.tolist(), strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    size=st.integers(1, 12),
    step=st.integers(1, 7),
    kind=st.sampled_from(["rolling", "expanding"]),
    seed=st.integers(0, 99),
)
def test_windows_by_rows_are_those_of_a_plain_loop(lengths, size, step, kind, seed) -> None:
    groups = {f"f{at:02d}": list(range(100, 100 + n)) for at, n in enumerate(lengths)}
    expected = []
    for firm, dates in groups.items():
        for last in range(size, len(dates) + 1, step):
            first = 0 if kind == "expanding" else last - size
            expected.append((firm, dates[first:last]))
    table = table_of(groups, shuffled=seed)
    if not expected:
        with pytest.raises(UserMistake, match="no group is as long as"):
            slices_of(table, ["firm"], column="date", size=size, step=step, kind=kind)
        return
    rows, found = slices_of(table, ["firm"], column="date", size=size, step=step, kind=kind)
    assert contents(rows, found) == expected
    assert (found.window_start == found.start).all()
    assert (found.window_end == found.stop - 1).all()


def days(first: str, count: int, keep) -> list[date]:
    start = date.fromisoformat(first)
    return [day for at in range(count) if keep(day := start + timedelta(days=at))]


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 199), max_size=120),
    size=st.sampled_from(["7D", "30D", "2W", "90D"]),
)
def test_exact_lengths_hold_the_rows_of_pandas_rolling(gaps, size) -> None:
    dates = days("2020-01-06", 200, lambda day: (day - date(2020, 1, 6)).days not in gaps)
    if len(dates) < 2:
        return
    if (dates[-1] - dates[0]).days < 95:
        return
    rows, found = slices_of(table_of({"a": dates}), ["firm"], column="date", size=size)
    series = pd.Series(1.0, index=pd.to_datetime(dates))
    counts = series.rolling(size.replace("2W", "14D")).sum().astype(int)
    got = found.stop - found.start
    ends = pd.to_datetime(rows.table.column("date").to_pylist())[found.stop - 1]
    assert got.tolist() == counts.loc[ends].tolist()
    # Every later row ends a window; the ones before the first are not full.
    assert ends.tolist() == pd.to_datetime(dates)[-len(ends) :].tolist()


def test_months_and_rows_are_the_same_windows_on_monthly_data() -> None:
    for dates in (
        pd.date_range("1949-01-01", periods=120, freq="MS"),
        pd.date_range("1949-01-31", periods=120, freq="ME"),
        pd.date_range("1949-01-15", periods=120, freq="MS") + pd.Timedelta(days=14),
    ):
        table = table_of({"a": list(dates), "b": list(dates[7:90])})
        _, by_rows = slices_of(table, ["firm"], column="date", size=60)
        for size in ("5Y", "60M", "20Q"):
            _, by_calendar = slices_of(table, ["firm"], column="date", size=size)
            assert by_calendar.start.tolist() == by_rows.start.tolist()
            assert by_calendar.stop.tolist() == by_rows.stop.tolist()
        _, stepped = slices_of(table, ["firm"], column="date", size="5Y", step="1Y")
        _, every_twelfth = slices_of(table, ["firm"], column="date", size=60, step=12)
        assert stepped.start.tolist() == every_twelfth.start.tolist()
        assert stepped.stop.tolist() == every_twelfth.stop.tolist()


def test_quarters_weeks_and_years_have_their_own_grids() -> None:
    for dates, calendar, count in (
        (pd.date_range("2000-03-31", periods=30, freq="QE"), "2Y", 8),
        (pd.date_range("2000-01-07", periods=60, freq="W-FRI"), "10W", 10),
        (pd.date_range("1990-12-31", periods=20, freq="YE"), "4Y", 4),
    ):
        _, by_rows = slices_of(table_of({"a": list(dates)}), ["firm"], column="date", size=count)
        _, found = slices_of(table_of({"a": list(dates)}), ["firm"], column="date", size=calendar)
        assert found.start.tolist() == by_rows.start.tolist()
        assert found.stop.tolist() == by_rows.stop.tolist()


def test_whole_numbers_are_years() -> None:
    years = [float(year) for year in range(1935, 1955)]
    table = pa.table({"firm": ["a"] * 20 + ["b"] * 20, "date": years * 2})
    rows, found = slices_of(table, [], column="date", size="10Y", step="1Y")
    values = np.asarray(rows.table.column("date"))
    spans = [
        (values[s], values[e - 1], e - s) for s, e in zip(found.start, found.stop, strict=True)
    ]
    assert spans == [(1935.0 + k, 1944.0 + k, 20) for k in range(11)]


def test_rows_that_share_a_date_share_a_calendar_window() -> None:
    table = table_of({"a": [1, 1, 2, 2, 2, 3, 4]})
    rows, found = slices_of(table, ["firm"], column="date", size="2Y")
    assert contents(rows, found) == [
        ("a", [1, 1, 2, 2, 2]), ("a", [2, 2, 2, 3]), ("a", [3, 4]),
    ]  # fmt: skip


def brute_force(dates: list[date], months: int, step_months: int, *, expanding: bool):
    """The published definition for monthly data on the first of a month."""
    number = [day.year * 12 + day.month for day in dates]
    found = []
    end = number[0] + months - 1
    while end <= number[-1]:
        first = (
            0
            if expanding
            else next((at for at, n in enumerate(number) if n > end - months), len(number))
        )
        last = sum(n <= end for n in number)
        recent = any(end - step_months < n <= end for n in number)
        recent_in = any(end - min(step_months, months) < n <= end for n in number)
        if (recent if expanding else recent_in) and last > first:
            found.append((first, last))
        end += step_months
    return found


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.sets(st.integers(1, 58), max_size=40),
    months=st.integers(1, 24),
    step=st.integers(1, 14),
    kind=st.sampled_from(["rolling", "expanding"]),
)
def test_calendar_steps_follow_the_published_definition(gaps, months, step, kind) -> None:
    every = pd.date_range("2001-03-01", periods=60, freq="MS")
    dates = [day.date() for at, day in enumerate(every) if at not in gaps]
    table = table_of({"a": dates})
    expected = brute_force(dates, months, step, expanding=kind == "expanding")
    window = {"column": "date", "size": f"{months}M", "step": f"{step}M", "kind": kind}
    gridded = {day.month % 3 for day in dates} == {dates[0].month % 3}
    if gridded:
        return  # gaps so regular that the grid is coarser than a month
    _, found = slices_of(table, ["firm"], **window)
    assert list(zip(found.start.tolist(), found.stop.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("dates", "window", "words"),
    [
        ([1, 2, 2, 3], {"size": 2}, "date = 2 stands in more than one row of firm=a"),
        ([1, 2, 3], {"size": 9}, "no group is as long as the window of 9; the largest is firm=a"),
        ([1, 2, 3], {"size": 2, "step": "1Y"}, "needs a calendar size"),
        ([1, 2, 3], {"size": "6M"}, "is no number of years"),
        ([1.5, 2.0, 3.0], {"size": "2Y"}, "is no calendar"),
        (["a", "b", "c"], {"size": "2Y"}, "is no calendar"),
        ([1, None, 3], {"size": 2}, "1 rows have no value in column 'date'"),
        ([[1], [2], [3]], {"size": 2}, "has no order"),
    ],
)
def test_windows_that_cannot_be_made_say_why(dates, window, words) -> None:
    table = pa.table({"firm": ["a"] * len(dates), "date": dates})
    with pytest.raises(UserMistake, match=words) as caught:
        slices_of(table, ["firm"], column="date", **window)
    assert caught.value.field.startswith("spec.slices.window")


def test_text_orders_windows_by_rows() -> None:
    table = pa.table({"firm": ["a"] * 4, "date": ["2001", "1999", "2000", "2002"]})
    rows, found = slices_of(table, ["firm"], column="date", size=3)
    assert contents(rows, found) == [
        ("a", ["1999", "2000", "2001"]),
        ("a", ["2000", "2001", "2002"]),
    ]


def test_groups_are_those_of_pandas_groupby() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "a": rng.choice(["x", "y", None], 200),
            "b": rng.choice([1.5, -2.0, np.nan], 200),
            "c": rng.choice([True, False], 200),
            "v": rng.normal(size=200),
        }
    )
    rows = panel.build(
        pa.Table.from_pandas(frame, preserve_index=False), by=["a", "b", "c"], window_column=None
    )
    expected = frame.groupby(["a", "b", "c"])
    keys = list(zip(*(rows.groups.column(name).to_pylist() for name in "abc"), strict=True))
    assert keys == list(expected.groups)
    values = rows.table.column("v").to_numpy()
    for at, key in enumerate(keys):
        got = values[rows.start[at] : rows.stop[at]]
        assert got.tolist() == expected.get_group(key).v.tolist()
    assert rows.left_out == 200 - len(values)
