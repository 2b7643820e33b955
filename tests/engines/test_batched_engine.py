"""The batched engine gives the tables of the statsmodels engine, by the contract."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from engines.handmade import ALL_BUT_CONDITION, CLUSTER, column, frame_of, study_of
from modelrun.engines import contract, kernel_block
from modelrun.engines.batched import available
from modelrun.engines.batched_engine import BatchedEngine
from modelrun.engines.slice_rows import PanelValues
from modelrun_api.spec import Resample

pytestmark = pytest.mark.skipif(not available(), reason="the kernels were not compiled")

GROUPS = 60
ROWS = 40


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Groups with everything that goes wrong in practice."""
    rng = np.random.default_rng(20)
    n = GROUPS * ROWS
    data = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    data["y"] = data.sum(axis=1) + rng.normal(size=n)
    data["group"] = np.repeat(np.arange(GROUPS), ROWS)
    data["yes"] = (data.y + 2 * rng.normal(size=n) > 0).astype(float)
    data["count"] = rng.poisson(np.exp(0.3 * data.a.to_numpy())).astype(float)
    data["weight"] = rng.uniform(0.5, 2, n)
    data["firm"] = rng.choice(["x", "y", "z", "u", "v", "w"], n)
    data.loc[rng.random(n) < 0.01, "a"] = np.nan
    data.loc[rng.random(n) < 0.005, "weight"] = np.nan
    data.loc[data.group == 5, "b"] = 2.0
    data.loc[data.group == 6, "a"] = np.nan
    data.loc[data.group == 7, "c"] = np.inf
    data.loc[(data.group == 8) & (data.index % 20 != 0), "a"] = np.nan
    data.loc[data.group == 9, "c"] = data.loc[data.group == 9, "b"] * 1e-9 + 1e6
    data.loc[data.group == 10, "y"] = data.loc[data.group == 10, "a"] * 3
    separated = data.group == 11
    data.loc[separated, "yes"] = (data.loc[separated, "a"] > 0).astype(float)
    data.loc[data.group == 12, "yes"] = 0.5
    data.loc[data.group == 13, "count"] = -1.0
    return data


MODELS: dict[str, dict[str, Any]] = {
    "OLS": {"formula": "y ~ a + b + c"},
    "OLS-no-constant": {"formula": "y ~ a + b + c - 1"},
    "OLS-HAC": {
        "formula": "y ~ a + b + c",
        "fit": {"cov_type": "HAC", "cov_kwds": {"maxlags": 4}},
    },
    "OLS-HC3-t": {"formula": "y ~ a + b + c", "fit": {"cov_type": "HC3", "use_t": True}},
    "OLS-HC1": {"formula": "y ~ a + b + c", "fit": {"cov_type": "HC1"}},
    "OLS-cluster": {"formula": "y ~ a + b + c", "fit": CLUSTER},
    "WLS": {"formula": "y ~ a + b + c", "init": {"weights": column("weight")}},
    "WLS-HC0": {
        "formula": "y ~ a + b + c",
        "init": {"weights": column("weight")},
        "fit": {"cov_type": "HC0"},
    },
    "QuantReg": {"formula": "y ~ a + b + c", "fit": {"q": 0.3}},
    "Logit": {"formula": "yes ~ a + b + c"},
    "Logit-HC0": {"formula": "yes ~ a + b + c", "fit": {"cov_type": "HC0"}},
    "Probit": {"formula": "yes ~ a + b + c"},
    "Poisson": {"formula": "count ~ a + b + c", "init": {"exposure": column("weight")}},
    "Poisson-cluster": {"formula": "count ~ a + b + c", "fit": CLUSTER},
    "GLM-Gaussian": {"formula": "y ~ a + b + c"},
    "GLM-Poisson": {
        "formula": "count ~ a + b + c",
        "init": {"family": "Poisson", "offset": column("weight")},
    },
    "GLM-Binomial": {
        "formula": "yes ~ a + b + c",
        "init": {"family": "Binomial", "freq_weights": column("weight")},
    },
    "GLM-Gamma": {
        "formula": "weight ~ a + b + c",
        "init": {"family": {"family": "Gamma", "link": "Log"}},
    },
    "GLM-NegativeBinomial": {
        "formula": "count ~ a + b + c",
        "init": {"family": {"family": "NegativeBinomial", "alpha": 0.5}},
    },
}


def compare(study: Any, *, solver: str = "") -> tuple[contract.Comparison, Any, Any]:
    theirs = frame_of(study)
    ours = frame_of(study, engine=BatchedEngine())
    assert ours.schema == theirs.schema
    return contract.compare(ours, theirs, solver=solver), ours, theirs


@pytest.mark.parametrize("name", MODELS)
def test_a_batched_table_is_the_statsmodels_table(name: str, panel: pd.DataFrame) -> None:
    estimator = name.partition("-")[0]
    study = study_of(
        panel,
        {"name": "m", "estimator": estimator, **MODELS[name]},
        by="group",
        whole=True,
        fits=ALL_BUT_CONDITION,
        observations=("fitted", "resid"),
    )
    comparison, ours, theirs = compare(study, solver=estimator)
    assert comparison.violations == ()
    assert ours.column("engine").to_pylist().count("batched") >= GROUPS - 9
    for word in ("status", "nobs", "separated", "rank_deficient"):
        assert ours.column(word).to_pylist() == theirs.column(word).to_pylist(), word
    for mine, reference in zip(ours.to_pylist(), theirs.to_pylist(), strict=True):
        assert (mine["failure"] is None) == (reference["failure"] is None)
        if mine["failure"]:
            assert mine["failure"]["reason"] == reference["failure"]["reason"]
            assert mine["failure"]["message"] == reference["failure"]["message"]
        rows = [o["row"] for o in mine["observations"]]
        assert rows == [o["row"] for o in reference["observations"]]
        np.testing.assert_allclose(
            [o["resid"] for o in mine["observations"]],
            [o["resid"] for o in reference["observations"]],
            atol=1e-5 if estimator == "QuantReg" else 1e-7,
        )


def test_what_the_gate_stops_is_marked_and_done_by_statsmodels(panel: pd.DataFrame) -> None:
    study = study_of(
        panel, {"name": "m", "estimator": "OLS", "formula": "y ~ a + b + c"}, by="group", whole=True
    )
    rows = {row["fit"]: row for row in frame_of(study, engine=BatchedEngine()).to_pylist()}
    assert rows[0]["engine"] == "batched"
    assert rows[0]["numerics"] == "gated"
    assert rows[5]["engine"] == "statsmodels"
    assert rows[5]["rank_deficient"] is True
    assert rows[9]["engine"] == "statsmodels"
    assert rows[10]["numerics"] == "unstable"


@pytest.mark.parametrize("estimator", ["OLS", "Poisson"])
@pytest.mark.parametrize("method", ["pairs", "block"])
def test_drawn_rows_are_the_same_in_both_engines(
    method: str, estimator: str, panel: pd.DataFrame
) -> None:
    resample = Resample(
        method=method, replicates=6, seed=3, block_length=5 if method == "block" else None
    )
    study = study_of(
        panel[panel.group < 4],
        {
            "name": "m",
            "estimator": estimator,
            "formula": "count ~ a + b",
            "fit": CLUSTER,
        },
        by="group",
        whole=True,
        fits=("nobs", "log_lik"),
        observations=("fitted",),
        resample=resample,
    )
    comparison, ours, theirs = compare(study)
    assert comparison.violations == ()
    assert comparison.fits == 24
    for mine, reference in zip(ours.to_pylist(), theirs.to_pylist(), strict=True):
        rows = [o["row"] for o in mine["observations"]]
        assert rows == [o["row"] for o in reference["observations"]]


@pytest.mark.parametrize("method", ["pairs", "block"])
@pytest.mark.parametrize(
    ("estimator", "spec"),
    [
        ("OLS", {"formula": "y ~ a + b"}),
        ("OLS", {"formula": "y ~ a + b - 1"}),
        ("OLS", {"formula": "y ~ a + b", "fit": {"cov_type": "HC3", "use_t": True}}),
        ("OLS", {"formula": "y ~ a + b", "fit": CLUSTER}),
        ("WLS", {"formula": "y ~ a + b", "init": {"weights": column("weight")}}),
        (
            "WLS",
            {
                "formula": "y ~ a",
                "init": {"weights": column("weight")},
                "fit": {"cov_type": "HC2"},
            },
        ),
        (
            "WLS",
            {"formula": "y ~ a - 1", "init": {"weights": column("weight")}, "fit": CLUSTER},
        ),
        ("Logit", {"formula": "yes ~ a + b"}),
        ("Logit", {"formula": "yes ~ a", "fit": {"cov_type": "HC0"}}),
        ("Poisson", {"formula": "count ~ a", "init": {"exposure": column("weight")}}),
        ("Poisson", {"formula": "count ~ a + b", "fit": CLUSTER}),
        (
            "GLM",
            {
                "formula": "count ~ a",
                "init": {
                    "family": "Poisson",
                    "var_weights": column("weight"),
                    "offset": column("b"),
                },
                "fit": {"cov_type": "HC0"},
            },
        ),
        ("GLM", {"formula": "count ~ a", "init": {"family": "Poisson"}}),
        ("Probit", {"formula": "yes ~ a + b"}),
        ("QuantReg", {"formula": "y ~ a + b", "fit": {"q": 0.6}}),
        ("QuantReg", {"formula": "y ~ a - 1", "fit": {"q": 0.4, "vcov": "iid"}}),
        ("QuantReg", {"formula": "y ~ a + b", "fit": {"q": 0.3, "method": "exact"}}),
        ("GLM", {"formula": "y ~ a + b"}),
        ("GLM", {"formula": "weight ~ a", "init": {"family": {"family": "Gamma", "link": "Log"}}}),
        (
            "GLM",
            {"formula": "yes ~ a", "init": {"family": {"family": "Binomial", "link": "Probit"}}},
        ),
        (
            "GLM",
            {
                "formula": "count ~ a",
                "init": {"family": {"family": "NegativeBinomial", "alpha": 0.5}},
            },
        ),
    ],
)
def test_replicates_by_counts_are_those_of_drawn_rows(
    estimator: str, spec: dict[str, Any], method: str, panel: pd.DataFrame
) -> None:
    resample = Resample(
        method=method, replicates=8, seed=5, block_length=7 if method == "block" else None
    )
    study = study_of(
        panel[panel.group.isin([0, 1, 2, 6, 8, 13])],
        {"name": "m", "estimator": estimator, **spec},
        by="group",
        whole=True,
        fits=("nobs", "log_lik", "aic", "r_squared", "f_statistic", "sigma"),
        resample=resample,
    )
    prepared = kernel_block.prepare(study, study.models[0], PanelValues(study.panel))
    assert prepared is not None
    assert prepared.by_counts
    solver = "" if spec.get("fit", {}).get("method") == "exact" else estimator
    comparison, ours, theirs = compare(study, solver=solver)
    assert comparison.violations == ()
    assert ours.column("engine").to_pylist().count("batched") >= 24
    assert ours.column("status").to_pylist() == theirs.column("status").to_pylist()


@pytest.mark.parametrize("estimator", ["OLS", "Logit"])
def test_what_counts_do_not_hold_is_fitted_on_drawn_rows(
    estimator: str, panel: pd.DataFrame
) -> None:
    fit = {"cov_type": "HAC", "cov_kwds": {"maxlags": 2}}
    formula = "yes ~ a" if estimator == "Logit" else "y ~ a"
    study = study_of(
        panel[panel.group.isin([0, 1])],
        {"name": "m", "estimator": estimator, "formula": formula, "fit": fit},
        by="group",
        whole=True,
        fits=("nobs", "df_model"),
        resample=Resample(method="block", replicates=4, seed=5, block_length=7),
    )
    prepared = kernel_block.prepare(study, study.models[0], PanelValues(study.panel))
    assert prepared is not None
    assert not prepared.by_counts
    comparison, ours, theirs = compare(study, solver=estimator)
    assert comparison.violations == ()
    assert ours.column("nobs").to_pylist() == theirs.column("nobs").to_pylist()
    assert "batched" in ours.column("engine").to_pylist()


@pytest.mark.parametrize("kind", ["rolling", "expanding"])
def test_windows_that_share_rows_give_the_table_of_single_fits(
    kind: str, panel: pd.DataFrame
) -> None:
    data = panel[panel.group.isin([20, 21, 22])].reset_index(drop=True)
    starts, stops, groups = [], [], []
    for group in range(3):
        for end in range(12, ROWS + 1):
            first = 0 if kind == "expanding" else end - 12
            starts.append(group * ROWS + first)
            stops.append(group * ROWS + end)
            groups.append(group)
    study = study_of(
        data,
        {"name": "m", "estimator": "OLS", "formula": "y ~ a + b"},
        whole=True,
        starts=starts,
        stops=stops,
        groups_of=groups,
        window_column="group",
        min_rows=12,
    )
    comparison, ours, theirs = compare(study)
    assert comparison.violations == ()
    assert ours.column("status").to_pylist() == theirs.column("status").to_pylist()
    done = ours.column("engine").to_pylist().count("batched")
    assert done >= len(starts) - 5


def test_bits_do_not_depend_on_where_tasks_are_cut(panel: pd.DataFrame) -> None:
    from modelrun.engines.plain_guard import PlainGuard
    from modelrun.plan.task import Task

    study = study_of(
        panel[panel.group > 13],
        {"name": "m", "estimator": "Logit", "formula": "yes ~ a + b"},
        by="group",
        whole=True,
        fits=("nobs",),
    )
    whole = frame_of(study, engine=BatchedEngine()).column("coefficients").to_pylist()
    single: list[Any] = []
    for index in range(len(study.slices)):
        task = Task(0, 0, np.array([index]))
        single += BatchedEngine().fit(study, task, PlainGuard()).column("coefficients").to_pylist()
    assert whole == single


def test_an_empty_task_gives_an_empty_frame(panel: pd.DataFrame) -> None:
    from modelrun.engines.plain_guard import PlainGuard
    from modelrun.plan.task import Task

    study = study_of(
        panel, {"name": "m", "estimator": "OLS", "formula": "y ~ a"}, by="group", whole=True
    )
    batch = BatchedEngine().fit(study, Task(0, 0, np.empty(0, np.int64)), PlainGuard())
    assert batch.num_rows == 0


def test_text_where_numbers_are_needed_is_left_to_statsmodels(panel: pd.DataFrame) -> None:
    study = study_of(
        panel,
        {
            "name": "m",
            "estimator": "WLS",
            "formula": "y ~ a",
            "init": {"weights": column("firm")},
        },
        by="group",
        whole=True,
    )
    reasons = {
        row["failure"]["reason"]
        for row in frame_of(study, engine=BatchedEngine()).to_pylist()
        if row["failure"] and row["status"] == "failed"
    }
    assert reasons == {"EstimatorError"}
