"""Peers, asked for the same outputs: estimates, errors, statistics, p-values, intervals.

Each runs cold in a process of its own, like ours, in an environment of its own (`make bench-peers`
makes it), because peers hold other packages back; ours runs before it and twice after it. A slow
one is timed on some of the slices. Only its fits are scaled to all of them: what happens once in a
process (imports, reading, workers, compilation) counts once. What it wrote is compared with the
naive program in the units of the contract.

    python -m benchmarks.peers PEER NUMBER DATA FITS OUT     runs one peer
"""

from __future__ import annotations

import json
import statistics
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import command
from benchmarks.workload import Workload

ALLOWED = 1e-8

WARM = 20
"""Fits for each core until the workers of joblib are there, with what they import."""

Fit = Callable[[], pd.DataFrame]
"""Fits the slices that are timed and returns their coefficients, everything being ready for it."""


def catalogue() -> dict[tuple[int, str], tuple[str, int]]:
    """Return what is compared: by workload and peer, what it does and how many slices are timed."""
    naive = "the naive program on all cores"
    return {
        (1, "joblib"): (naive, 1000),
        (1, "RollingOLS"): ("rolling least squares, nonrobust only: it has no HAC", 22_800),
        (2, "joblib"): (naive, 2000),
        (2, "pyfixest"): ("feols, one split a group", 500),
        (2, "polars-ols"): ("least squares with statistics over groups", 20_000),
        (3, "joblib"): (naive, 2000),
        (3, "pyfixest"): ("feols, one split a group", 500),
        (3, "polars-ols"): ("least squares with statistics over groups", 500_000),
        (4, "joblib"): (naive, 1000),
        (5, "joblib"): (naive, 1000),
        (6, "joblib"): (naive, 400),
        (7, "joblib"): (naive, 200),
        (8, "joblib"): (naive, 100),
        (9, "joblib"): (naive, 200),
        (9, "statsforecast"): ("ARIMA by CSS-ML", 200),
    }


def measure(workload: Workload, peer: str, folder: Path, python: str) -> dict[str, Any]:
    """Return how long a peer takes and how far its numbers are from the naive program's."""
    does, timed = catalogue()[workload.number, peer]
    row: dict[str, Any] = {"number": workload.number, "peer": peer, "does": does}
    ours = [_ours(workload, folder)]
    data = folder / f"data-{workload.number}.parquet"
    out = folder / f"peer-{workload.number}-{peer}.parquet"
    out.unlink(missing_ok=True)
    arguments = [python, "-m", "benchmarks.peers", peer, str(workload.number), str(data)]
    try:
        cost = command(
            [*arguments, str(timed), str(out)], log=folder / f"log-peer-{peer}.txt", limit=580
        )
    except Exception as error:  # a peer that does not run is a row of the table too
        return row | {"failed": f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"}
    ours += [_ours(workload, folder) for _ in range(2)]
    mine = statistics.median(ours)
    began = json.loads(out.with_suffix(".json").read_text())["began"]
    seconds = began + (cost.seconds - began) * workload.slices / timed
    table = pd.read_parquet(out)
    apart = _apart(workload, folder, table)
    return row | {
        "fitsTimed": timed * table["model"].nunique(),
        "beganSeconds": round(began, 2),
        "seconds": round(seconds, 1),
        "ours": round(mine, 2),
        "faster": round(seconds / mine, 1),
        "largestDifference": apart,
        "meets": bool(apart <= (100 * ALLOWED if workload.number == 6 else ALLOWED)),
    }


def _ours(workload: Workload, folder: Path) -> float:
    """Return the seconds of our program, cold, without report and audit."""
    from benchmarks import programs

    return programs.ours(workload, folder, everything=False)[0].seconds


def _apart(workload: Workload, folder: Path, table: pd.DataFrame) -> float:
    """Return the largest difference on a dozen of the slices that a peer has done."""
    from benchmarks import naive
    from benchmarks.difference import difference

    at = np.unique(table["slice"])
    picks = at[np.linspace(0, len(at) - 1, 12).astype(int)].tolist()
    frames = workload.frames(folder / f"data-{workload.number}.parquet", picks)
    worst = 0.0
    for model in workload.models:
        mine = table[table["model"] == model["name"]]
        if mine.empty:
            continue
        for pick, frame in zip(picks, frames, strict=True):
            reference, _ = naive.fit(frame, model)
            part = mine[mine["slice"] == pick].set_index("term").reindex(reference.index)
            asked = reference.columns[part[reference.columns].notna().any()]
            apart = difference(part.reset_index(), reference[asked])
            worst = max(worst, np.inf if len(asked) < len(reference.columns) else apart)
    return float(worst)


# -- what follows runs in the environment of the peers -------------------------------------------


def run(peer: str, number: int, data: Path, fits: int, out: Path) -> None:
    """Run one peer on some slices; write its coefficients and when it began to fit them."""
    import time

    import psutil

    from benchmarks.workloads import workloads

    warnings.simplefilter("ignore")
    workload = next(w for w in workloads(2, data.parent) if w.number == number)
    some = {"joblib": _joblib, "pyfixest": _pyfixest}
    every = {"RollingOLS": _rolling, "polars-ols": _polars, "statsforecast": _statsforecast}
    import_of = {"pyfixest": "pyfixest", "polars-ols": "polars_ols", "statsforecast": peer}
    __import__(import_of.get(peer, "statsmodels.api"))
    if peer in some:
        fit = some[peer](workload, data, fits)
    else:
        fit = partial(every[peer], workload, data)
    began = time.time() - psutil.Process().create_time()
    fit().to_parquet(out, index=False)
    out.with_suffix(".json").write_text(json.dumps({"began": began}))


def _joblib(workload: Workload, data: Path, fits: int) -> Fit:
    from joblib import Parallel, cpu_count, delayed

    picks = np.unique(np.linspace(0, workload.slices - 1, fits).astype(int)).tolist()
    frames = workload.frames(data, picks)
    calls = [
        delayed(_naive)(frame, model, pick)
        for pick, frame in zip(picks, frames, strict=True)
        for model in workload.models
    ]
    parallel = Parallel(n_jobs=-1)
    if fits < workload.slices:  # what is not scaled is timed from its start, and done once
        parallel(calls[: WARM * cpu_count()])
    return lambda: pd.concat(parallel(calls), ignore_index=True)


def _naive(frame: pd.DataFrame, model: dict[str, Any], pick: int) -> pd.DataFrame:
    from benchmarks import naive

    warnings.simplefilter("ignore")
    found, _ = naive.fit(frame, model)
    return found.rename_axis("term").reset_index().assign(model=model["name"], slice=pick)


def _rolling(workload: Workload, data: Path) -> pd.DataFrame:
    from scipy import stats
    from statsmodels.regression.rolling import RollingOLS

    from modelrun import datasets
    from modelrun_api.spec import Data

    del data
    table = datasets.read(Data(dataset="french"), base=Path(), columns=None).to_pandas()
    parts, first = [], 0
    for _, group in table.groupby("portfolio", sort=True):
        frame = group.sort_values("date")
        windows = len(frame) - 59
        for model in workload.models:
            if model.get("fit", {}).get("cov_type") == "HAC":
                continue
            found = RollingOLS.from_formula(model["formula"], frame, window=60).fit()
            low_high = found.conf_int()
            wide = {
                "estimate": found.params, "std_error": found.bse, "statistic": found.tvalues,
            }  # fmt: skip
            t = np.abs(found.tvalues.to_numpy())
            tails = 2 * stats.t.sf(t, 60 - found.params.shape[1])
            wide["p_value"] = pd.DataFrame(tails, columns=found.params.columns)
            names = found.params.columns
            columns = {k: v.to_numpy()[59:].reshape(-1) for k, v in wide.items()}
            for name, side in (("conf_low", "lower"), ("conf_high", "upper")):
                values = low_high.xs(side, axis=1, level=1)[names].to_numpy()
                columns[name] = values[59:].reshape(-1)
            columns["term"] = np.tile(names, windows)
            columns["slice"] = first + np.arange(windows).repeat(len(names))
            parts.append(pd.DataFrame(columns).assign(model=model["name"]))
        first += windows
    return pd.concat(parts, ignore_index=True)


def _pyfixest(workload: Workload, data: Path, fits: int) -> Fit:
    import pyfixest

    rows = 250 if workload.number == 2 else 40
    names = {
        "Coefficient": "term", "Estimate": "estimate", "Std. Error": "std_error",
        "t value": "statistic", "Pr(>|t|)": "p_value", "2.5%": "conf_low", "97.5%": "conf_high",
    }  # fmt: skip
    frame = pd.read_parquet(data)

    def fit(count: int) -> pd.DataFrame:
        some = frame.iloc[: count * rows]
        found = pyfixest.feols(workload.models[0]["formula"], some, vcov="iid", split="g")
        parts = [
            model.tidy().reset_index().assign(slice=number)
            for number, model in enumerate(found.to_list())
        ]
        table = pd.concat(parts, ignore_index=True).rename(columns=names)
        return table[[*names.values(), "slice"]].assign(model=workload.models[0]["name"])

    fit(2)  # numba compiles
    return partial(fit, fits)


def _polars(workload: Workload, data: Path) -> pd.DataFrame:
    import polars as pl
    import polars_ols  # noqa: F401 - registers the namespace
    from scipy import stats

    names = workload.models[0]["formula"].partition("~")[2].replace(" ", "").split("+")
    least = pl.col("y").least_squares.ols(
        *(pl.col(name) for name in names), mode="statistics", add_intercept=True
    )
    found = (
        pl.read_parquet(data)
        .group_by("g", maintain_order=True)
        .agg(least.alias("s"), pl.len().alias("n"))
    )
    if found.schema["s"].base_type() is pl.List:
        found = found.explode("s")
    found = found.unnest("s")
    lists = [c for c, kind in found.schema.items() if kind.base_type() is pl.List]
    table = found.explode(lists).to_pandas()
    columns = {
        "feature_names": "term", "coefficients": "estimate", "standard_errors": "std_error",
        "t_values": "statistic", "p_values": "p_value",
    }  # fmt: skip
    table = table.rename(columns=columns)
    table["term"] = table["term"].replace("const", "Intercept")
    reach = stats.t.ppf(0.975, table["n"] - len(names) - 1) * table["std_error"]
    table["conf_low"], table["conf_high"] = table["estimate"] - reach, table["estimate"] + reach
    kept = [*columns.values(), "conf_low", "conf_high", "g"]
    return table[kept].rename(columns={"g": "slice"}).assign(model=workload.models[0]["name"])


def _statsforecast(workload: Workload, data: Path) -> pd.DataFrame:
    from scipy import stats
    from statsforecast.arima import arima

    parts = []
    for number, (_, frame) in enumerate(pd.read_parquet(data).groupby("g", sort=True)):
        found = arima(frame["y"].to_numpy(), order=(1, 0, 1), include_mean=True)
        terms = {"intercept": "const", "ar1": "ar.L1", "ma1": "ma.L1"}
        estimate = pd.Series(found["coef"])
        error = pd.Series(np.sqrt(np.diag(found["var_coef"])), index=estimate.index)
        t = estimate / error
        parts.append(
            pd.DataFrame(
                {
                    "term": [terms.get(name, name) for name in estimate.index],
                    "estimate": estimate.to_numpy(),
                    "std_error": error.to_numpy(),
                    "statistic": t.to_numpy(),
                    "p_value": 2 * stats.norm.sf(np.abs(t)),
                    "conf_low": (estimate - 1.96 * error).to_numpy(),
                    "conf_high": (estimate + 1.96 * error).to_numpy(),
                    "slice": number,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).assign(model=workload.models[0]["name"])


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
