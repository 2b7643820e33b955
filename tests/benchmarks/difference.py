"""How far tables are from the naive program's numbers, in the units of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

Sample = tuple[str, int, pd.DataFrame]
"""Model, slice and the naive program's coefficients."""


def largest_difference(folder: Path, samples: Sequence[Sample]) -> float:
    """Return the largest difference of any asked column between a run's tables and the samples.

    Estimates and limits in units of max(|estimate|, error), errors relative, statistics in units
    of max(1, |statistic|), p-values relative in units of max(1, statistic squared): 1e-8 is what
    the contract allows, 1e-6 for quantile regression.
    """
    keys: dict[str, np.ndarray] = {}
    fits = pq.read_table(folder / "fits.parquet", columns=["fit_key", "model"])
    for model in {model for model, _, _ in samples}:
        mine = pc.equal(fits.column("model").cast("string"), model)
        keys[model] = fits.filter(mine).column("fit_key").to_numpy(zero_copy_only=False)
    wanted = {keys[model][at] for model, at, _ in samples}
    table = pq.read_table(
        folder / "coefficients.parquet", filters=[("fit_key", "in", wanted)]
    ).to_pandas()
    parts = dict(list(table.groupby(["model", "fit_key"], observed=True)))
    return max(
        difference(parts[model, keys[model][at]], reference) for model, at, reference in samples
    )


def difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """Return the largest difference of two tables with the same terms in the same order."""
    assert len(ours) == len(theirs), (list(ours["term"]), list(theirs.index))
    estimate = np.abs(theirs["estimate"].to_numpy())
    error = theirs.get("std_error", theirs["estimate"] * 0).fillna(0).to_numpy()
    size = np.fmax(estimate, error)
    statistic = np.abs(theirs.get("statistic", theirs["estimate"] * 0).to_numpy())
    units = {
        "estimate": size,
        "conf_low": size,
        "conf_high": size,
        "std_error": error,
        "statistic": np.fmax(1, statistic),
        "p_value": np.fmax(1, statistic**2) * theirs.get("p_value", 0 * theirs["estimate"])
        + 1e-300,
    }
    worst = 0.0
    for name in theirs.columns.intersection(ours.columns):
        a, b = ours[name].to_numpy(dtype=float), theirs[name].to_numpy(dtype=float)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(a - b) / np.asarray(units[name]))
        apart[np.isnan(apart)] = np.inf  # a number on one side only
        worst = max(worst, float(np.max(apart, initial=0.0)))
    return worst
