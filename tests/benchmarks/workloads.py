"""What is measured: data that is made or bundled, and the spec that fits it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CLUSTER = {"profileName": "c5-4xlarge"}


@dataclass(frozen=True)
class Workload:
    """One row of the table."""

    number: int
    name: str
    target: float
    """Ratio to the naive program that is aimed at, cold, without report and audit."""

    spec: dict[str, Any]
    make: Callable[[Path], None] | None = None
    """Writes the data to the path `{data}` in the spec."""

    frames: Callable[[Path], Iterator[pd.DataFrame]] | None = None
    """Yields the slices in table order, as the naive program sees them."""

    fits: int = 0
    quick: bool = False
    """Whether `make bench-quick` has it."""

    by: tuple[str, ...] = ()


def panel(groups: int, rows: int, columns: int, kind: str, seed: int = 1) -> Callable[[Path], None]:
    """Return a maker of a panel with normal regressors and a response of the kind."""

    def make(path: Path) -> None:
        random = np.random.default_rng(seed)
        n = groups * rows
        x = random.normal(size=(n, columns))
        effects = random.normal(scale=0.3, size=(groups, columns)).repeat(rows, axis=0)
        linear = 0.2 + (x * effects).sum(axis=1)
        match kind:
            case "linear":
                y = linear + random.normal(size=n)
            case "poisson":
                y = random.poisson(np.exp(np.clip(linear, -3, 3))).astype(float)
            case "binary":
                y = (random.random(n) < 1 / (1 + np.exp(-linear))).astype(float)
        frame = pd.DataFrame({f"x{i}": x[:, i] for i in range(columns)})
        frame.insert(0, "y", y)
        frame.insert(0, "g", np.arange(groups).repeat(rows))
        frame.to_parquet(path, index=False)

    return make


def groups(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the groups of a panel, as the naive program does."""
    for _, frame in pd.read_parquet(path).groupby("g", sort=True):
        yield frame


def windows(_: Path) -> Iterator[pd.DataFrame]:
    """Yield the rolling windows of the bundled portfolios."""
    from modelrun import datasets
    from modelrun_api.spec import Data

    table = datasets.read(Data(dataset="french"), base=Path(), columns=None)
    for _, frame in table.to_pandas().groupby("portfolio", sort=True):
        ordered = frame.sort_values("date")
        for start in range(len(ordered) - 59):
            yield ordered.iloc[start : start + 60]


def formula(columns: int) -> str:
    """Return the formula of a panel."""
    return "y ~ " + " + ".join(f"x{i}" for i in range(columns))


def grouped(
    estimator: str, columns: int, models: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the spec of one model, or several, on every group of a panel."""
    model = {"name": "m", "estimator": estimator, "formula": formula(columns)}
    return {
        "data": {"uri": "{data}"},
        "models": models or [model],
        "slices": {"by": ["g"]},
        "cluster": CLUSTER,
    }


def with_family(spec: dict[str, Any], family: str) -> dict[str, Any]:
    """Return the spec with the family of a GLM."""
    model = {**spec["models"][0], "init": {"family": {"family": family}}}
    return {**spec, "models": [model]}


MAIN = {
    "data": {"dataset": "french"},
    "models": [
        {
            "name": "hac",
            "estimator": "OLS",
            "formula": "excess ~ mkt + smb + hml + mom",
            "fit": {"cov_type": "HAC", "cov_kwds": {"maxlags": 6}},
        }
    ],
    "slices": {"by": ["portfolio"], "window": {"column": "date", "size": 60}},
    "cluster": CLUSTER,
}

QUANTILES = [
    {"name": f"q{int(q * 100)}", "estimator": "QuantReg", "formula": formula(5), "fit": {"q": q}}
    for q in (0.1, 0.25, 0.5, 0.75, 0.9)
]

WORKLOADS = (
    Workload(
        1,
        "rolling OLS, HAC: the main example",
        120,
        MAIN,
        frames=windows,
        fits=22_800,
        quick=True,
        by=("portfolio", "window_end"),
    ),
    Workload(
        2,
        "OLS, 20,000 groups x 250 x 6",
        96,
        grouped("OLS", 5),
        make=panel(20_000, 250, 5, "linear"),
        frames=groups,
        fits=20_000,
        by=("g",),
    ),
    Workload(
        3,
        "OLS, 500,000 groups x 40 x 4",
        1000,
        grouped("OLS", 3),
        make=panel(500_000, 40, 3, "linear"),
        frames=groups,
        fits=500_000,
        by=("g",),
    ),
    Workload(
        4,
        "Poisson GLM, 20,000 x 250 x 5",
        110,
        with_family(grouped("GLM", 4), "Poisson"),
        make=panel(20_000, 250, 4, "poisson"),
        frames=groups,
        fits=20_000,
        by=("g",),
    ),
    Workload(
        5,
        "Logit, 20,000 x 250 x 5",
        150,
        grouped("Logit", 4),
        make=panel(20_000, 250, 4, "binary"),
        frames=groups,
        fits=20_000,
        by=("g",),
    ),
    Workload(
        6,
        "quantile regression, 5,000 x 250 x 5 x 5",
        15,
        grouped("QuantReg", 5, QUANTILES),
        make=panel(5_000, 250, 5, "linear"),
        frames=groups,
        fits=25_000,
        by=("g",),
    ),
    Workload(
        0,
        "OLS, 2,000 groups x 250 x 6",
        1,
        grouped("OLS", 5),
        make=panel(2_000, 250, 5, "linear"),
        frames=groups,
        fits=2_000,
        quick=True,
        by=("g",),
    ),
)
