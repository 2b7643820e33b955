"""Whatever the data look like, both engines tell the same: numbers by the contract, or reasons."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.handmade import frame_of, study_of
from modelrun.engines import contract
from modelrun.engines.batched import available
from modelrun.engines.batched_engine import BatchedEngine

pytestmark = [
    pytest.mark.skipif(not available(), reason="the kernels were not compiled"),
    pytest.mark.filterwarnings("ignore"),
]

TROUBLES = [
    "none", "missing", "collinear", "nearly collinear", "constant regressor", "constant response",
    "huge", "tiny", "infinite", "leverage one", "perfect", "separated", "quasi separated",
    "all zero", "no rows", "high level", "one row more than columns", "mostly zero",
]  # fmt: skip
MODELS: list[dict[str, Any]] = [
    {"estimator": "OLS", "formula": "y ~ a + b"},
    {"estimator": "OLS", "formula": "y ~ a + b", "fit": {"cov_type": "HC2"}},
    {
        "estimator": "OLS",
        "formula": "y ~ a + b",
        "fit": {"cov_type": "HAC", "cov_kwds": {"maxlags": 2, "use_correction": True}},
    },
    {"estimator": "WLS", "formula": "y ~ a + b - 1", "init": {"weights": {"column": "w"}}},
    {"estimator": "Logit", "formula": "yes ~ a + b"},
    {"estimator": "Probit", "formula": "yes ~ a + b"},
    {"estimator": "Poisson", "formula": "count ~ a + b"},
    {"estimator": "GLM", "formula": "count ~ a + b", "init": {"family": "Poisson"}},
    {"estimator": "GLM", "formula": "yes ~ a + b", "init": {"family": "Binomial"}},
]


def group(rng: np.random.Generator, n: int, trouble: str) -> pd.DataFrame:
    data = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    data["y"] = 1 + data.a + rng.normal(size=n)
    data["yes"] = (rng.uniform(size=n) < 0.5).astype(float)
    data["count"] = rng.poisson(2.0, n).astype(float)
    data["w"] = rng.uniform(0.5, 2, n)
    match trouble:
        case "missing":
            data.loc[rng.uniform(size=n) < 0.3, "a"] = np.nan
        case "collinear":
            data["b"] = 2 * data.a
        case "nearly collinear":
            data["b"] = data.a + 1e-7 * rng.normal(size=n)
        case "constant regressor":
            data["b"] = 3.0
        case "constant response":
            data[["y", "yes", "count"]] = 1.0
        case "huge":
            data["b"] *= 1e9
        case "tiny":
            data["b"] *= 1e-9
        case "infinite":
            data.loc[0, "a"] = np.inf
        case "leverage one":
            data["b"] = (np.arange(n) == 0).astype(float)
        case "perfect":
            data["y"] = data.a
        case "separated":
            data["yes"] = (data.a > 0).astype(float)
        case "quasi separated":
            data["b"] = (np.arange(n) % 3 == 0).astype(float)
            data.loc[data.b == 1, ["yes", "count"]] = [1.0, 0.0]
        case "all zero":
            data[["yes", "count"]] = 0.0
        case "no rows":
            data["a"] = np.nan
        case "high level":
            data[["a", "y"]] += 1e5
        case "one row more than columns":
            data = data.iloc[:4].copy()
        case "mostly zero":
            data.loc[rng.uniform(size=n) < 0.8, ["yes", "count"]] = 0.0
    return data


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**31),
    troubles=st.lists(st.sampled_from(TROUBLES), min_size=1, max_size=6),
    sizes=st.lists(st.integers(2, 60), min_size=6, max_size=6),
    model=st.sampled_from(MODELS),
)
def test_both_engines_tell_the_same(
    seed: int, troubles: list[str], sizes: list[int], model: dict[str, Any]
) -> None:
    rng = np.random.default_rng(seed)
    parts = [
        group(rng, n, trouble).assign(group=at)
        for at, (n, trouble) in enumerate(zip(sizes, troubles, strict=False))
    ]
    study = study_of(
        pd.concat(parts, ignore_index=True),
        {"name": "m", **model},
        by="group",
        whole=True,
        fits=("nobs", "df_residual", "log_lik", "aic"),
    )
    ours, theirs = frame_of(study, engine=BatchedEngine()), frame_of(study)
    found = contract.compare(ours, theirs)
    assert found.violations == ()
    for column in ("status", "nobs", "rank_deficient", "separated"):
        assert ours.column(column).to_pylist() == theirs.column(column).to_pylist(), column
    reasons = [
        [None if row is None else row["reason"] for row in frame.column("failure").to_pylist()]
        for frame in (ours, theirs)
    ]
    assert reasons[0] == reasons[1]
