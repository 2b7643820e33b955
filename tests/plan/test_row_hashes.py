"""The compiled hash of rows gives the words that NumPy gives: keys hold without a compiler."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.engines.batched import available
from modelrun.plan.hashing import Rows

pytestmark = pytest.mark.skipif(not available(), reason="the kernels were not compiled")


def table_of(rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    real = rng.normal(size=rows)
    real[::7] = np.nan
    real[3::11] = -np.nan
    real[5::13] = np.inf
    real[2::17] = -0.0
    times = rng.integers(0, 10**9, rows).astype("datetime64[s]")
    times[1::5] = np.datetime64("NaT")
    whole = rng.integers(-(2**63), 2**63 - 1, rows)
    return pa.table({"real": real, "times": pa.array(times), "whole": whole})


def by_numpy(table: pa.Table, start: np.ndarray, stop: np.ndarray):
    rows = Rows(table)
    names = tuple(sorted(table.column_names))
    rows._sums = {names: rows._prefix_sums(names)}
    return rows.ranges(names, start, stop)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 99), st.lists(st.integers(0, 3000), max_size=20))
def test_ranges_of_any_length_hash_alike(rows: int, seed: int, cuts: list[int]) -> None:
    table = table_of(rows, seed)
    edges = np.array([0, *sorted(min(cut, rows) for cut in cuts), rows])
    start, stop = edges[:-1], edges[1:]
    ours, theirs = Rows(table).ranges(table.column_names, start, stop), by_numpy(table, start, stop)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_a_range_beyond_one_page_of_powers_hashes_alike() -> None:
    table = table_of(300_001, 1)
    start, stop = np.array([0, 70_000]), np.array([65_537, 300_001])
    ours, theirs = Rows(table).ranges(table.column_names, start, stop), by_numpy(table, start, stop)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_every_kind_of_missing_number_is_the_same_value() -> None:
    quiet, other = np.array([0x7FF8 << 48, 0xFFF0_0000_0000_0001], np.uint64).view(np.float64)
    edges = np.array([0]), np.array([2])
    first = Rows(pa.table({"a": np.array([quiet, 1.0])})).ranges(["a"], *edges)
    second = Rows(pa.table({"a": np.array([other, 1.0])})).ranges(["a"], *edges)
    assert first[0] == second[0]
    assert first[1] == second[1]
