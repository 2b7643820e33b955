"""What the operator tells the pods of a run by their environment, and where things are mounted.

Both halves must spell these alike; everything else of a run stands in its document.
"""

from __future__ import annotations

from typing import Final

OUTCOME_FILE_VARIABLE: Final = "MODELRUN_OUTCOME_FILE"
"""Names the file for the outcome of a runner or a preflight."""

WORKERS_VARIABLE: Final = "MODELRUN_WORKERS"
"""Worker processes that the cluster will have, on all nodes together."""

MINIMUM_WORKERS_VARIABLE: Final = "MODELRUN_MIN_WORKERS"
"""Worker processes that must be there before fitting starts."""

STARTUP_SECONDS_VARIABLE: Final = "MODELRUN_STARTUP_SECONDS"
"""How long a runner may wait for them; the operator's own deadline ends the run earlier."""

WORKER_MEMORY_VARIABLE: Final = "MODELRUN_WORKER_MEMORY_BYTES"
"""Bytes of anonymous memory that one worker process may use."""

RUN_FILE: Final = "/etc/modelrun/modelrun.yaml"
"""The document of the run, in preflight and runner."""

CODE_FOLDER: Final = "/code"
"""The user's modules; on the Python path."""

DATA_FOLDER: Final = "/data"
"""The volume of spec.data.volume."""

RESULTS_FOLDER: Final = "/results"
"""The volume of spec.results.to.volume."""

SCRATCH_FOLDER: Final = "/scratch"
"""The folder for the panel and for spilling; also home and temporary folder."""

TLS_FOLDER: Final = "/etc/dask-tls"
"""ca.crt, tls.crt and tls.key of the pod's role."""

PROGRESS_PORT: Final = 8080
"""Where a runner answers GET /progress."""
