"""`where` keeps the rows that pandas' query keeps, with and without pandas."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.datasets import where
from modelrun.errors import UserMistake
from support.imports import imported

FRAME = pd.DataFrame(
    {
        "x": [1.0, 2.5, np.nan, -3.0, 0.0, 2.0],
        "y": [0.5, np.nan, 1.0, 2.0, 0.0, -1.0],
        "n": [1, 2, 3, 4, 5, 6],
        "flag": [True, False, True, True, False, False],
        "group": ["value", None, "momentum", "value", "Ünder", "industry"],
        "date": pd.to_datetime(
            ["1963-06-01", "1963-07-01", "1963-07-02", None, "2000-01-01", "1990-12-31 23:59"],
            format="mixed",
        ),
        "a b": [1, 1, 2, 2, 3, 3],
    }
)
TABLE = pa.Table.from_pandas(FRAME, preserve_index=False)

COMMON = [
    "date >= '1963-07-01'",
    "'1963-07-01' <= date < '2000-01-01'",
    "x > 0 & y < 1",
    "x > 0 | ~(y < 1)",
    "not x > 0",
    "not (x > 0 and flag)",
    "flag",
    "not flag",
    "flag == True",
    "group != 'value'",
    "group in ['value', 'industry']",
    "group not in ['value']",
    "group == ['value', 'momentum']",
    "group >= 'momentum'",
    "n in (1, 2, 9)",
    "n not in [1, 2]",
    "x in [2.5, -3]",
    "x == x",
    "x != x",
    "x.isna()",
    "x.notna() and group.notnull()",
    "date.isnull()",
    "(x + 2 * n) / 2 - y ** 2 > -x",
    "x / n > 0.3",
    "1 / x > 0",
    "2 <= n <= 4",
    "`a b` == 2",
    "x > y",
    "group == group",
    "  n > 2  ",
]
BY_PANDAS = [
    "n % 2 == 0",
    "n // 2 == 1",
    "group.str.startswith('v')",
    "date.dt.year == 1963",
    "abs(x) > 2",
    "date > 'July 1, 1963'",
    "x > n.mean()",
]


@pytest.mark.parametrize("text", COMMON)
def test_the_common_part_is_evaluated_without_pandas_and_as_pandas_does(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = FRAME.query(text, engine="python").index
    condition = where.parse(text, list(FRAME.columns))
    monkeypatch.setattr(where, "_by_pandas", lambda *_: pytest.fail("pandas was asked"))
    assert np.flatnonzero(condition.mask(TABLE)).tolist() == expected.tolist()


@pytest.mark.parametrize("text", BY_PANDAS)
def test_the_rest_is_pandas_own_answer(text: str) -> None:
    expected = FRAME.query(text, engine="python").index
    condition = where.parse(text, list(FRAME.columns))
    assert np.flatnonzero(condition.mask(TABLE)).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("date == '1963-07-01' or group == 'value'", [0, 1, 3]),
        ("date != '1963-07-01'", [0, 2, 3, 4, 5]),
        ("date in ['1963-07-01', '2000-01-01']", [1, 4]),
        ("date not in ['1963-07-01', '2000-01-01']", [0, 2, 3, 5]),
    ],
)
def test_a_date_equals_its_text_where_pandas_finds_none(text: str, kept: list[int]) -> None:
    assert np.flatnonzero(where.parse(text, list(FRAME.columns)).mask(TABLE)).tolist() == kept


numbers = st.sampled_from(["x", "y", "n", "0", "1.5", "-2", "(x + n)", "(y * 2)", "(x - y)"])
comparisons = st.one_of(
    st.tuples(numbers, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), numbers).filter(
        lambda parts: any(name in parts[0] + parts[2] for name in "xyn")
    ).map(" ".join),
    st.sampled_from(["flag", "group == 'value'", "date > '1963-07-01'", "n in [1, 4]"]),
)  # fmt: skip
expressions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) | ({pair[1]})"),
        inner.map(lambda one: f"not ({one})"),
        inner.map(lambda one: f"~({one})"),
    ),
    max_leaves=4,
)


@settings(max_examples=120, deadline=None)
@given(expressions)
def test_any_mixture_keeps_the_rows_that_pandas_keeps(text: str) -> None:
    expected = FRAME.query(text, engine="python").index
    mask = where.parse(text, list(FRAME.columns)).mask(TABLE)
    assert np.flatnonzero(mask).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date >=", "not a pandas query|cannot be evaluated"),
        ("dat >= '1963-07-01'", "did you mean 'date'"),
        ("x + 1", "not true or false"),
        ("group", "not true or false|names"),
        ("x > @limit", "no Python variables"),
        ("x = 1", "cannot be evaluated"),
        ("group > 3", "cannot be evaluated"),
        ("x.nonsense()", "cannot be evaluated"),
        ("", "cannot be evaluated"),
    ],
)
def test_what_is_no_condition_is_said_to_be_none(text: str, words: str) -> None:
    with pytest.raises(UserMistake, match=words) as caught:
        where.parse(text, list(FRAME.columns)).mask(TABLE)
    assert caught.value.field == "spec.data.where"


def test_the_usual_condition_imports_no_pandas() -> None:
    program = (
        "import numpy as np, pyarrow as pa\n"
        "from modelrun import arrays\n"
        "from modelrun.datasets import where\n"
        "t = pa.table([arrays.from_numpy(np.arange(3.0)), arrays.strings(['a', 'b', None])],"
        " names=['x', 's'])\n"
        "m = where.parse(\"x > 0 and s in ['b']\", ['x', 's']).mask(t)\n"
        "assert m.tolist() == [False, True, False]\n"
    )
    assert imported(program, "pandas") == set()
