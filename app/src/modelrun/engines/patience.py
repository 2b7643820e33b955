"""How long a worker goes on with one task before it answers with what is finished."""

from __future__ import annotations

import time
from collections.abc import Iterator

from modelrun.plan.task import Task


def patiently(task: Task) -> Iterator[int]:
    """Yield the slices of a task, the first always and the others while its patience lasts."""
    end = time.monotonic() + task.patience
    for count, index in enumerate(task.fits.tolist()):
        if count and time.monotonic() > end:
            return
        yield index
