"""Results folders in the published schema, simulated: what these tests draw reports from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

TERMS = ("Intercept", "mkt", "smb", "hml", "mom")
LEVELS = (0.1, 1.0, 0.3, 0.2, -0.05)


def adjusted(p: np.ndarray) -> np.ndarray:
    """Return Benjamini-Hochberg p-values of finite p-values."""
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    result = np.empty_like(p)
    result[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return result


def simulate(
    folder: Path,
    *,
    groups: int = 30,
    windows: int = 0,
    replicates: int = 0,
    terms: tuple[str, ...] = TERMS,
    models: tuple[str, ...] = ("three-factor",),
    failed: float = 0.0,
    slow: float = 0.0,
    columns: tuple[str, ...] = (
        "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "p_adjusted",
    ),
    statistics: tuple[str, ...] = ("r_squared", "aic", "log_lik", "sigma"),
    seed: int = 1,
) -> Path:  # fmt: skip
    """Write the tables of a run whose coefficients walk through time differently in each group."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    t, r = max(1, windows), max(1, replicates)
    base = groups * t * r
    side = max(2, round(groups**0.5))
    names = np.array([f"S{i // side + 1}V{i % side + 1}" for i in range(max(groups, 1))])
    if groups > 60:
        names = np.array([f"firm-{i + 1:04d}" for i in range(groups)])
    group = np.repeat(np.arange(groups), t * r)
    time = np.tile(np.repeat(np.arange(t), r), groups)
    end = (np.datetime64("1954-06") + time).astype("datetime64[D]") + 29
    fits: dict[str, list[Any]] = {}
    rows: dict[str, list[Any]] = {}

    def keys(model: str, pick: np.ndarray) -> dict[str, Any]:
        said: dict[str, Any] = {
            "fit_key": np.array([f"{i:032x}" for i in pick]) if len(pick) < 50_000 else None,
            "model": np.repeat(model, len(pick)),
        }
        if groups > 1:
            said["portfolio"] = names[group[pick]]
        if windows:
            said["window_start"] = end[pick] - np.timedelta64(59 * 30, "D")
            said["window_end"] = end[pick]
        if replicates:
            said["replicate"] = (pick % r).astype(np.int64)
        return {key: value for key, value in said.items() if value is not None}

    states = []
    for m, model in enumerate(models):
        lost = draw.random(base) < failed
        late = ~lost & (draw.random(base) < slow)
        status = np.where(lost, "failed", np.where(late, "notConverged", "succeeded"))
        states.append(status)
        quality = 0.9 - 0.25 * draw.random(groups)[group] - 0.1 * draw.random(base) ** 3
        table = keys(model, np.arange(base)) | {
            "status": status,
            "nobs": np.full(base, 60),
            "converged": ~late,
            "warnings": np.where(late, "ConvergenceWarning: did not converge", ""),
            "separated": np.zeros(base, bool),
            "rank_deficient": draw.random(base) < failed / 4,
            "numerics": np.where(draw.random(base) < slow / 2, "unstable", "gated"),
            "engine": np.where(draw.random(base) < 0.99, "batched", "statsmodels"),
            "seconds": np.full(base, 4e-5),
            "reused": np.zeros(base, bool),
        }
        offered = {
            "r_squared": quality,
            "aic": 200 - 90 * quality + m,
            "log_lik": -100 + 40 * quality,
            "sigma": 2 * (1 - quality),
        }
        table |= {name: np.where(lost, np.nan, offered[name]) for name in statistics}
        for key, values in table.items():
            fits.setdefault(key, []).append(values)
        kept = np.flatnonzero(~lost)
        for k, term in enumerate(terms):
            level = LEVELS[k % len(LEVELS)] * (1 + 0.1 * m)
            own = level + 0.25 * draw.standard_normal(groups)
            walk = np.cumsum(0.03 * draw.standard_normal((groups, t)), axis=1)
            error = 0.08 * np.exp(0.4 * draw.standard_normal(base))
            estimate = (own[:, None] + walk)[group, time] + error * draw.standard_normal(base)
            statistic = estimate / error
            p = np.clip(2 * np.exp(-0.717 * np.abs(statistic) - 0.416 * statistic**2), 0, 1)
            every = {"estimate": estimate, "std_error": error, "statistic": statistic,
                     "p_value": p, "conf_low": estimate - 2 * error,
                     "conf_high": estimate + 2 * error}  # fmt: skip
            part = keys(model, kept) | {
                "component": np.repeat("", len(kept)),
                "term": np.repeat(term, len(kept)),
            }
            part |= {name: every[name][kept] for name in columns if name in every}
            if "p_adjusted" in columns:
                part["p_adjusted"] = adjusted(p[kept])
            part["dist"] = np.repeat("t", len(kept))
            for key, values in part.items():
                rows.setdefault(key, []).append(values)

    whole = {key: np.concatenate(values) for key, values in fits.items()}
    pq.write_table(pa.table(whole), folder / "fits.parquet")
    pq.write_table(
        pa.table({key: np.concatenate(values) for key, values in rows.items()}),
        folder / "coefficients.parquet",
    )
    broken = np.flatnonzero(whole["status"] == "failed")
    reasons = np.array(["SingularMatrix", "EstimatorError", "Timeout"])[
        draw.choice(3, len(broken), p=(0.7, 0.2, 0.1))
    ]
    labels = {"fit_key", "model", "portfolio", "window_start", "window_end", "replicate"}
    lost_table = {key: whole[key][broken] for key in whole if key in labels}
    lost_table |= {
        "reason": reasons,
        "message": np.array([f"{reason}: the matrix of regressors has rank 3 of 5, so that the "
                             "normal equations have no unique solution" for reason in reasons],
                            dtype=object),
        "reproduce": np.array(["modelrun fit 0f3a9c results/study"] * len(broken), dtype=object),
    }  # fmt: skip
    schema = (
        None
        if len(broken)
        else pa.schema([("model", pa.string()), ("reason", pa.string()), ("message", pa.string())])
    )
    pq.write_table(
        pa.table(lost_table) if len(broken) else schema.empty_table(),  # type: ignore[union-attr]
        folder / "failures.parquet",
    )
    status = np.concatenate(states)
    slices: dict[str, Any] = {}
    if groups > 1:
        slices["by"] = ["portfolio"]
    if windows:
        slices["window"] = {"column": "date", "size": 60, "step": 1, "kind": "rolling"}
    if replicates:
        slices["resample"] = {"method": "pairs", "replicates": replicates, "seed": 7}
    document = {
        "study": folder.name,
        "spec": {
            "data": {"dataset": "french", "where": "date >= '1949-07-01'"},
            "models": [
                {"name": model, "estimator": "OLS",
                 "formula": "excess ~ " + " + ".join(term for term in terms if term != "Intercept"),
                 "fit": {"cov_type": "HAC", "cov_kwds": {"maxlags": 6}}}
                for model in models
            ],
            "slices": slices,
            "results": {"coefficients": list(columns), "confLevel": "0.95",
                        "adjust": {"method": "fdr_bh", "within": ["model", "term"]}},
        },
        "fits": {"total": len(status), "skipped": 0, "reused": 0}
        | {name: int((status == name).sum()) for name in ("succeeded", "notConverged", "failed")},
        "versions": {"python": "3.11.7", "numpy": "2.4.6", "statsmodels": "0.15.0",
                     "pandas": "2.3.3", "pyarrow": "26.0.1", "scipy": "1.17.0"},
        "audit": {"fits": 300, "random": 150, "violations": 0,
                  "sentence": "300 of 22,800 batched fits were done again by plain statsmodels."},
        "timings": {"total": 6.4},
        "data": {"fingerprint": "b1946ac92492d2347c6235b4d2611184", "rows": 24570},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that writes a simulated results folder."""
    made: dict[str, Path] = {}

    def make(name: str, **options: Any) -> Path:
        if name not in made:
            made[name] = simulate(tmp_path_factory.mktemp("study") / name, **options)
        return made[name]

    return make
