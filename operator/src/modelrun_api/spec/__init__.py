"""The spec of a ModelRun: its sections, and the rules that hold between them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from modelrun_api.spec.data import Code, Data, Location, Volume
from modelrun_api.spec.execution import Budget, Cluster, Execution, Program
from modelrun_api.spec.model import Model
from modelrun_api.spec.results import Adjust, Report, Results
from modelrun_api.spec.slices import Resample, Slices, Window
from modelrun_api.wire import Rule, Wire, refused, unchangeable

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

    rules = (
        Rule(
            "has(self.program) != has(self.data)",
            "give data and models, or a program",
        ),
        Rule(
            "has(self.data) == (has(self.models) && size(self.models) > 0)",
            "data needs at least one model, and a program has none",
            ".models",
        ),
        Rule(
            "!has(self.program) || !has(self.slices) || !(has(self.slices.by) || "
            "has(self.slices.window) || has(self.slices.resample))",
            "a program has no slices",
            ".slices",
        ),
        *unchangeable(
            "data",
            "models",
            "code",
            "slices",
            "results",
            "execution",
            "program",
            "cluster",
            "backoffLimit",
        ),
    )

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
            for name in ("data", "models", "slices"):
                given = getattr(self, name)
                if given and given != Slices():
                    raise refused(
                        "program stands instead of data, models and slices: give one kind", name
                    )
            return self
        if self.data is None:
            raise refused("data is missing: give data and models, or a program")
        if not self.models:
            raise refused("models is empty: give at least one model", "models")
        return self

    @model_validator(mode="after")
    def _model_names_are_unique(self) -> Self:
        seen: dict[str, int] = {}
        for index, model in enumerate(self.models):
            if model.name in seen:
                raise refused(
                    f"the model name {model.name} is used twice, first by "
                    f"spec.models[{seen[model.name]}]; names are unique",
                    "models",
                    index,
                    "name",
                )
            seen[model.name] = index
        return self
