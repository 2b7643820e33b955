"""The workloads of whole programs: 1 to 10, and more slow estimators.

11 and 12 are no programs of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import busy, panels
from benchmarks.workload import CLUSTER, Workload


def formula(columns: int) -> str:
    """Return the formula of a panel."""
    return "y ~ " + " + ".join(f"x{i}" for i in range(columns))


def grouped(model: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of models on every group of a panel."""
    return {
        "data": {"uri": "{data}"},
        "models": [{"name": "m", **model}, *more],
        "slices": {"by": ["g"]},
        "cluster": CLUSTER,
    }


def by_formula(estimator: str, columns: int, **more: Any) -> dict[str, Any]:
    """Return a model of all columns."""
    return {"estimator": estimator, "formula": formula(columns), **more}


MAIN_FORMULA = "excess ~ mkt + smb + hml + mom"
MAIN = {
    "data": {"dataset": "french"},
    "models": [
        {
            "name": "hac",
            "estimator": "OLS",
            "formula": MAIN_FORMULA,
            "fit": {"cov_type": "HAC", "cov_kwds": {"maxlags": 6}},
        },
        {"name": "nonrobust", "estimator": "OLS", "formula": MAIN_FORMULA},
    ],
    "slices": {"by": ["portfolio"], "window": {"column": "date", "size": 60}},
    "cluster": CLUSTER,
}
QUANTILES = {
    "data": {"uri": "{data}"},
    "models": [
        {"name": f"q{int(100 * q)}", **by_formula("QuantReg", 4), "fit": {"q": q}}
        for q in (0.1, 0.25, 0.5, 0.75, 0.9)
    ],
    "slices": {"by": ["g"]},
    "cluster": CLUSTER,
}
VISITS = "mdvis ~ lncoins + idp + lpi + fmde + physlm + disea + hlthg + hlthf + hlthp"
BOOTSTRAP = {
    "data": {"dataset": "randhie"},
    "models": [{"name": "visits", "estimator": "Poisson", "formula": VISITS}],
    "slices": {"resample": {"method": "pairs", "replicates": 5000, "seed": 7}},
    "cluster": CLUSTER,
}
MIXED = by_formula("MixedLM", 2, init={"groups": {"column": "firm"}})
ARIMA = {"estimator": "ARIMA", "endog": "y", "time": "t", "init": {"order": [1, 0, 1]}}

AIRLINE = {
    "estimator": "SARIMAX",
    "endog": "y",
    "time": "t",
    "init": {"order": [0, 1, 1], "seasonal_order": [0, 1, 1, 12]},
}


def _grouped(
    number: int,
    name: str,
    target: float,
    model: dict[str, Any],
    shape: tuple[int, int, int],
    kind: str,
    **more: Any,
) -> Workload:
    groups, rows, columns = shape
    return Workload(
        number,
        name,
        target,
        grouped(model),
        slices=groups,
        frames=panels.groups(rows),
        make=panels.panel(groups, rows, columns, kind),
        **more,
    )


def workloads(cores: int, folder: Path) -> tuple[Workload, ...]:
    """Return the workloads.

    Args:
        cores: Those of the machine: targets of slow estimators are 0.95 of ideal on them.
        folder: Where the module of callables is written.
    """
    poisson, family = "poisson", {"family": {"family": "Poisson"}}
    return (
        Workload(1, "rolling OLS, HAC and nonrobust: the main example", 120, MAIN,
                 slices=22_800, frames=panels.windows, quick=True),
        _grouped(2, "OLS, 20,000 groups x 250 x 6", 96, by_formula("OLS", 5),
                 (20_000, 250, 5), "linear"),
        _grouped(3, "OLS, 500,000 groups x 40 x 4", 1000, by_formula("OLS", 3),
                 (500_000, 40, 3), "linear"),
        _grouped(4, "Poisson GLM, 20,000 x 250 x 5", 110, by_formula("GLM", 4, init=family),
                 (20_000, 250, 4), poisson),
        _grouped(5, "Logit, 20,000 x 250 x 5", 150, by_formula("Logit", 4),
                 (20_000, 250, 4), "binary"),
        Workload(6, "quantile regression, 5,000 x 250 x 5 x 5 quantiles", 15, QUANTILES,
                 slices=5_000, frames=panels.groups(250),
                 make=panels.panel(5_000, 250, 4, "linear"), blocks=2),
        Workload(7, "pairs bootstrap, 5,000 of randhie Poisson", 96, BOOTSTRAP,
                 slices=5_000, frames=panels.replicates(7), blocks=2),
        Workload(8, "MixedLM, 100 panels of 50 x 10", 1.5 * 0.95 * cores, grouped(MIXED),
                 slices=100, frames=panels.groups(500), make=panels.mixed(100, 50, 10),
                 naive_fits=50, blocks=2, gain=1.5),
        Workload(9, "ARIMA(1,0,1), 200 series of 250", 1.3 * 0.95 * cores, grouped(ARIMA),
                 slices=200, frames=panels.groups(250), make=panels.series(200, 250),
                 naive_fits=100, blocks=2, gain=1.3),
        Workload(10, "20,000 callables of 5 ms", 0.95 * cores,
                 grouped({"callable": "busy:fit", "kwargs": {"loops": busy.loops(5e-3, folder)}}),
                 slices=20_000, frames=panels.groups(10),
                 make=panels.panel(20_000, 10, 1, "linear"),
                 blocks=2, gain=1.0),
        Workload(13, "SARIMAX(0,1,1)(0,1,1,12), 100 series of 240", 1.3 * 0.95 * cores,
                 grouped(AIRLINE), slices=100, frames=panels.groups(240),
                 make=panels.months(100, 240), naive_fits=50, blocks=2, gain=1.3),
        _grouped(14, "NegativeBinomial, 5,000 x 250 x 5", 0.95 * cores,
                 by_formula("NegativeBinomial", 4), (5_000, 250, 4), "dispersed",
                 blocks=2, gain=1.0),
        _grouped(0, "OLS, 2,000 groups x 250 x 6", 1, by_formula("OLS", 5),
                 (2_000, 250, 5), "linear", quick=True),
    )  # fmt: skip
