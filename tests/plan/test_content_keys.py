"""Keys are the identity of fits: they change with what a fit sees, and with nothing else."""

import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.plan import build, keys
from modelrun_api.spec import ModelRunSpec

MONTHS = 30
MODEL = {"name": "m", "estimator": "OLS", "formula": "y ~ x + np.log(z)"}


def frame_of(months: int = MONTHS) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    parts = []
    for firm in ("a", "b", "c"):
        values = rng.normal(size=(60, 3))[:months]
        parts.append(
            pd.DataFrame(
                {
                    "firm": firm,
                    "date": pd.date_range("2001-01-01", periods=months, freq="MS"),
                    "y": values[:, 0],
                    "x": values[:, 1],
                    "z": np.exp(values[:, 2]),
                    "other": values[:, 0] * 2,
                    "word": np.where(values[:, 1] > 0, "up", "down"),
                }
            )
        )
        rng.normal(size=7)
    return pd.concat(parts, ignore_index=True)


def plan_of(frame: pd.DataFrame, **changes: object) -> build.Plan:
    spec: dict[str, object] = {
        "data": {"dataset": "french"},
        "models": [MODEL],
        "slices": {"by": ["firm"], "window": {"column": "date", "size": 12}},
        **copy.deepcopy(changes),
    }
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with TemporaryDirectory() as folder:
        return build.build(ModelRunSpec.model_validate(spec), table, folder=Path(folder))


def keys_of(frame: pd.DataFrame, **changes: object) -> list[str]:
    plan = plan_of(frame, **changes)
    return keys.hex_keys(plan.key_hi, plan.key_lo)


BASE = keys_of(frame_of())


def test_every_fit_has_its_own_key() -> None:
    assert len(set(BASE)) == len(BASE) == 3 * (MONTHS - 11)
    assert all(len(key) == 32 for key in BASE)


def test_a_new_month_makes_only_the_new_windows_new() -> None:
    later = keys_of(frame_of(MONTHS + 1))
    assert len(set(later) - set(BASE)) == 3
    assert set(BASE) < set(later)


@settings(max_examples=30, deadline=None)
@given(row=st.integers(0, 3 * MONTHS - 1), column=st.sampled_from(["y", "x", "z"]))
def test_one_changed_value_changes_exactly_the_windows_that_hold_it(row: int, column: str) -> None:
    frame = frame_of()
    frame.loc[row, column] = np.nextafter(frame.loc[row, column], 9)
    changed = [
        at for at, (one, two) in enumerate(zip(BASE, keys_of(frame), strict=True)) if one != two
    ]
    firm, month = divmod(row, MONTHS)
    first, last = max(0, month - 11), min(month, MONTHS - 12)
    assert changed == [firm * (MONTHS - 11) + k for k in range(first, last + 1)]


@settings(max_examples=15, deadline=None)
@given(
    rows=st.permutations(list(range(3 * MONTHS))),
    columns=st.permutations(["firm", "date", "y", "x", "z", "other", "word"]),
)
def test_the_order_of_rows_and_columns_in_the_file_makes_no_difference(rows, columns) -> None:
    assert keys_of(frame_of().iloc[rows][columns]) == BASE


def test_columns_that_no_model_reads_make_no_difference() -> None:
    frame = frame_of()
    frame["other"] = 0.0
    assert keys_of(frame) == BASE
    assert keys_of(frame.drop(columns=["other", "word"])) == BASE


def test_swapped_values_are_seen() -> None:
    frame = frame_of()
    frame["x"], frame["z"] = frame["z"].copy(), frame["x"].abs() + 0.1
    assert not set(keys_of(frame)) & set(BASE)
    turned = frame_of()
    turned["y"] = turned.groupby("firm").y.transform(lambda s: s.to_numpy()[::-1])
    assert not set(keys_of(turned)) & set(BASE)


def test_the_same_rows_under_another_label_are_other_fits() -> None:
    frame = frame_of()
    frame["date"] = frame["date"] + pd.DateOffset(years=1)
    assert not set(keys_of(frame)) & set(BASE)
    renamed = frame_of().replace({"firm": {"a": "aa"}})
    assert len(set(keys_of(renamed)) & set(BASE)) == 2 * (MONTHS - 11)


def test_the_name_of_the_model_and_its_neighbours_make_no_difference() -> None:
    both = [{**MODEL, "name": "z"}, {"name": "another", "estimator": "OLS", "formula": "x ~ y"}]
    plan = plan_of(frame_of(), models=both)
    count = len(BASE)
    assert [model.name for model in plan.study.models] == ["another", "z"]
    assert keys.hex_keys(plan.key_hi, plan.key_lo)[count:] == BASE


def test_time_limits_and_machines_make_no_difference() -> None:
    execution = {"fitTimeoutSeconds": 5, "maxFailed": 3, "audit": "1%"}
    assert keys_of(frame_of(), execution=execution) == BASE
    report = {"report": {"html": False}}
    assert keys_of(frame_of(), results=report) == BASE


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"models": [{**MODEL, "formula": "y ~ x + z"}]}, "formula"),
        ({"models": [{**MODEL, "estimator": "GLM"}]}, "estimator"),
        ({"models": [{**MODEL, "fit": {"cov_type": "HC1"}}]}, "fit"),
        ({"models": [{**MODEL, "init": {"weights": {"column": "z"}}}]}, "init"),
        ({"results": {"coefficients": ["estimate"]}}, "results.coefficients"),
        ({"results": {"fits": ["nobs"]}}, "results.fits"),
        ({"results": {"confLevel": "0.9"}}, "confLevel"),
    ],
)
def test_what_defines_a_fit_makes_it_new_and_is_named(changes, part) -> None:
    plan = plan_of(frame_of(), **changes)
    assert not set(keys.hex_keys(plan.key_hi, plan.key_lo)) & set(BASE)
    before = plan_of(frame_of()).digests[0].parts
    assert plan.digests[0].changed_since(before) == (part,)


def test_min_rows_are_part_of_the_key() -> None:
    slices = {"by": ["firm"], "window": {"column": "date", "size": 12, "minRows": 6}}
    assert not set(keys_of(frame_of(), slices=slices)) & set(BASE)


def test_rolling_windows_and_groups_of_the_same_rows_differ_by_their_labels_only() -> None:
    window = {"column": "date", "size": 12, "kind": "expanding"}
    expanding = keys_of(frame_of(), slices={"by": ["firm"], "window": window})
    # The first window of each firm holds the same rows either way: it is the same fit.
    assert len(set(expanding) & set(BASE)) == 3


def test_replicates_have_keys_of_their_own_and_more_of_them_keep_the_first() -> None:
    def resampled(**resample: object) -> list[str]:
        return keys_of(frame_of(), slices={"by": ["firm"], "resample": resample})

    ten = resampled(method="pairs", replicates=10, seed=7)
    assert len(set(ten)) == 30
    twenty = resampled(method="pairs", replicates=20, seed=7)
    assert [twenty[firm * 20 + r] for firm in range(3) for r in range(10)] == ten
    assert not set(resampled(method="pairs", replicates=10, seed=8)) & set(ten)
    block = resampled(method="block", replicates=10, seed=7, blockLength=3)
    assert not set(block) & set(ten)
    assert not set(block) & set(resampled(method="block", replicates=10, seed=7, blockLength=4))


def test_missing_values_are_one_value_and_types_are_seen() -> None:
    holes = frame_of()
    holes.loc[5, "x"] = np.nan
    table = pa.Table.from_pandas(holes, preserve_index=False)
    other_nan = np.array([0x7FF8000000000123], dtype=np.uint64).view(np.float64)[0]
    odd = holes.copy()
    odd.loc[5, "x"] = other_nan
    assert keys_of(holes) == keys_of(odd)
    assert table.num_rows == len(holes)
    whole = frame_of()
    whole["x"] = np.arange(len(whole))
    assert not set(keys_of(whole)) & set(keys_of(whole.astype({"x": float})))


def test_text_and_categories_with_their_levels_are_seen() -> None:
    formula = [{**MODEL, "formula": "y ~ word"}]
    text = frame_of()
    base = keys_of(text, models=formula)
    one = text.copy()
    one.loc[0, "word"] = "upp"
    assert keys_of(one, models=formula)[0] != base[0]
    assert keys_of(one, models=formula)[1:] == base[1:]
    two = text.assign(word=pd.Categorical(text["word"], ["down", "up"]))
    three = text.assign(word=pd.Categorical(text["word"], ["down", "up", "level"]))
    assert not set(keys_of(two, models=formula)) & set(keys_of(three, models=formula))


CODE = "import helper\n\ndef fit(frame):\n    return {'n': helper.ONE}\n"


def test_the_source_of_a_callable_and_of_its_neighbours_is_part_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "decay.py").write_text(CODE)
    (tmp_path / "helper.py").write_text("ONE = 1\n")
    (tmp_path / "stranger.py").write_text("x = 1\n")

    def planned() -> list[str]:
        spec = ModelRunSpec.model_validate(
            {
                "data": {"dataset": "french"},
                "models": [{"name": "own", "callable": "decay:fit"}],
                "slices": {"by": ["firm"]},
            }
        )
        table = pa.Table.from_pandas(frame_of(), preserve_index=False)
        plan = build.build(spec, table, folder=tmp_path / "study", code_folder=tmp_path)
        return keys.hex_keys(plan.key_hi, plan.key_lo)

    before = planned()
    (tmp_path / "stranger.py").write_text("x = 2\n")
    assert planned() == before
    (tmp_path / "helper.py").write_text("ONE = 2\n")
    assert not set(planned()) & set(before)


def test_the_same_rows_at_another_place_have_the_same_hash() -> None:
    from modelrun.plan.hashing import Rows

    rng = np.random.default_rng(0)
    block = rng.normal(size=(1000, 2))
    table = pa.table({"a": np.tile(block[:, 0], 200), "b": np.tile(block[:, 1], 200)})
    starts = np.arange(0, 199_000, 997)
    hi, lo = Rows(table).ranges(["a", "b"], starts, starts + 1000)
    again = starts % 1000
    hi2, lo2 = Rows(table).ranges(["b", "a"], again, again + 1000)
    assert (hi == hi2).all()
    assert (lo == lo2).all()
    assert len(set(zip(hi.tolist(), lo.tolist(), strict=True))) == len(set(again.tolist()))
