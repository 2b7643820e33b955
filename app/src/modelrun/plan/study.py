"""The study: everything that a worker must know to fit any task, as one folder of files.

The runner writes the folder once; every process opens it memory-mapped, so that the panel lies
in memory once per machine. The folder is self-contained and travels to other nodes as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.datasets.parquet_rows import ParquetRows
from modelrun.plan.slices import Slices

if TYPE_CHECKING:
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
class DesignColumn:
    """One column of a design; a column of the panel stays where it is, nothing is copied."""

    name: str
    values: Floats | None
    """Shape (n,), n the rows of the panel; NaN where a factor is missing. None: all are 1."""

    source: str | None = None
    """The panel's column that this is; None where it was computed."""


@dataclass(frozen=True, slots=True)
class Design:
    """A design that was built once for the whole panel, because that is exact for its formula."""

    response: DesignColumn
    terms: tuple[DesignColumn, ...]
    """The columns of the design matrix."""

    @classmethod
    def of_matrix(
        cls, endog: Floats, exog: Floats, endog_name: str, exog_names: Sequence[str]
    ) -> Design:
        """Return the design of a response (n,) and a matrix (n, p)."""
        terms = [
            DesignColumn(name, np.ascontiguousarray(exog[:, j]))
            for j, name in enumerate(exog_names)
        ]
        return cls(DesignColumn(endog_name, endog), tuple(terms))

    @property
    def endog(self) -> Floats:
        """The response, shape (n,)."""
        assert self.response.values is not None
        return self.response.values

    @property
    def exog_names(self) -> tuple[str, ...]:
        """The names of the p terms."""
        return tuple(term.name for term in self.terms)

    def exog(self, rows: slice | npt.NDArray[np.int64] = slice(None)) -> Floats:
        """Return rows of the design matrix in Fortran order, shape (rows, p)."""
        columns = [None if term.values is None else term.values[rows] for term in self.terms]
        matrix = np.empty((len(self.endog[rows]), len(columns)), order="F")
        for j, values in enumerate(columns):
            matrix[:, j] = 1.0 if values is None else values
        return matrix


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as its file has it; see modelrun_api.spec.Model.

    It was validated long ago, so that workers need not load what validates.
    """

    name: str
    estimator: str | None = None
    formula: str | None = None
    endog: str | None = None
    exog: list[str] = field(default_factory=list)
    time: str | None = None
    init: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    callable: str | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> Self:
        """Return the same as plain data."""
        return cls(**{each.name: getattr(model, each.name) for each in fields(cls)})

    def document(self) -> dict[str, Any]:
        """Return the JSON document, without what is None."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Resampling:
    """How replicates are drawn; see modelrun_api.spec.Resample."""

    method: Literal["pairs", "block"]
    replicates: int
    seed: int
    block_length: int | None = None

    @classmethod
    def of(cls, resample: Resample) -> Self:
        """Return the same as plain data."""
        return cls(resample.method, resample.replicates, resample.seed, resample.block_length)

    def document(self) -> dict[str, Any]:
        """Return the JSON document, without what is None."""
        found = {"method": self.method, "replicates": self.replicates, "seed": self.seed}
        return found if self.block_length is None else found | {"blockLength": self.block_length}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Self:
        """Return what `document` has written."""
        draw = document["method"], document["replicates"], document["seed"]
        return cls(*draw, document.get("blockLength"))


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model of the study with all decisions made."""

    name: str
    spec: ModelSpec
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
    """Where it is written as soon as another process needs it (modelrun.plan.study_files)."""

    models: tuple[PlannedModel, ...]
    """In the order of their names; fit f of the run is model f // S on slice f % S."""

    slices: Slices
    panel: pa.Table
    """The needed columns, one chunk each, sorted by group and window column, shape (n,)."""

    groups: pa.Table
    """One row per group: the values of the `by` columns."""

    window_column: str | None
    min_rows: int | None
    resample: Resampling | None
    outputs: Outputs
    fit_timeout_seconds: float
    code_folder: Path | None
    """Where the user's own modules are, for callables."""

    formula_engine: str
    """The pinned formula package, `patsy`."""

    resting: ParquetRows | None = None
    """Where the rows are that are too many for `panel`, which has none then: see plan.near."""
