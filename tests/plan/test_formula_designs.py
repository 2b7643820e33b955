"""Designs built once are patsy's own, name for name and value for value."""

import numpy as np
import pandas as pd
import patsy
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelrun.errors import UserMistake
from modelrun.plan import design, formula
from support.imports import imported

RNG = np.random.default_rng(11)
FRAME = pd.DataFrame(
    {
        "y": RNG.normal(size=60),
        "x": RNG.normal(size=60),
        "z": np.abs(RNG.normal(size=60)) + 0.1,
        "n": RNG.integers(0, 5, 60),
        "b": RNG.random(60) > 0.5,
        "f": RNG.normal(size=60).astype(np.float32),
        "two words": RNG.normal(size=60),
        "text": RNG.choice(["p", "q"], 60),
    }
)
FRAME.loc[[3, 17], "x"] = np.nan
FRAME.loc[5, "y"] = np.nan
FRAME.loc[8, "z"] = np.inf
TABLE = pa.Table.from_pandas(FRAME, preserve_index=False)

PLAIN = [
    "y ~ x",
    "y ~ x + z",
    "y ~ 0 + x + z",
    "y ~ x + z - 1",
    "y ~ -1 + x",
    "y ~ +x",
    "y ~ 1",
    "y ~ x - 1 + 1",
    "y ~ x*z",
    "y ~ x*z*n",
    "y ~ z:x + x",
    "y ~ x:z + z:x",
    "y ~ x + x",
    "y ~ x*z - z",
    "y ~ (x + z)*n",
    "y ~ (x + z):(n + f)",
    "y ~ x:x",
    "np.log(z) ~ x",
    "I(y*100) ~ np.log1p(z)+np.exp( x )",
    "y ~ I(x**2) + I( x ** 3 )",
    "y ~ I(-x) + I(x - -1) + I(2*(x+z)/3)",
    "y ~ Q('two words') + Q(\"x\"):z",
    "y ~ np.where(x > 0, 1, 0) + np.maximum(x,0)",
    "y ~ I((x > 0)*1) + I((n == 2)*2)",
    "y ~ I(1 / n)",
    "y ~ I(n ** 2) + I(b * 1.0) + I(b+x)",
    "y ~ np.sqrt(np.abs(x)) + abs(x)",
    "y ~ f + np.log(z) + np.power(x, 2)",
    "y~x+\nz",
    "y ~ I(+x)",
    "y ~ z:n",
    "y ~ I(x*1e-3) + I(.5*x)",
]
NOT_PLAIN = {
    "y ~ text": "text",
    "y ~ C(n)": "more than one row",
    "y ~ b": "category",
    "y ~ x > 0": "category",
    "I(y > 0) ~ x": "category",
    "y ~ x.rank()": "more than one row",
    "y ~ np.cumsum(x)": "more than one row",
    "y ~ I(x - np.nanmean(x))": "more than one row",
    "y ~ center(x)": "more than one row",
    "y ~ bs(x, df=4)": "plain arithmetic",
    "y ~ x**2": "with",
    "y ~ x/z": "with",
    "y + z ~ x": "left side",
    "y ~ I(n % 2)": "plain arithmetic",
    "y ~ n[0]": "plain arithmetic",
    "y ~ 1:x": "interaction",
    "y ~ I(3)": "not a column",
    "~ x": "response",
    "y ~ ~x": "response",
    "y ~ np.log": "plain arithmetic",
}


def patsys(text: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    with np.errstate(all="ignore"):
        return patsy.dmatrices(text, FRAME, NA_action="drop", return_type="dataframe")


def check(text: str) -> None:
    ours = design.build(formula.plain(text), TABLE)
    endog, exog = patsys(text)
    assert ours.response.name == endog.columns[0]
    assert list(ours.exog_names) == list(exog.columns)
    matrix = ours.exog()
    kept = ~np.isnan(ours.endog) & ~np.isnan(matrix).any(axis=1)
    assert np.flatnonzero(kept).tolist() == exog.index.tolist()
    np.testing.assert_array_equal(ours.endog[kept], endog.to_numpy()[:, 0])
    got, want = matrix[kept], exog.to_numpy()
    finite = np.isfinite(want).all(axis=1)
    np.testing.assert_array_equal(got[finite], want[finite])
    assert not np.isfinite(got[~finite]).all(axis=1).any()
    assert matrix.flags.f_contiguous


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_formula_gives_patsy_s_design(text: str) -> None:
    check(text)


@pytest.mark.parametrize(("text", "reason"), NOT_PLAIN.items())
def test_what_may_look_at_other_rows_is_left_to_patsy(text: str, reason: str) -> None:
    with pytest.raises(formula.NotPlain, match=reason):
        design.build(formula.plain(text), TABLE)


atoms = st.sampled_from(
    ["x", "z", "n", "f", "np.log(z)", "I(x**2)", "I(x*z)", "Q('two words')", "np.exp(x)", "I(1/z)"]
)
interactions = st.lists(atoms, min_size=1, max_size=3).map(":".join)
products = st.lists(interactions, min_size=1, max_size=2).map("*".join)
brackets = st.lists(products, min_size=1, max_size=3).map(lambda parts: f"({' + '.join(parts)})")
terms = st.one_of(atoms, products, st.just("0"), st.just("1"), brackets)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([" + ", "+", " - "]), terms), min_size=1, max_size=5))
def test_any_plain_formula_gives_patsy_s_design(parts: list[tuple[str, str]]) -> None:
    right = "".join(sign + term for sign, term in parts).strip().removeprefix("+")
    assume(not (right.startswith("-") and parts[0][1] not in "01"))
    text = f"y ~ {right}"
    read = formula.plain(text)
    assume(read.names)
    check(text)


def test_the_panel_s_design_is_the_slice_s_design() -> None:
    text = "y ~ x*z + np.log(z) + I(n ** 2)"
    whole = design.build(formula.plain(text), TABLE)
    part = FRAME.iloc[20:45]
    with np.errstate(all="ignore"):
        _, exog = patsy.dmatrices(text, part, NA_action="drop", return_type="dataframe")
    np.testing.assert_array_equal(whole.exog(exog.index.to_numpy()), exog.to_numpy())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y ~ x + ", "does not parse"),
        ("y ~ x +* z", "does not parse"),
        ("y ~ (x", "does not parse"),
        ("~ x", "no response"),
        ("x", "no response"),
        ("y ~ x $ z", "does not parse"),
        ("y ~ xx", "names 'xx', which is not a column of the data; did you mean 'x'"),
        ("y ~ Q('two wrds')", "did you mean 'two words'"),
        ("y ~ logg(x)", r"calls logg\(\), which formulas do not know"),
        ("yy ~ x", "names 'yy'"),
    ],
)
def test_a_wrong_formula_is_explained(text: str, words: str) -> None:
    with pytest.raises(UserMistake, match=words) as caught:
        formula.names(text, list(FRAME.columns), model="m", field="spec.models[0].formula")
        formula.check(text, model="m", field="spec.models[0].formula")
    assert caught.value.field == "spec.models[0].formula"


def test_names_are_found_in_formulas_of_any_kind() -> None:
    def names(text: str) -> set[str]:
        return formula.names(text, list(FRAME.columns), model="m", field="f")

    assert names("y ~ C(text, Treatment(reference='p')) + bs(x, df=4) + z.rank()") == {
        "y", "text", "x", "z",
    }  # fmt: skip
    assert names("np.log(z) ~ Q('two words') + I(n if b is True else x)") == {
        "z", "two words", "n", "b", "x",
    }  # fmt: skip


def test_a_plain_formula_imports_neither_pandas_nor_patsy() -> None:
    program = (
        "import numpy as np, pyarrow as pa\n"
        "from modelrun import arrays\n"
        "from modelrun.plan import design, formula\n"
        "t = pa.table([arrays.from_numpy(np.arange(3.0))] * 2, names=['y', 'x'])\n"
        "design.build(formula.plain('y ~ np.log1p(x) + I(x ** 2)'), t)\n"
    )
    assert imported(program, "pandas", "patsy", "statsmodels") == set()
