"""The study: everything that a worker must know to fit any task, as one folder of files.

The runner writes the folder once; every process opens it memory-mapped, so that the panel lies
in memory once per machine. The folder is self-contained and travels to other nodes as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.plan.slices import Slices
from modelrun_api.spec import Model, Resample

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What every fit must compute; part of each fit's key."""

    coefficients: tuple[str, ...]
    """Columns of the coefficients table, without p_adjusted."""

    fits: tuple[str, ...]
    """Columns of the fits table that were asked for."""

    observations: tuple[str, ...]
    """Columns of the observations table; empty: none."""

    conf_level: float
    """Level of confidence intervals."""


@dataclass(frozen=True, slots=True)
class Design:
    """A design that was built once for the whole panel, because that is exact for its formula."""

    endog: Floats
    """The response, shape (n,), n the rows of the panel; NaN where a factor is missing."""

    exog: Floats
    """The design matrix in Fortran order, shape (n, p); NaN where a factor is missing."""

    endog_name: str
    exog_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model of the study with all decisions made."""

    name: str
    spec: Model
    columns: tuple[str, ...]
    """Columns of the panel that it reads."""

    engine: Literal["batched", "statsmodels", "callable"]
    reason: str
    """Why this engine, in words for `modelrun plan`."""

    design: Design | None
    """The whole-panel design, or None where every slice builds its own."""

    design_reason: str
    """Why the design is built once or per slice, in words for `modelrun plan`."""


@dataclass(frozen=True, slots=True)
class Study:
    """All that workers need, opened memory-mapped."""

    folder: Path
    models: tuple[PlannedModel, ...]
    """In the order of their names; fit f of the run is model f // S on slice f % S."""

    slices: Slices
    panel: pa.Table
    """The needed columns, one chunk each, sorted by group and window column, shape (n,)."""

    groups: pa.Table
    """One row per group: the values of the `by` columns."""

    window_column: str | None
    min_rows: int | None
    resample: Resample | None
    outputs: Outputs
    fit_timeout_seconds: float
    code_folder: Path | None
    """Where the user's own modules are, for callables."""

    formula_engine: str
    """The pinned formula package, `patsy`."""
