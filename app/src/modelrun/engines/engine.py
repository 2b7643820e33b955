"""What an engine is: it fits the slices of one task and returns one row per fit."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from modelrun.engines.guard import Guard
from modelrun.plan.study import Study
from modelrun.plan.task import Task


class Engine(Protocol):
    """A way of fitting; stateless, so that one object serves all tasks of a process."""

    name: str

    def fit(self, study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
        """Fit every slice of the task.

        Returns:
            One row per fit in the order of task.fits, in the schema of
            modelrun.engines.frame.schema(study.outputs). A fit that goes wrong is a row too. When
            the patience of the task is over, the last fits may be missing, never the first.
        """
        ...
