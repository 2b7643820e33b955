"""What a run would do: its fits, what is stored of them, and why the others are new.

This is what `modelrun plan` shows and what the preflight tells the operator; nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from modelrun.plan.build import Plan
from modelrun.store.store import Store

if TYPE_CHECKING:
    from modelrun.pilot import Pilot

DEFINITION = "plan.json"
"""What defined the models of the last run at a location."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ModelForecast:
    """One model of the plan."""

    name: str
    engine: str
    engine_reason: str
    design_reason: str
    columns: tuple[str, ...]
    total: int
    stored: int
    changed: tuple[str, ...]
    """Fields that differ from the last run here; empty where nothing was run or nothing changed."""

    seconds_per_fit: float | None
    """The pilot's; None without one."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The whole plan."""

    location: str
    rows: int
    groups: int
    slices: int
    models: tuple[ModelForecast, ...]
    data_changed: bool
    """Whether there was a run here, on other data."""

    pilot: Pilot | None
    workers: int

    def document(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "location": self.location,
            "rows": self.rows,
            "groups": self.groups,
            "slices": self.slices,
            "fits": {
                "total": sum(model.total for model in self.models),
                "stored": sum(model.stored for model in self.models),
            },
            "dataChanged": self.data_changed,
            "models": [
                {
                    "name": model.name,
                    "engine": model.engine,
                    "engineReason": model.engine_reason,
                    "design": model.design_reason,
                    "columns": list(model.columns),
                    "fits": {"total": model.total, "stored": model.stored},
                    "changed": list(model.changed),
                    "secondsPerFit": model.seconds_per_fit,
                }
                for model in self.models
            ],
            "forecast": None
            if self.pilot is None
            else {
                "workers": self.workers,
                "seconds": round(self.pilot.forecast(self.workers), 3),
                "workerSeconds": round(self.pilot.worker_seconds, 3),
                "memoryBytesPerWorker": self.pilot.memory_bytes,
            },
        }


def open_fits(plan: Plan, store: Store) -> Ints:
    """Return the fits that are not stored, as model * S + slice."""
    return np.flatnonzero(store.lookup(plan.key_hi, plan.key_lo) < 0)


def forecast(
    plan: Plan, store: Store, *, rows: int, todo: Ints, pilot: Pilot | None, workers: int
) -> Forecast:
    """Say what a run would do.

    Args:
        plan: The plan.
        store: The location, open for reading.
        rows: Rows of the data.
        todo: The open fits.
        pilot: What a few of them took.
        workers: Workers of the run.
    """
    before = _before(store)
    slices = len(plan.study.slices)
    models = []
    for at, (model, digest) in enumerate(zip(plan.study.models, plan.digests, strict=True)):
        left = int(np.count_nonzero(todo // slices == at)) if slices else 0
        earlier = before.get("models", {}).get(model.name)
        models.append(
            ModelForecast(
                name=model.name,
                engine=model.engine,
                engine_reason=model.reason,
                design_reason=model.design_reason,
                columns=model.columns,
                total=slices,
                stored=slices - left,
                changed=digest.changed_since(earlier) if earlier and left else (),
                seconds_per_fit=None if pilot is None else pilot.seconds_per_fit.get(at),
            )
        )
    return Forecast(
        location=store.place.uri,
        rows=rows,
        groups=plan.study.groups.num_rows if plan.study.groups.num_columns else 1,
        slices=slices,
        models=tuple(models),
        data_changed=before.get("data", plan.data_fingerprint) != plan.data_fingerprint,
        pilot=pilot,
        workers=workers,
    )


def _before(store: Store) -> Mapping[str, Any]:
    content = store.place.read(DEFINITION)
    if content is None:
        return {}
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
