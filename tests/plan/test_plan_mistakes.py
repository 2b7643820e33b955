"""What is wrong with a file and its data is said once, at its field, with the nearest name."""

from pathlib import Path

import pyarrow as pa
import pytest

from modelrun.errors import UserMistake
from modelrun.plan import build
from modelrun_api.spec import ModelRunSpec

TABLE = pa.table(
    {
        "firm": ["a", "a", "b"],
        "status": ["x", "x", "y"],
        "year": [1, 2, 1],
        "y": [1.0, 2.0, 3.0],
        "x": [3.0, 2.0, 1.0],
    }
)


def mistake(folder: Path, model: dict, slices: dict | None = None) -> UserMistake:
    spec = ModelRunSpec.model_validate(
        {
            "data": {"dataset": "french"},
            "models": [{"name": "m", **model}],
            "slices": slices or {},
        }
    )
    with pytest.raises(UserMistake) as caught:
        build.needed(spec, TABLE.schema)
        build.build(spec, TABLE, folder=folder / "study", code_folder=folder)
    return caught.value


OLS = {"estimator": "OLS", "formula": "y ~ x"}


@pytest.mark.parametrize(
    ("model", "slices", "field", "words"),
    [
        (OLS, {"by": ["frim"]}, "spec.slices.by[0]", "did you mean 'firm'"),
        (OLS, {"by": ["firm", "status"]}, "spec.slices.by[1]", "column of the result tables"),
        (OLS, {"by": ["firm", "firm"]}, "spec.slices.by[1]", "twice"),
        (
            OLS,
            {"window": {"column": "yaer", "size": 2}},
            "spec.slices.window.column",
            "did you mean 'year'",
        ),
        (
            {"estimator": "OLS", "formula": "y ~ xx"},
            None,
            "spec.models[0].formula",
            "did you mean 'x'",
        ),
        ({"estimator": "OLS", "formula": "y ~ x +"}, None, "spec.models[0].formula", "parse"),
        ({"estimator": "OSL", "formula": "y ~ x"}, None, "spec.models[0].estimator", "OLS"),
        (
            {"estimator": "ARIMA", "formula": "y ~ x"},
            None,
            "spec.models[0].formula",
            "endog, exog and time",
        ),
        (
            {"estimator": "WLS", "formula": "y ~ x", "init": {"weights": {"column": "w"}}},
            None,
            "spec.models[0].init.weights",
            "names the column 'w'",
        ),
        (
            {
                "estimator": "OLS",
                "formula": "y ~ x",
                "fit": {"cov_type": "cluster", "cov_kwds": {"groups": {"column": "firms"}}},
            },
            None,
            "spec.models[0].fit.cov_kwds.groups",
            "did you mean 'firm'",
        ),
        (
            {"estimator": "ARIMA", "endog": "z"},
            None,
            "spec.models[0].endog",
            "names the column 'z'",
        ),
        (
            {"estimator": "ARIMA", "endog": "y", "exog": ["x", "q"]},
            None,
            "spec.models[0].exog[1]",
            "names the column 'q'",
        ),
        (
            {"estimator": "ARIMA", "endog": "y", "time": "yeer"},
            None,
            "spec.models[0].time",
            "did you mean 'year'",
        ),
        (
            {
                "estimator": "MixedLM",
                "formula": "y ~ x",
                "init": {"groups": {"column": "firm"}, "re_formula": "~ xxx"},
            },
            None,
            "spec.models[0].init.re_formula",
            "names 'xxx'",
        ),
        ({"callable": "nothere:fit"}, None, "spec.models[0].callable", "no module 'nothere'"),
        ({"callable": "good:fot"}, None, "spec.models[0].callable", "did you mean 'fit'"),
        ({"callable": "broken:fit"}, None, "spec.models[0].callable", "line 1 is not valid Python"),
    ],
)
def test_a_mistake_is_said_at_its_field(tmp_path, model, slices, field, words) -> None:
    (tmp_path / "good.py").write_text("def fit(frame):\n    return {}\n")
    (tmp_path / "broken.py").write_text("def fit(frame:\n")
    found = mistake(tmp_path, model, slices)
    assert found.field == field
    assert words in str(found)


def test_only_needed_columns_are_asked_for() -> None:
    def needed(model: dict, slices: dict | None = None) -> tuple[str, ...]:
        spec = ModelRunSpec.model_validate(
            {
                "data": {"dataset": "french"},
                "models": [{"name": "m", **model}],
                "slices": slices or {},
            }
        )
        return build.needed(spec, TABLE.schema)

    assert needed(OLS) == ("y", "x")
    assert needed(OLS, {"by": ["firm"], "window": {"column": "year", "size": 2}}) == (
        "firm", "year", "y", "x",
    )  # fmt: skip
    weights = {**OLS, "init": {"weights": {"column": "year"}}}
    assert needed(weights) == ("year", "y", "x")
    assert needed({"callable": "a:b"}) == tuple(TABLE.column_names)
    assert needed({"estimator": "ARIMA", "endog": "y", "time": "year"}) == ("year", "y")
