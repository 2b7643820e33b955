"""The engine that runs anything: statsmodels, fit by fit, called well.

No summary, no formula parsed twice, only what is asked for is computed. Every fit stands alone:
what goes wrong with one is a row of the frame.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from modelrun.engines import failures, frame_builder
from modelrun.engines.fitter import Fitter, fitter
from modelrun.engines.guard import Caught, Guard
from modelrun.engines.patience import patiently
from modelrun.engines.record import FitRecord
from modelrun.engines.slice_rows import PanelValues
from modelrun.plan.study import Study
from modelrun.plan.task import Task

ONE_AT_A_TIME = threading.Lock()
"""Fits listen to warnings, and Python keeps one list of listeners for all threads."""


@dataclass(slots=True)
class _Prepared:
    """What was made for one study; replaced as a whole, so that threads may share it."""

    study: Study
    values: PanelValues
    fitters: dict[int, Fitter]


class StatsmodelsEngine:
    """Fits by statsmodels; remembers what it prepared for the model it last worked on."""

    name = "statsmodels"

    def __init__(self) -> None:
        """Nothing is prepared yet."""
        self._prepared: _Prepared | None = None

    def fit(self, study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
        """Fit every slice of the task; see modelrun.engines.engine.Engine."""
        records = self.records(study, task, guard)
        numbers = task.model * len(study.slices) + task.fits[: len(records)]
        return frame_builder.from_records(study.outputs, numbers, records)

    def records(self, study: Study, task: Task, guard: Guard) -> list[FitRecord]:
        """Fit slices while the patience of the task lasts; return one record each, in order."""
        prepared = self.fitter(study, task.model)
        records: list[FitRecord] = []
        for index in patiently(task):
            with ONE_AT_A_TIME:
                outcome = guard.call(index, partial(prepared.fit, index))
            if isinstance(outcome, Caught):
                outcome = failures.record_of(outcome, engine=self.name)
            records.append(outcome)
        return records

    def fitter(self, study: Study, model: int) -> Fitter:
        """Return what fits the slices of a model, prepared once."""
        prepared = self._prepared
        if prepared is None or prepared.study is not study:
            prepared = self._prepared = _Prepared(study, PanelValues(study.panel), {})
        if model not in prepared.fitters:
            prepared.fitters[model] = fitter(study, study.models[model], prepared.values)
        return prepared.fitters[model]
