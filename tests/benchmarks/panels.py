"""Data of the workloads: panels with known seeds, bundled data, and how slices are cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.workload import Frames
from modelrun import datasets
from modelrun.plan import resample
from modelrun_api.spec import Data, Resample

ROW_GROUP = 1_000_000


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
            case "dispersed":
                mean = np.exp(np.clip(linear, -3, 3)) * random.gamma(2, 0.5, size=n)
                y = random.poisson(mean).astype(float)
            case _:
                raise ValueError(kind)
        frame = pd.DataFrame({f"x{i}": x[:, i] for i in range(columns)})
        frame.insert(0, "y", y)
        frame.insert(0, "g", np.arange(groups).repeat(rows))
        frame.to_parquet(path, index=False)

    return make


def large(path: Path, size: float, rows: int = 250, columns: int = 5) -> int:
    """Write a panel of at least so many bytes, row group by row group; return its groups."""
    random = np.random.default_rng(2)
    groups_a_part = ROW_GROUP // rows
    parts = int(np.ceil(size / (8 * (columns + 2) * groups_a_part * rows)))
    with pq.ParquetWriter(path, _columns(random, 0, 1, rows, columns).schema) as writer:
        for part in range(parts):
            writer.write_table(_columns(random, part * groups_a_part, groups_a_part, rows, columns))
    return parts * groups_a_part


def _columns(
    random: np.random.Generator, first: int, groups: int, rows: int, columns: int
) -> pa.Table:
    x = random.normal(size=(columns, groups * rows))
    y = 0.2 + x.sum(axis=0) + random.normal(size=groups * rows)
    names = {f"x{i}": x[i] for i in range(columns)}
    return pa.table({"g": np.arange(first, first + groups).repeat(rows), "y": y, **names})


def mixed(panels: int, firms: int, years: int) -> Callable[[Path], None]:
    """Return a maker of panels of firms with effects of their own."""

    def make(path: Path) -> None:
        random = np.random.default_rng(3)
        n = panels * firms * years
        frame = pd.DataFrame({"g": np.arange(panels).repeat(firms * years)})
        frame["firm"] = np.tile(np.arange(firms).repeat(years), panels)
        frame["x0"], frame["x1"] = random.normal(size=(2, n))
        effect = random.normal(size=panels * firms).repeat(years)
        frame["y"] = 1 + frame.x0 - 0.5 * frame.x1 + effect + random.normal(size=n)
        frame.to_parquet(path, index=False)

    return make


def series(count: int, length: int) -> Callable[[Path], None]:
    """Return a maker of ARMA(1, 1) series about a mean of one."""

    def make(path: Path) -> None:
        random = np.random.default_rng(4)
        noise = random.normal(size=(length + 50, count))
        y = np.zeros_like(noise)
        for t in range(1, len(noise)):
            y[t] = 0.5 * y[t - 1] + noise[t] + 0.3 * noise[t - 1]
        frame = pd.DataFrame({"g": np.arange(count).repeat(length)})
        frame["t"] = np.tile(np.arange(length), count)
        frame["y"] = 1 + y[50:].T.reshape(-1)
        frame.to_parquet(path, index=False)

    return make


def months(count: int, length: int) -> Callable[[Path], None]:
    """Return a maker of monthly series that the airline model describes."""

    def make(path: Path) -> None:
        random = np.random.default_rng(5)
        noise = random.normal(size=(length + 13, count))
        moved = noise[13:] - 0.4 * noise[12:-1] - 0.6 * noise[1:-12] + 0.24 * noise[:-13]
        y = np.cumsum(moved, axis=0)
        for t in range(12, length):
            y[t] += y[t - 12]
        frame = pd.DataFrame({"g": np.arange(count).repeat(length)})
        frame["t"] = np.tile(np.arange(length), count)
        frame["y"] = y.T.reshape(-1)
        frame.to_parquet(path, index=False)

    return make


def groups(rows: int) -> Frames:
    """Return what cuts groups of so many rows from a sorted panel."""

    def frames(path: Path, picks: list[int]) -> list[pd.DataFrame]:
        table = pq.read_table(path)
        return [table.slice(pick * rows, rows).to_pandas() for pick in picks]

    return frames


def windows(_: Path, picks: list[int]) -> list[pd.DataFrame]:
    """Cut rolling windows of 60 months from the bundled portfolios."""
    table = datasets.read(Data(dataset="french"), base=Path(), columns=None).to_pandas()

    def every() -> Iterator[pd.DataFrame]:
        for _, frame in table.groupby("portfolio", sort=True):
            ordered = frame.sort_values("date")
            for start in range(len(ordered) - 59):
                yield ordered.iloc[start : start + 60]

    wanted = set(picks)
    return [frame for number, frame in enumerate(every()) if number in wanted]


def replicates(seed: int) -> Frames:
    """Return what draws replicates of the bundled doctor visits by their published definition."""

    def frames(_: Path, picks: list[int]) -> list[pd.DataFrame]:
        table = datasets.read(Data(dataset="randhie"), base=Path(), columns=None).to_pandas()
        how = Resample(method="pairs", replicates=max(picks) + 1, seed=seed)
        return [table.iloc[resample.rows(how, len(table), pick)] for pick in picks]

    return frames
