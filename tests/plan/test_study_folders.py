"""A study's folder opens as what was written, memory-mapped, and tells what a copy must hold."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modelrun import datasets
from modelrun.plan import build, study_files
from modelrun.plan.study import ModelSpec, Resampling
from modelrun_api.spec import ModelRunSpec
from support.imports import imported

SPEC = ModelRunSpec.model_validate(
    {
        "data": {"dataset": "french"},
        "models": [
            {"name": "whole", "estimator": "OLS", "formula": "excess ~ mkt + I(smb**2)"},
            {"name": "per-slice", "estimator": "OLS", "formula": "excess ~ C(group) + mkt"},
            {"name": "empty", "estimator": "OLS", "formula": "excess ~ 0"},
        ],
        "slices": {
            "by": ["portfolio"],
            "window": {"column": "date", "size": "10Y", "step": "1Y", "minRows": 100},
            "resample": {"method": "block", "replicates": 3, "seed": 5, "blockLength": 6},
        },
        "results": {"observations": ["resid"], "confLevel": "0.9"},
        "execution": {"fitTimeoutSeconds": 7},
    }
)


def planned(folder: Path) -> build.Plan:
    schema = datasets.schema(SPEC.data, base=folder)
    needed = build.needed(SPEC, schema)
    assert needed == ("date", "portfolio", "group", "excess", "mkt", "smb")
    table = datasets.read(SPEC.data, base=folder, columns=needed, rows=build.wants_rows(SPEC))
    plan = build.build(SPEC, table, folder=folder / "study", code_folder=folder)
    study_files.write(plan.study)
    return plan


def test_a_study_opens_as_it_was_planned_also_at_another_place(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    shutil.copytree(tmp_path / "study", tmp_path / "copy")
    for folder in (tmp_path / "study", tmp_path / "copy"):
        study = study_files.open(folder)
        assert study.folder == folder
        assert [model.name for model in study.models] == ["empty", "per-slice", "whole"]
        assert [model.design is None for model in study.models] == [False, True, False]
        assert study.models[2].design.exog_names == ("Intercept", "mkt", "I(smb ** 2)")
        assert study.models[2].columns == ("excess", "mkt", "smb")
        assert "a replicate may lack one of its levels" in study.models[1].design_reason
        assert study.panel.column_names == ["date", "group", "excess", "mkt", "smb", datasets.ROW]
        assert study.panel.column("mkt").num_chunks == 1
        assert study.groups.column("portfolio").to_pylist() == sorted(
            study.groups.column("portfolio").to_pylist()
        )
        assert len(study.slices) * 3 == len(plan)
        assert study.slices.replicates == 3
        assert study.resample == Resampling.of(SPEC.slices.resample)
        specs = {model.name: ModelSpec.of(model) for model in SPEC.models}
        assert {model.name: model.spec for model in study.models} == specs
        assert study.min_rows == 100
        assert study.window_column == "date"
        assert study.outputs.conf_level == 0.9
        assert study.fit_timeout_seconds == 7
        assert study.code_folder == tmp_path


def test_rows_keep_their_place_in_the_data(tmp_path: Path) -> None:
    study = planned(tmp_path).study
    whole = datasets.read(SPEC.data, base=tmp_path).to_pandas()
    sorted_rows = whole.sort_values(["portfolio", "date"], kind="stable")
    assert study.panel.column(datasets.ROW).to_pylist() == sorted_rows.index.tolist()
    np.testing.assert_array_equal(study.panel.column("mkt"), sorted_rows.mkt)
    np.testing.assert_array_equal(study.models[2].design.terms[1].values, sorted_rows.mkt)


def test_numbers_are_views_of_the_mapped_files(tmp_path: Path) -> None:
    before = pa.total_allocated_bytes()
    study = planned(tmp_path).study
    again = study_files.open(study.folder)
    assert again.panel.column("mkt").chunk(0).to_numpy().base is not None
    intercept, plain, computed = again.models[2].design.terms
    assert intercept.values is None
    for column in (plain, computed):
        assert not column.values.flags.writeable
        assert not column.values.flags.owndata
    panel = again.panel.column("mkt").chunk(0).to_numpy()
    assert np.shares_memory(plain.values, panel)
    assert list(study.folder.glob("design-*")) == [study.folder / "design-2-3.npy"]
    assert pa.total_allocated_bytes() - before < 10_000_000


def test_the_files_of_a_study_are_listed_with_their_fingerprints(tmp_path: Path) -> None:
    study = planned(tmp_path).study
    listed = study_files.files(study.folder)
    assert {path for path, _, _ in listed} >= {"study.json", "panel.arrow", "groups.arrow"}
    for path, size, seen in listed:
        content = (study.folder / path).read_bytes()
        assert len(content) == size
        assert hashlib.sha256(content).hexdigest() == seen


def test_a_plan_can_be_made_again_in_the_same_folder(tmp_path: Path) -> None:
    first = planned(tmp_path)
    second = planned(tmp_path)
    assert (first.key_hi == second.key_hi).all()
    assert first.data_fingerprint == second.data_fingerprint


def test_rows_without_a_group_are_noted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"g": ["a", None, "b", "b"], "y": [1.0, 2, 3, 4], "x": [4.0, 3, 2, 1]})
    spec = ModelRunSpec.model_validate(
        {
            "data": {"dataset": "french"},
            "models": [{"name": "m", "estimator": "OLS", "formula": "y ~ x"}],
            "slices": {"by": ["g"]},
        }
    )
    table = pa.Table.from_pandas(frame, preserve_index=False)
    plan = build.build(spec, table, folder=tmp_path)
    assert len(plan) == 2
    assert plan.notes == ("1 rows have no value in g and belong to no group",)


@pytest.mark.parametrize("resample", [None, {"method": "pairs", "replicates": 4, "seed": 1}])
def test_without_slices_all_rows_are_one(tmp_path: Path, resample: object) -> None:
    spec = ModelRunSpec.model_validate(
        {
            "data": {"dataset": "longley"},
            "models": [{"name": "m", "estimator": "OLS", "formula": "TOTEMP ~ GNP + POP"}],
            "slices": {} if resample is None else {"resample": resample},
        }
    )
    table = datasets.read(spec.data, base=tmp_path)
    plan = build.build(spec, table, folder=tmp_path)
    assert len(plan) == (1 if resample is None else 4)
    assert len(set(plan.key_lo.tolist())) == len(plan)
    assert plan.study.groups.num_columns == 0
    assert (plan.study.slices.window_start == -1).all()


def test_models_with_one_formula_share_one_design(tmp_path: Path) -> None:
    model = {"estimator": "QuantReg", "formula": "foodexp ~ income"}
    quantiles = [{**model, "name": f"q{q}", "fit": {"q": q / 10}} for q in range(1, 8)]
    spec = ModelRunSpec.model_validate({"data": {"dataset": "engel"}, "models": quantiles})
    table = datasets.read(spec.data, base=tmp_path)
    plan = build.build(spec, table, folder=tmp_path / "study")
    assert len({id(planned_model.design) for planned_model in plan.study.models}) == 1
    study_files.write(plan.study)
    assert not list((tmp_path / "study").glob("design-*"))
    opened = study_files.open(tmp_path / "study")
    assert len({id(planned_model.design) for planned_model in opened.models}) == 1
    assert len(set(plan.key_hi.tolist())) == 7
    for planned_model in plan.study.models:
        assert planned_model.design.terms[1].values.tolist() == table.column("income").to_pylist()


def test_planning_a_plain_run_imports_no_pandas(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from modelrun import datasets
from modelrun.plan import build
from modelrun_api.spec import ModelRunSpec
spec = ModelRunSpec.model_validate({{
    "data": {{"dataset": "french", "where": "date >= '1990-01-01'"}},
    "models": [{{"name": "m", "estimator": "OLS", "formula": "excess ~ mkt*smb"}}],
    "slices": {{"by": ["group", "portfolio"], "window": {{"column": "date", "size": "5Y"}}}},
}})
columns = build.needed(spec, datasets.schema(spec.data, base=Path(".")))
table = datasets.read(spec.data, base=Path("."), columns=columns)
plan = build.build(spec, table, folder=Path({str(tmp_path)!r}))
assert len(plan) == 30 * (12 * 27 + 3 - 59), len(plan)
"""
    assert imported(program, "pandas", "patsy", "statsmodels", "scipy") == set()
