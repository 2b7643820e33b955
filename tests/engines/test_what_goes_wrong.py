"""A fit that goes wrong is a row with a reason of the closed list; the others do not notice."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from engines.handmade import rows_of, study_of
from modelrun.engines.callable_engine import CallableEngine, load
from modelrun.errors import UserMistake

OLS = {"name": "m", "estimator": "OLS", "formula": "y ~ x"}


def small(n: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n)})
    data["y"] = 1 + data.x + rng.normal(size=n)
    return data


def outcome(data: pd.DataFrame, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return rows_of(study_of(data, {"name": "m", **spec}, **more))[0]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("column", ["x", "y"])
def test_infinite_values(column: str, whole: bool) -> None:
    data = small()
    data.loc[3, column] = np.inf
    row = outcome(data, OLS, whole=whole)
    assert (row["status"], row["failure"]["reason"]) == ("failed", "NonFiniteInput")


@pytest.mark.parametrize("whole", [True, False])
def test_missing_rows_are_dropped_and_counted(whole: bool) -> None:
    data = small()
    data.loc[[2, 5], "x"] = np.nan
    row = outcome(data, OLS, whole=whole)
    assert (row["status"], row["nobs"]) == ("succeeded", 10)


@pytest.mark.parametrize("whole", [True, False])
def test_no_complete_row_is_an_empty_slice(whole: bool) -> None:
    row = outcome(small().assign(x=np.nan), OLS, whole=whole)
    assert (row["status"], row["failure"]["reason"]) == ("skipped", "EmptySlice")
    assert row["coefficients"] == []


def test_fewer_rows_than_parameters_are_skipped() -> None:
    row = outcome(small(2), {"estimator": "OLS", "formula": "y ~ x + z"})
    assert (row["status"], row["failure"]["reason"]) == ("skipped", "TooFewRows")
    assert "3 parameters" in row["failure"]["message"]


def test_fewer_complete_rows_than_min_rows_are_skipped() -> None:
    row = outcome(small(12), OLS, min_rows=15)
    assert row["failure"]["message"] == "12 rows are complete; window.minRows is 15"


def test_a_formula_that_cannot_be_evaluated_on_a_slice() -> None:
    row = outcome(small(), {"estimator": "OLS", "formula": "y ~ C(x, levels=[1])"})
    assert row["failure"]["reason"] == "FormulaError"
    assert "PatsyError" in row["failure"]["message"]


def test_a_text_response_is_a_formula_error_and_says_what_to_write() -> None:
    data = small().assign(word=["a", "b"] * 6)
    row = outcome(data, {"estimator": "Logit", "formula": "word ~ x"})
    assert row["failure"]["reason"] == "FormulaError"
    assert "I((x > 0) * 1)" in row["failure"]["message"]


def test_collinear_columns_are_flagged_and_not_failed() -> None:
    data = small().assign(w=lambda d: 2 * d.x)
    row = outcome(data, {"estimator": "OLS", "formula": "y ~ x + w"})
    assert row["status"] == "succeeded"
    assert row["rank_deficient"] is True
    assert "SingularMatrixWarning" in row["warnings"]


def test_a_perfect_fit_is_unstable() -> None:
    row = outcome(small().assign(y=lambda d: 1 + 2 * d.x), OLS)
    assert row["numerics"] == "unstable"


def test_a_singular_matrix_is_named_so() -> None:
    data = sm.datasets.grunfeld.load_pandas().data.assign(twice=lambda d: 2 * d.value)
    spec = {
        "estimator": "MixedLM",
        "formula": "invest ~ value + twice",
        "init": {"groups": {"column": "firm"}},
    }
    row = outcome(data, spec)
    assert row["failure"]["reason"] == "SingularMatrix"


@pytest.mark.parametrize("estimator", ["Logit", "Probit", "GLM"])
@pytest.mark.parametrize("kind", ["perfect", "quasi"])
def test_separation_is_seen_where_statsmodels_is_silent(kind: str, estimator: str) -> None:
    x = np.arange(40) - 19.5
    y = (x > 0).astype(float)
    if kind == "quasi":
        x = np.where(np.abs(x) < 5, 0.0, x)
    spec: dict[str, Any] = {"estimator": estimator, "formula": "y ~ x"}
    if estimator == "GLM":
        spec["init"] = {"family": "Binomial"}
    row = outcome(pd.DataFrame({"x": x, "y": y}), spec)
    if row["status"] != "failed":
        assert row["separated"] is True
    else:
        assert row["failure"]["reason"] in {"SingularMatrix", "NumericallyUndetermined"}


def test_overlapping_data_are_not_called_separated() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=200) * 8
    y = (rng.uniform(size=200) < 1 / (1 + np.exp(-x))).astype(float)
    row = outcome(pd.DataFrame({"x": x, "y": y}), {"estimator": "Logit", "formula": "y ~ x"})
    assert row["separated"] is False


def test_counts_that_are_zero_wherever_a_dummy_is_one_separate() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": rng.normal(size=60), "d": np.repeat([0.0, 1.0], 30)})
    data["y"] = np.where(data.d == 1, 0, rng.poisson(2.0, 60))
    row = outcome(data, {"estimator": "Poisson", "formula": "y ~ x + d"})
    assert row["separated"] is True


def test_a_fit_that_stops_early_keeps_its_coefficients() -> None:
    data = small(60).assign(y=lambda d: (d.x + d.z > 0).astype(float))
    row = outcome(data, {"estimator": "Logit", "formula": "y ~ x", "fit": {"maxiter": 1}})
    assert row["status"] == "notConverged"
    assert row["converged"] is False
    assert len(row["coefficients"]) == 2


def test_an_estimator_that_raises_is_a_record_with_its_traceback() -> None:
    row = outcome(small(), {"estimator": "Logit", "formula": "y ~ x"})
    assert row["failure"]["reason"] == "EstimatorError"
    assert "unit interval" in row["failure"]["message"]
    assert "Traceback" in row["failure"]["traceback"]


def called(tmp_path: Path, body: str, kwargs: dict[str, Any] | None = None) -> dict[str, Any]:
    module = f"mine_{abs(hash(body)) % 10**8}"
    (tmp_path / f"{module}.py").write_text("import sys\nimport numpy as np\n" + body)
    spec = {"name": "m", "callable": f"{module}:fit", "kwargs": kwargs or {}}
    study = study_of(small(), spec, code=tmp_path, fits=("nobs",))
    return rows_of(study, engine=CallableEngine())[0]


def test_a_mapping_becomes_one_row_per_key(tmp_path: Path) -> None:
    body = (
        "def fit(frame, scale=1):\n    return {'mean': frame.x.mean() * scale, 'n': len(frame)}\n"
    )
    row = called(tmp_path, body, {"scale": 2})
    assert row["status"] == "succeeded"
    assert [(t["term"], t["estimate"]) for t in row["coefficients"]] == [
        ("mean", pytest.approx(2 * small().x.mean())),
        ("n", 12.0),
    ]


def test_results_of_statsmodels_are_taken_apart(tmp_path: Path) -> None:
    body = (
        "import statsmodels.formula.api as smf\n"
        "def fit(frame):\n    return smf.ols('y ~ x', frame).fit()\n"
    )
    row = called(tmp_path, body)
    assert [t["term"] for t in row["coefficients"]] == ["Intercept", "x"]
    reference = rows_of(study_of(small(), OLS))[0]
    assert row["coefficients"] == reference["coefficients"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return 'nonsense'", "InvalidResult"),
        ("return {}", "InvalidResult"),
        ("return {'a': 'text'}", "InvalidResult"),
        ("return {1: 2.0}", "InvalidResult"),
        ("return {'a': np.ones(3)}", "InvalidResult"),
        ("return None", "InvalidResult"),
        ("sys.exit(3)", "CallableError"),
        ("raise KeyError('gone')", "CallableError"),
        ("raise MemoryError", "OutOfMemory"),
    ],
)
def test_a_callable_that_does_something_else(tmp_path: Path, body: str, reason: str) -> None:
    row = called(tmp_path, f"def fit(frame):\n    {body}\n")
    assert (row["status"], row["failure"]["reason"]) == ("failed", reason)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("not_there_at_all:fit", "cannot be imported"),
        ("broken_module:fit", "ZeroDivisionError"),
        ("plain_module:fits", "has no function 'fits'; it has fit"),
    ],
)
def test_a_callable_that_does_not_load_is_the_users_mistake(
    tmp_path: Path, path: str, words: str
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    (tmp_path / "plain_module.py").write_text("def fit(frame):\n    return {}\n")
    with pytest.raises(UserMistake, match=words.replace("'", ".")):
        load(path, tmp_path)
