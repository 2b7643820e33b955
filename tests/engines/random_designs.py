"""Panels with all that goes wrong, models of all kernels, and what the two engines say of them.

`make fuzz` searches for longer than the tests do.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engines.handmade import ALL_BUT_CONDITION, CLUSTER, column, frame_of, study_of
from modelrun.engines import contract
from modelrun.engines.batched_engine import BatchedEngine
from modelrun.plan.study import Study
from modelrun_api.spec import Resample

TROUBLES = [
    "none", "missing", "collinear", "nearly collinear", "constant regressor", "constant response",
    "huge", "tiny", "infinite", "leverage one", "perfect", "separated", "quasi separated",
    "all zero", "no rows", "high level", "one row more than columns", "mostly zero", "ties",
    "small response", "one cluster", "no weight", "large response", "off centre",
]  # fmt: skip


def hac(lags: int, **keywords: Any) -> dict[str, Any]:
    return {"cov_type": "HAC", "cov_kwds": {"maxlags": lags, **keywords}}


WEIGHTS = {"weights": column("w")}
ROBUST: list[dict[str, Any]] = [
    {"cov_type": "HC0"},
    {"cov_type": "HC1"},
    {"cov_type": "HC2"},
    {"cov_type": "HC3", "use_t": True},
    hac(2, use_correction=True),
    hac(4),
    CLUSTER,
]
CANONICAL: list[tuple[str, Any]] = [
    ("count", "Poisson"),
    ("yes", "Binomial"),
    ("positive", "Gamma"),
    ("y", "Gaussian"),
]
OTHER_LINKS: list[tuple[str, Any]] = [
    ("count", {"family": "NegativeBinomial", "alpha": 0.5}),
    ("yes", {"family": "Binomial", "link": "Probit"}),
    ("yes", {"family": "Binomial", "link": "CLogLog"}),
    ("positive", {"family": "Gamma", "link": "Log"}),
    ("positive", {"family": "Gaussian", "link": "Log"}),
]
"""Whose robust covariance has no kernel, because the observed information is not the expected."""

BESIDE: list[dict[str, Any]] = [
    {},
    {"offset": column("w")},
    {"freq_weights": column("times")},
    {"var_weights": column("w")},
]


DENSITY = {"kernel": "gau", "bandwidth": "bofinger"}
"""Other than the default, for quantile regressions."""


def quantile(formula: str, q: float, **fit: Any) -> dict[str, Any]:
    """A quantile regression."""
    return {"estimator": "QuantReg", "formula": formula, "fit": {"q": q, **fit}}


def _models() -> list[dict[str, Any]]:
    linear = [
        {"estimator": "OLS", "formula": formula, "fit": fit}
        for formula in ("y ~ a + b", "y ~ a + b - 1", "y ~ a")
        for fit in ({}, {"use_t": False}, *ROBUST)
    ]
    weighted = [
        {"estimator": "WLS", "formula": formula, "init": WEIGHTS, "fit": fit}
        for formula in ("y ~ a + b", "y ~ a + b - 1")
        for fit in ({}, *ROBUST)
    ]
    discrete = [
        {"estimator": estimator, "formula": f"{response} ~ {right}", "init": init, "fit": fit}
        for estimator, response, init in (
            ("Logit", "yes", {}),
            ("Probit", "yes", {}),
            ("Poisson", "count", {}),
            ("Poisson", "count", {"exposure": column("w")}),
            ("Poisson", "count", {"offset": column("w")}),
        )
        for right in ("a + b", "a + b - 1")
        for fit in ({}, ROBUST[0], ROBUST[1], ROBUST[4], CLUSTER)
    ]
    general = [
        {
            "estimator": "GLM",
            "formula": f"{response} ~ a + b",
            "init": {"family": family, **beside},
            "fit": fit,
        }
        for families, fits in ((CANONICAL, ({}, ROBUST[0], hac(2), CLUSTER)), (OTHER_LINKS, ({},)))
        for response, family in families
        for beside in BESIDE
        for fit in fits
    ]
    quantiles = [
        quantile(formula, q, **fit)
        for formula in ("y ~ a + b", "count ~ a + b", "y ~ a - 1")
        for q in (0.1, 0.3, 0.5, 0.9)
        for fit in ({}, {"vcov": "iid"}, DENSITY)
    ]
    rights = ("a + b + c + d", "a * b + c", "a + C(firm)")
    longer = [
        {"estimator": estimator, "formula": f"{response} ~ {right}", "fit": fit, **more}
        for estimator, response, more in (
            ("OLS", "y", {}),
            ("Logit", "yes", {}),
            ("GLM", "count", {"init": {"family": "Poisson"}}),
        )
        for right in rights
        for fit in ({}, ROBUST[0])
    ]
    longer += [quantile(f"y ~ {right}", q) for right in rights for q in (0.5, 0.2)]
    parts = (linear, weighted, discrete, general, quantiles, longer)
    return [model for part in parts for model in part]


MODELS: list[dict[str, Any]] = _models()
KINDS = ("groups", "moving", "growing", "drawn")


def group(rng: np.random.Generator, n: int, trouble: str) -> pd.DataFrame:
    """One group of n rows, or fewer."""
    data = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    data["y"] = 1 + data.a + rng.normal(size=n)
    data["yes"] = (rng.uniform(size=n) < 0.5).astype(float)
    data["count"] = rng.poisson(2.0, n).astype(float)
    data["positive"] = rng.gamma(2.0, size=n)
    data["w"] = rng.uniform(0.5, 2, n)
    data["times"] = rng.integers(1, 4, n).astype(float)
    data["firm"] = rng.integers(0, 5, n)
    data[["c", "d"]] = rng.spawn(1)[0].normal(size=(n, 2))
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
            data[["y", "yes", "count", "positive"]] = 1.0
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
            data["positive"] = np.exp(data.a)
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
        case "ties":
            data[["a", "b", "y"]] = data[["a", "b", "y"]].round()
        case "small response":
            data[["y", "positive"]] *= 1e-8
        case "large response":
            data["y"] *= 1e4
        case "off centre":
            data[["a", "b"]] += 30
        case "one cluster":
            data["firm"] = 1
        case "no weight":
            data.loc[rng.uniform(size=n) < 0.2, ["w", "times"]] = 0.0
    return data


def panel(rng: np.random.Generator, troubles: list[str], sizes: list[int]) -> pd.DataFrame:
    """One group for each trouble, of the size at the same place."""
    parts = [
        group(rng, n, trouble).assign(group=at)
        for at, (n, trouble) in enumerate(zip(sizes, troubles, strict=False))
    ]
    return pd.concat(parts, ignore_index=True)


def study(data: pd.DataFrame, model: dict[str, Any], kind: str = "groups") -> Study:
    """A study of groups, of moving or growing windows in them, or of rows drawn from them."""
    asked: dict[str, Any] = {"whole": True, "fits": ALL_BUT_CONDITION}
    spec = {"name": "m", **model}
    if kind == "groups":
        return study_of(data, spec, by="group", **asked)
    if kind == "drawn":
        drawn = Resample(method="pairs", replicates=3, seed=1)
        return study_of(data, spec, by="group", resample=drawn, **asked)
    starts, stops, groups = [], [], []
    for number, rows in data.groupby("group").indices.items():
        for end in range(rows[0] + min(8, len(rows)), rows[-1] + 2, 1 + len(rows) // 8):
            starts.append(rows[0] if kind == "growing" else max(rows[0], end - 8))
            stops.append(end)
            groups.append(number)
    return study_of(
        data,
        spec,
        starts=starts,
        stops=stops,
        groups_of=groups,
        window_column="group",
        **asked,
    )


def _words(row: dict[str, Any]) -> dict[str, Any]:
    failure = row["failure"]
    return {
        "nobs": row["nobs"],
        "separated": row["separated"],
        "failure": None if failure is None else failure["reason"],
    }


def differences(planned: Study) -> list[str]:
    """What the two engines say differently of a study's only model, each in a line."""
    spec = planned.models[0].spec
    ours, theirs = frame_of(planned, engine=BatchedEngine()), frame_of(planned)
    found = contract.compare(ours, theirs, solver=contract.solver(spec))
    wrong = [str(violation) for violation in found.violations]
    for mine, reference in zip(ours.to_pylist(), theirs.to_pylist(), strict=True):
        said = [_words(row) for row in (mine, reference)]
        wrong += [
            f"{name} of fit {mine['fit']}: {said[0][name]}, {said[1][name]}"
            for name in said[0]
            if said[0][name] != said[1][name]
        ]
    return wrong


@dataclass(frozen=True, slots=True)
class Case:
    """What is drawn for a search; the data are of the seed alone."""

    seed: int
    model: dict[str, Any]
    kind: str
    troubles: list[str]
    sizes: list[int]

    def study(self) -> Study:
        """The study, with its panel."""
        data = panel(np.random.default_rng(self.seed), self.troubles, self.sizes)
        return study(data, self.model, self.kind)


def at_random(seed: int) -> Case:
    """One to four groups, large ones now and then."""
    rng = np.random.default_rng(seed)
    troubles = rng.choice(TROUBLES, rng.integers(1, 5)).tolist()
    sizes = rng.integers(2, 200 if rng.random() < 0.2 else 60, len(troubles)).tolist()
    model = MODELS[rng.integers(len(MODELS))]
    return Case(seed, model, KINDS[rng.choice(4, p=(0.7, 0.1, 0.1, 0.1))], troubles, sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=60, help="how long to search")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    end, seed, bad = time.monotonic() + asked.seconds, asked.first, 0
    while time.monotonic() < end:
        case = at_random(seed)
        wrong = differences(case.study())
        if wrong:
            bad += 1
            print(case, *wrong[:6], sep="\n  ", flush=True)
        seed += 1
    print(f"seeds {asked.first} to {seed - 1}: {bad} differ")
    raise SystemExit(bad > 0)


if __name__ == "__main__":
    main()
