"""The status of a run: what the operator found, for people, for scripts and for its own next pass.

Everything that the operator must remember between two passes and cannot see in the world again
stands here: the verdict, attempts, incarnations, what preflight found, what was paid. There are no
floats: amounts are decimal texts, rates are whole numbers.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from modelrun_api.conditions import Condition
from modelrun_api.phase import Phase
from modelrun_api.reason import ReasonText
from modelrun_api.wire import Currency, Decimal, Timestamp, Wire

__all__ = [
    "AttemptStatus",
    "ClusterStatus",
    "CostStatus",
    "FailureGroup",
    "FitCounts",
    "ForecastStatus",
    "ModelRunStatus",
    "ProgressStatus",
    "ResultsStatus",
    "Times",
    "WorkerCounts",
]

Whole = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]


class FitCounts(Wire):
    """How many fits there are, and how they ended."""

    total: Whole = 0
    """Fits of the plan."""

    done: Whole = 0
    """Fits with an end: succeeded, notConverged, failed and skipped together."""

    succeeded: Whole = 0
    """Fits with results."""

    not_converged: Whole = 0
    """Fits whose optimiser stopped early; they keep their coefficients."""

    failed: Whole = 0
    """Fits without results; failures.parquet says why."""

    skipped: Whole = 0
    """Slices with too few rows."""

    reused: Whole = 0
    """Fits that were stored before; each is also counted in one of the others."""


class FailureGroup(Wire):
    """Failed fits that have a reason in common."""

    reason: Annotated[str, Field(max_length=63)]
    """The reason, from the closed list of failures."""

    count: Whole
    """How many fits failed for it."""

    example: Annotated[str, Field(max_length=512)] = ""
    """One of them: model and slice."""


class ProgressStatus(Wire):
    """How far the run is."""

    fits: Annotated[str, Field(max_length=63)] = ""
    """Fits done of fits in total, as one text."""

    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """The share of fits that are done."""

    fits_per_second: Whole | None = None
    """The rate, once it says anything."""

    estimated_completion_time: Timestamp | None = None
    """When fitting will probably end."""

    stage: Annotated[str, Field(max_length=63)] = ""
    """What the runner is doing."""


class WorkerCounts(Wire):
    """Worker processes."""

    desired: Whole = 0
    """What the run asked for."""

    ready: Whole = 0
    """What has registered with the scheduler."""

    minimum: Whole = 0
    """What must be there before fitting starts."""


class ClusterStatus(Wire):
    """The Dask cluster of the run."""

    name: Annotated[str, Field(max_length=63)] = ""
    """The DaskCluster's name."""

    incarnation: Whole = 0
    """How often a cluster was raised for this run; names of its objects end in it."""

    nodes: Whole = 0
    """Worker nodes, one worker pod each."""

    workers_per_node: Whole = 0
    """Worker processes in each pod."""

    workers: WorkerCounts = WorkerCounts()
    """Worker processes on all nodes together."""

    scheduler_pod_uid: Annotated[str | None, Field(alias="schedulerPodUID", max_length=63)] = None
    """The scheduler's pod; another uid means that the scheduler was lost."""

    scheduler_restarts: Whole = 0
    """How often its container had been started again when it was first seen; more means that the
    scheduler lost its memory."""

    healed_at: Timestamp | None = None
    """When the Dask controller was last asked to go over the cluster again."""


class ForecastStatus(Wire):
    """What preflight found."""

    fits: Whole = 0
    """Fits of the plan."""

    stored: Whole = 0
    """Fits that are stored already."""

    seconds: Whole | None = None
    """How long fitting will take on the chosen nodes, from the pilot."""

    worker_seconds: Whole | None = None
    """The work that is to be done: seconds of one worker."""

    memory_bytes: Whole | None = None
    """Memory that one worker needs, from the pilot."""

    nodes: Whole | None = None
    """Worker nodes: asked for, or chosen so that one more shortens the forecast by less than a
    tenth."""


class CostStatus(Wire):
    """What the run costs: worker pods from scheduled to gone. Empty nodes may linger beyond it."""

    estimated: Decimal | None = None
    """The forecast."""

    so_far: Decimal = "0.00"
    """Until now."""

    currency: Currency = "USD"
    """The currency of the profile's price."""

    worker_pod_seconds: Whole = 0
    """Seconds of worker pods, each a node, counted so far."""

    counted_until: Timestamp | None = None
    """The time until which they are counted."""


class ResultsStatus(Wire):
    """Where the results are."""

    uri: Annotated[str, Field(max_length=2048)] | None = None
    """The location of the tables."""

    report: Annotated[str, Field(max_length=2048)] | None = None
    """The report's page."""

    logs: Annotated[str, Field(max_length=253)] | None = None
    """The ConfigMap with the last lines of the run's logs."""


class AttemptStatus(Wire):
    """How the last finished attempt ended."""

    number: Whole
    """Which attempt, from 1."""

    exit_code: Annotated[int, Field(ge=-255, le=255)] | None = None
    """The runner's exit code; absent where its pod vanished."""

    reason: ReasonText
    """Why it ended."""

    message: Annotated[str, Field(max_length=1024)] = ""
    """What the runner said."""

    finished_at: Timestamp
    """When it ended."""

    counted: bool = True
    """Whether it counts towards backoffLimit."""


class Times(Wire):
    """The run's time line; each moment is absent until it comes."""

    accepted: Timestamp | None = None
    """The run was accepted."""

    preflighted: Timestamp | None = None
    """Preflight passed."""

    secured: Timestamp | None = None
    """The certificates of this incarnation were there; the startup deadline counts from here."""

    scheduler_available: Timestamp | None = None
    """The scheduler of this incarnation answered."""

    quorum: Timestamp | None = None
    """Enough workers were there for the first time."""

    stored: Timestamp | None = None
    """The verdict: the runner had stored what it could."""

    workers_gone: Timestamp | None = None
    """The last worker pod was gone."""

    released: Timestamp | None = None
    """Nothing of the run was left."""


class ModelRunStatus(Wire):
    """What the operator reports about a run."""

    observed_generation: Whole | None = None
    """The generation of the spec that this status speaks about."""

    phase: Phase = Phase.PENDING
    """The summary of the conditions."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = ()
    """The truth, one entry for each type."""

    fits: FitCounts | None = None
    """How many fits there are, and how they ended."""

    failures: Annotated[tuple[FailureGroup, ...], Field(max_length=20)] = ()
    """The most frequent reasons of failure."""

    progress: ProgressStatus | None = None
    """How far the run is."""

    cluster: ClusterStatus | None = None
    """The Dask cluster of the run."""

    forecast: ForecastStatus | None = None
    """What preflight found."""

    cost: CostStatus | None = None
    """What the run costs."""

    results: ResultsStatus | None = None
    """Where the results are."""

    attempts: Whole = 0
    """How often the runner was started."""

    counted_failures: Whole = 0
    """How many attempts failed and count towards backoffLimit."""

    last_attempt: AttemptStatus | None = None
    """How the last finished attempt ended."""

    start_time: Timestamp | None = None
    """When work began, or began again after a suspension; the active deadline counts from here."""

    completion_time: Timestamp | None = None
    """When the verdict was given."""

    times: Times = Times()
    """The run's time line."""
