"""The spec of a ModelRun: its sections, and the rules that hold between them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from modelrun_api.spec.data import Code, Data, Location, Volume
from modelrun_api.spec.execution import Budget, Cluster, Execution, Program
from modelrun_api.spec.model import Model
from modelrun_api.spec.results import Adjust, Report, Results
from modelrun_api.spec.slices import Resample, Slices, Window
from modelrun_api.wire import Wire

__all__ = [
    "Adjust",
    "Budget",
    "Cluster",
    "Code",
    "Data",
    "Execution",
    "Location",
    "Model",
    "ModelRunSpec",
    "Program",
    "Report",
    "Resample",
    "Results",
    "Slices",
    "Volume",
    "Window",
]


class ModelRunSpec(Wire):
    """What to fit, to which data, and what to keep: data and models, or a program."""

    data: Data | None = None
    """Where the rows come from."""

    models: Annotated[list[Model], Field(max_length=256)] = []
    """Every model is fitted to every slice; the order has no meaning."""

    code: Code | None = None
    """The user's own modules; on a laptop the folder of the file."""

    slices: Slices = Slices()
    """How the data become many fits."""

    results: Results = Results()
    """What is computed and kept."""

    execution: Execution = Execution()
    """How fits are computed."""

    program: Program | None = None
    """The user's own joblib program, instead of data, models and slices."""

    cluster: Cluster | None = None
    """The Dask cluster of the run; needed on a cluster, ignored on a laptop."""

    startup_deadline_seconds: Annotated[int, Field(ge=30, le=86_400)] = 1200
    """The longest wait for the cluster's workers."""

    active_deadline_seconds: Annotated[int, Field(ge=60, le=2_592_000)] | None = None
    """The longest that the run may take as a whole; by default the profile's limit."""

    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 2
    """How often the run is tried again after a failure of the infrastructure."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=315_360_000)] | None = None
    """Delete the ModelRun this long after its end; its results stay."""

    budget: Budget | None = None
    """What the run may cost."""

    suspend: bool | None = None
    """While true nothing of the run exists on the cluster; finished fits stay."""

    @model_validator(mode="after")
    def _data_or_program(self) -> Self:
        if self.program is not None:
            if self.data is not None or self.models or self.slices != Slices():
                raise ValueError("program stands instead of data, models and slices; give one kind")
            return self
        if self.data is None:
            raise ValueError("data is missing: give data and models, or a program")
        if not self.models:
            raise ValueError("models is empty: give at least one model")
        return self

    @model_validator(mode="after")
    def _model_names_are_unique(self) -> Self:
        seen: set[str] = set()
        for model in self.models:
            if model.name in seen:
                raise ValueError(f"model name {model.name!r} is used twice; names are unique")
            seen.add(model.name)
        return self

    @model_validator(mode="after")
    def _adjusted_needs_adjust(self) -> Self:
        if "p_adjusted" in self.results.coefficients and self.results.adjust is None:
            raise ValueError("results.coefficients asks for p_adjusted: say how in results.adjust")
        return self
