"""Whatever the data look like, both engines tell the same: numbers by the contract, or reasons."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines import random_designs
from engines.handmade import CLUSTER, column, rows_of
from engines.random_designs import DENSITY, Case, hac, quantile
from modelrun.engines.batched import available
from modelrun.engines.batched_engine import BatchedEngine

pytestmark = [
    pytest.mark.skipif(not available(), reason="the kernels were not compiled"),
    pytest.mark.filterwarnings("ignore"),
]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**31),
    troubles=st.lists(st.sampled_from(random_designs.TROUBLES), min_size=1, max_size=6),
    sizes=st.lists(st.integers(2, 60), min_size=6, max_size=6),
    model=st.sampled_from(random_designs.MODELS),
    kind=st.sampled_from(random_designs.KINDS),
)
def test_both_engines_tell_the_same(
    seed: int, troubles: list[str], sizes: list[int], model: dict[str, Any], kind: str
) -> None:
    data = random_designs.panel(np.random.default_rng(seed), troubles, sizes)
    assert random_designs.differences(random_designs.study(data, model, kind)) == []


FOUND = {
    "a row that a quantile regression fits by a coefficient of its own": Case(
        seed=1000132,
        model=quantile("y ~ a + b", q=0.1),
        kind="groups",
        troubles=["leverage one", "infinite", "huge", "tiny"],
        sizes=[56, 57, 47, 14],
    ),
    "a perfect fit of quantile regression without a constant": Case(
        seed=1002315,
        model=quantile("y ~ a - 1", q=0.3, **DENSITY),
        kind="groups",
        troubles=["perfect"],
        sizes=[23],
    ),
    "robust errors of a constant count": Case(
        seed=1000204,
        model={
            "estimator": "Poisson",
            "formula": "count ~ a + b",
            "init": {},
            "fit": CLUSTER,
        },
        kind="groups",
        troubles=["perfect", "constant response"],
        sizes=[179, 116],
    ),
    "robust errors of a saturated count": Case(
        seed=1000229,
        model={
            "estimator": "Poisson",
            "formula": "count ~ a + b",
            "init": {},
            "fit": hac(2, use_correction=True),
        },
        kind="drawn",
        troubles=["quasi separated", "separated", "small response"],
        sizes=[147, 45, 7],
    ),
    "residuals of rounding beside one where all columns are zero": Case(
        seed=2006985,
        model={
            "estimator": "WLS",
            "formula": "y ~ a + b - 1",
            "init": {"weights": column("w")},
            "fit": hac(4),
        },
        kind="drawn",
        troubles=["ties", "nearly collinear"],
        sizes=[12, 36],
    ),
    "robust errors where a probability is one": Case(
        seed=2001113,
        model={
            "estimator": "GLM",
            "formula": "yes ~ a + b",
            "init": {"family": "Binomial", "offset": column("w")},
            "fit": {"cov_type": "HC0"},
        },
        kind="moving",
        troubles=["tiny", "small response"],
        sizes=[28, 18],
    ),
    "separation that the last step does not show": Case(
        seed=1006281,
        model={
            "estimator": "GLM",
            "formula": "yes ~ a + b",
            "init": {
                "family": {"family": "Binomial", "link": "Probit"},
                "freq_weights": column("times"),
            },
            "fit": {},
        },
        kind="growing",
        troubles=["leverage one", "quasi separated"],
        sizes=[4, 28],
    ),
    "a gamma likelihood of a tiny scale": Case(
        seed=1001726,
        model={
            "estimator": "GLM",
            "formula": "positive ~ a + b",
            "init": {"family": "Gamma", "freq_weights": column("times")},
            "fit": CLUSTER,
        },
        kind="growing",
        troubles=["one row more than columns", "perfect", "leverage one", "no weight"],
        sizes=[53, 24, 28, 17],
    ),
    "drawn rows of a GLM with columns of unlike scale": Case(
        seed=1000892,
        model={
            "estimator": "GLM",
            "formula": "count ~ a + b",
            "init": {"family": {"family": "NegativeBinomial", "alpha": 0.5}},
            "fit": {},
        },
        kind="drawn",
        troubles=["huge"],
        sizes=[23],
    ),
    "drawn rows that a GLM fits perfectly": Case(
        seed=1004012,
        model={
            "estimator": "GLM",
            "formula": "y ~ a + b",
            "init": {"family": "Gaussian"},
            "fit": {},
        },
        kind="drawn",
        troubles=["one row more than columns"],
        sizes=[23],
    ),
    "the sign of a first residual that is rounding": Case(
        seed=5000173,
        model=quantile("count ~ a + b", q=0.3, **DENSITY),
        kind="growing",
        troubles=["leverage one", "ties", "high level"],
        sizes=[19, 57, 44],
    ),
    "ties in a regression on one column": Case(
        seed=7006799,
        model=quantile("y ~ a - 1", q=0.9, vcov="iid"),
        kind="moving",
        troubles=["huge", "ties"],
        sizes=[170, 119],
    ),
    "a bandwidth as small as the rounding of rows": Case(
        seed=7001223,
        model=quantile("y ~ a * b + c", q=0.5),
        kind="growing",
        troubles=["missing", "collinear", "high level", "high level"],
        sizes=[42, 69, 83, 39],
    ),
    "signs that the size of the response turns": Case(
        seed=9037616,
        model=quantile("y ~ a + b", q=0.9, vcov="iid"),
        kind="groups",
        troubles=["collinear", "large response", "one row more than columns", "off centre"],
        sizes=[26, 31, 7, 2],
    ),
    "a median whose path rounding decides": Case(
        seed=9037097,
        model=quantile("y ~ a + C(firm)", q=0.5),
        kind="groups",
        troubles=["off centre", "large response", "constant regressor"],
        sizes=[4, 41, 13],
    ),
    "quantiles of drawn rows with a large response": Case(
        seed=9055769,
        model=quantile("y ~ a + b", q=0.1, **DENSITY),
        kind="drawn",
        troubles=["large response"],
        sizes=[24],
    ),
    "a probability of one in drawn rows": Case(
        seed=11001267,
        model={
            "estimator": "GLM",
            "formula": "yes ~ a + b",
            "init": {"family": "Binomial"},
            "fit": {},
        },
        kind="drawn",
        troubles=["tiny", "leverage one", "nearly collinear", "all zero"],
        sizes=[27, 8, 38, 4],
    ),
    "a column that is the same in all drawn rows": Case(
        seed=8006778,
        model={"estimator": "Poisson", "formula": "count ~ a + b - 1", "init": {}, "fit": {}},
        kind="drawn",
        troubles=["one row more than columns", "constant regressor"],
        sizes=[27, 6],
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_a_search_has_found_stays_found(name: str) -> None:
    assert random_designs.differences(FOUND[name].study()) == []


def test_ordinary_data_are_not_handed_over() -> None:
    """What the gate is careful about must not cost the speed of those whose data are sound.

    Quantiles of firms of 10 or 15 rows are an exception: a whole number of rows is below the
    quantile, one residual is zero, and its sign is rounding.
    """
    rng = np.random.default_rng(5)
    data = random_designs.panel(rng, ["none"] * 10, [60] * 10)
    models = [
        model
        for model in random_designs.MODELS
        if not (model["estimator"] == "QuantReg" and "firm" in model["formula"])
    ]
    done = {
        str(model): sum(
            row["engine"] == "batched"
            for row in rows_of(random_designs.study(data, model), engine=BatchedEngine())
        )
        for model in models
    }
    few = {model: fits for model, fits in done.items() if fits < 10}
    assert few == {}
