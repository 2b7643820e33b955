"""What pods tell the operator: how far a run is, and how it or its preflight ended.

The end travels as the termination message of the container (the file that the environment variable
MODELRUN_OUTCOME_FILE names), which the kubelet cuts at 4096 bytes; progress travels over HTTP. Both
come from pods in which the user's code runs, so they are read strictly, within limits, and a
document that breaks a rule counts as absent. The pods need no Kubernetes rights.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from modelrun_api.canonical import canonical_bytes
from modelrun_api.environment import OUTCOME_FILE_VARIABLE
from modelrun_api.status import FailureGroup, FitCounts, Whole
from modelrun_api.wire import Timestamp, Wire

__all__ = [
    "OUTCOME_FILE_VARIABLE",
    "Pilot",
    "PreflightOutcome",
    "ProgressReport",
    "RunOutcome",
    "StoredFits",
    "read_outcome",
    "read_preflight",
    "read_progress",
    "termination_message",
]

MOST_BYTES: Final = 4096
MOST_PROGRESS_BYTES: Final = 16_384

_Seconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class Report(Wire):
    """A document of a pod; a newer image may say more than we know."""

    model_config = ConfigDict(extra="ignore")


class ReportedCounts(FitCounts):
    """Counts as a pod tells them."""

    model_config = ConfigDict(extra="ignore")

    def counts(self) -> FitCounts:
        """Return the counts as they stand in the status."""
        return FitCounts.model_validate(self.model_dump())


class RunOutcome(Report):
    """How a runner ended."""

    exit_code: Annotated[int, Field(ge=0, le=255)]
    """The exit code of `modelrun run`."""

    fits: ReportedCounts = ReportedCounts()
    """How many fits there are, and how they ended."""

    failures: Annotated[list[FailureGroup], Field(max_length=20)] = []
    """The most frequent reasons of failure, the most frequent first."""

    uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where the tables are."""

    report: Annotated[str, Field(max_length=2048)] | None = None
    """Where the report's page is."""

    message: Annotated[str, Field(max_length=2048)] = ""
    """One sentence: what happened, and what to do next."""


class StoredFits(Report):
    """How many fits there are, and how many need no work."""

    total: Whole = 0
    """Fits of the plan."""

    stored: Whole = 0
    """Fits that are stored already."""


class Pilot(Report):
    """What a few fits of each model cost."""

    seconds_per_fit: _Seconds
    """Seconds of one worker for one fit, the mean over the plan."""

    memory_bytes: Whole = 0
    """The largest memory of a worker that the pilot saw."""

    worker_seconds: _Seconds | None = None
    """The work that is left: seconds of one worker for all fits that are not stored."""


class PreflightOutcome(Report):
    """How a preflight ended."""

    ok: bool
    """Whether the run may go on."""

    problems: Annotated[list[Annotated[str, Field(max_length=2048)]], Field(max_length=50)] = []
    """What is wrong, each with place and advice."""

    fits: StoredFits = StoredFits()
    """How many fits there are, and how many are stored."""

    pilot: Pilot | None = None
    """What fits cost; absent where nothing was left to fit."""

    columns: Annotated[list[Annotated[str, Field(max_length=128)]], Field(max_length=1000)] = []
    """The columns of the data that the run reads."""

    complete: bool | None = None
    """Whether every table of this very run lies there already, so that no runner is needed."""

    uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where the tables are or will be."""

    report: Annotated[str, Field(max_length=2048)] | None = None
    """Where the report's page is, if everything is stored."""


class ProgressReport(Report):
    """What the runner answers at GET /progress."""

    stage: Annotated[str, Field(max_length=63)] = ""
    """What the runner is doing."""

    fits: ReportedCounts = ReportedCounts()
    """How many fits there are, and how they ended."""

    workers: Whole = 0
    """Workers that are registered with the scheduler."""

    fits_per_second: _Seconds | None = None
    """The rate, once it says anything."""

    seconds_left: _Seconds | None = None
    """The forecast, in seconds from now."""

    estimated_completion_time: Timestamp | None = None
    """The forecast, as a moment."""


R = TypeVar("R", bound=Report)


def termination_message(outcome: RunOutcome | PreflightOutcome) -> str:
    """Return the outcome as JSON of at most 4096 bytes.

    What is too long is cut where it matters least: first columns, then examples and reasons of
    failure and problems from the end, then the message.
    """
    document: RunOutcome | PreflightOutcome = outcome
    while len(text := _text(document)) > MOST_BYTES:
        document = _shortened(document)
    return text.decode()


def _text(document: Wire) -> bytes:
    return canonical_bytes(document.document())


def _shortened(document: RunOutcome | PreflightOutcome) -> RunOutcome | PreflightOutcome:
    match document:
        case PreflightOutcome(columns=[_, *_]):
            return document.model_copy(update={"columns": []})
        case PreflightOutcome(problems=[_, _, *_]):
            return document.model_copy(update={"problems": document.problems[:-1]})
        case PreflightOutcome(problems=[only]):
            return document.model_copy(update={"problems": [_cut(only)]})
        case RunOutcome(failures=[_, *_]):
            return document.model_copy(update={"failures": document.failures[:-1]})
        case RunOutcome() if document.message:
            return document.model_copy(update={"message": _cut(document.message)})
    return document.model_copy(update={"uri": None, "report": None})


def _cut(text: str) -> str:
    return text[: len(text) * 3 // 4].rstrip(" …") + " …" if len(text) > 8 else ""


def read_outcome(text: str) -> RunOutcome | None:
    """Return what a runner left, or None where it left nothing that can be read."""
    return _read(RunOutcome, text, MOST_BYTES)


def read_preflight(text: str) -> PreflightOutcome | None:
    """Return what a preflight left, or None where it left nothing that can be read."""
    return _read(PreflightOutcome, text, MOST_BYTES)


def read_progress(text: str | bytes) -> ProgressReport | None:
    """Return what a runner answered, or None where it cannot be read."""
    return _read(ProgressReport, text, MOST_PROGRESS_BYTES)


def _read(model: type[R], text: str | bytes, most: int) -> R | None:
    if len(text) > most:
        return None
    try:
        return model.model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError:
        return None
