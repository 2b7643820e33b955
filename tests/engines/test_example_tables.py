"""Each example file gives the same tables from every engine that can fit it, by the contract."""

import os
from pathlib import Path

import numpy as np
import pytest

from modelrun import datasets
from modelrun.engines import catalog, contract, naive
from modelrun.engines.batched import available
from modelrun.engines.plain_guard import PlainGuard
from modelrun.plan import build
from modelrun.plan.study import Study
from modelrun.plan.task import Task
from modelrun_api import loader

pytestmark = pytest.mark.filterwarnings("ignore")

EXAMPLES = Path(__file__).parents[2] / "app" / "examples"
FILES = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))
SLOW = {"randhie-poisson-bootstrap": 8}
"""Fits that are compared where statsmodels takes long; 100 elsewhere."""

FEW = 3
"""Fits of each model that are also done the naive way."""


def planned(name: str, folder: Path) -> Study:
    spec = loader.load_run(EXAMPLES / f"{name}.yaml").spec
    if spec.data is None:
        pytest.skip("runs a program of the user")
    schema = datasets.schema(spec.data, base=EXAMPLES, env=os.environ)
    table = datasets.read(
        spec.data,
        base=EXAMPLES,
        columns=build.needed(spec, schema),
        env=os.environ,
        rows=build.wants_rows(spec),
    )
    return build.build(
        spec, table, folder=folder, code_folder=EXAMPLES, choose=catalog.choose
    ).study


def some(study: Study, count: int) -> np.ndarray:
    return np.unique(np.linspace(0, len(study.slices) - 1, count).astype(np.int64))


@pytest.mark.parametrize("name", FILES)
def test_an_example_gives_the_table_of_plain_statsmodels(name: str, tmp_path: Path) -> None:
    study = planned(name, tmp_path)
    for number, model in enumerate(study.models):
        if model.engine != "batched":
            continue
        task = Task(0, number, some(study, SLOW.get(name, 100)))
        ours = catalog.engine("batched").fit(study, task, PlainGuard())
        theirs = catalog.engine("statsmodels").fit(study, task, PlainGuard())
        found = contract.compare(ours, theirs, solver=contract.solver(model.spec))
        assert found.violations == ()
        assert found.fits == len(task.fits)


@pytest.mark.parametrize("name", FILES)
def test_an_example_gives_the_numbers_of_a_naive_fit(name: str, tmp_path: Path) -> None:
    study = planned(name, tmp_path)
    for number, model in enumerate(study.models):
        fits = some(study, 1 if model.spec.estimator == "ARIMA" else FEW)
        engine = catalog.engine(model.engine)
        rows = engine.fit(study, Task(0, number, fits), PlainGuard()).to_pylist()
        for row, index in zip(rows, fits.tolist(), strict=True):
            assert row["status"] in {"succeeded", "notConverged"}, row["failure"]
            reference = naive.fit(study, model, index)
            params = reference if isinstance(reference, dict) else reference.params
            expected = np.array(list(params.values() if isinstance(params, dict) else params))
            ours = np.array([term["estimate"] for term in row["coefficients"]])
            np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)
            if row["coefficients"][0].get("std_error") is None or isinstance(reference, dict):
                continue
            errors = np.array([term["std_error"] for term in row["coefficients"]])
            np.testing.assert_allclose(errors, np.asarray(reference.bse), rtol=1e-6)


@pytest.mark.skipif(not available(), reason="the kernels were not compiled")
def test_the_plan_says_why_a_model_is_not_batched(tmp_path: Path) -> None:
    study = planned("grunfeld-mixed", tmp_path)
    assert study.models[0].engine == "statsmodels"
    assert "no kernel for MixedLM" in study.models[0].reason


def test_an_engine_is_made_once() -> None:
    assert catalog.engine("statsmodels") is catalog.engine("statsmodels")
    with pytest.raises(ValueError, match="batched, statsmodels and callable"):
        catalog.engine("magic")
