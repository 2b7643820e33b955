"""What a runner leaves for whoever started it: the outcome as a small file.

On a cluster the file is the container's termination message; the operator reads it from the pod's
status, so the runner needs no rights. On a laptop nobody asks and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from modelrun_api.outcome import (
    OUTCOME_FILE_VARIABLE,
    PreflightOutcome,
    RunOutcome,
    termination_message,
)


def tell(outcome: RunOutcome | PreflightOutcome, environment: Mapping[str, str]) -> None:
    """Write the outcome to the file that the environment names, if it names one."""
    name = environment.get(OUTCOME_FILE_VARIABLE)
    if name:
        Path(name).write_text(termination_message(outcome), encoding="utf-8")
