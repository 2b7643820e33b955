"""The engine that runs anything: statsmodels, fit by fit, called well.

No summary, no formula parsed twice, only what is asked for is computed. Every fit stands alone:
what goes wrong with one is a row of the frame.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from modelrun.engines import failures, frame_builder
from modelrun.engines.fitter import Fitter, fitter
from modelrun.engines.guard import Caught, Guard
from modelrun.engines.record import FitRecord
from modelrun.engines.slice_rows import PanelValues
from modelrun.plan.study import Study
from modelrun.plan.task import Task


class StatsmodelsEngine:
    """Fits by statsmodels; remembers what it prepared for the model it last worked on."""

    name = "statsmodels"

    def __init__(self) -> None:
        """Nothing is prepared yet."""
        self._study: Study | None = None
        self._values: PanelValues | None = None
        self._fitters: dict[int, Fitter] = {}

    def fit(self, study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
        """Fit every slice of the task; see modelrun.engines.engine.Engine."""
        records = self.records(study, task, guard)
        numbers = task.model * len(study.slices) + np.asarray(task.fits, dtype=np.int64)
        return frame_builder.from_records(study.outputs, numbers, records)

    def records(self, study: Study, task: Task, guard: Guard) -> list[FitRecord]:
        """Fit every slice of the task and return one record each, in their order."""
        prepared = self._prepared(study, task.model)
        records: list[FitRecord] = []
        for index in task.fits.tolist():
            outcome = guard.call(index, partial(prepared.fit, index))
            if isinstance(outcome, Caught):
                outcome = failures.record_of(outcome, engine=self.name)
            records.append(outcome)
        return records

    def _prepared(self, study: Study, model: int) -> Fitter:
        if self._study is not study:
            self._study, self._values, self._fitters = study, PanelValues(study.panel), {}
        if model not in self._fitters:
            assert self._values is not None
            self._fitters[model] = fitter(study, study.models[model], self._values)
        return self._fitters[model]
