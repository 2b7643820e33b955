"""The contract of modelrun: what a ModelRun may say, and how both halves speak about it.

The app, the operator and the command line read and write documents only through this package. It
computes and describes; it starts nothing, and it reads nothing but the file that it is given.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelrun_api.canonical import NotCanonicalError, canonical_bytes
    from modelrun_api.conditions import Condition, ConditionType
    from modelrun_api.document import Document, Place
    from modelrun_api.failure import TRANSIENT_FAILURES, FailureReason, FitStatus, SkipReason
    from modelrun_api.loader import (
        Loaded,
        load,
        load_document,
        load_profile_text,
        load_run,
        load_run_text,
        load_text,
        validate_profile,
        validate_run,
    )
    from modelrun_api.modelrun import Metadata, ModelRun
    from modelrun_api.outcome import PreflightOutcome, ProgressReport, RunOutcome
    from modelrun_api.phase import Phase
    from modelrun_api.problems import Problem, SpecError
    from modelrun_api.profile import ModelRunProfile, ModelRunProfileSpec
    from modelrun_api.reason import Reason
    from modelrun_api.spec import ModelRunSpec
    from modelrun_api.status import ModelRunStatus

__all__ = [
    "TRANSIENT_FAILURES",
    "Condition",
    "ConditionType",
    "Document",
    "FailureReason",
    "FitStatus",
    "Loaded",
    "Metadata",
    "ModelRun",
    "ModelRunProfile",
    "ModelRunProfileSpec",
    "ModelRunSpec",
    "ModelRunStatus",
    "NotCanonicalError",
    "Phase",
    "Place",
    "PreflightOutcome",
    "Problem",
    "ProgressReport",
    "Reason",
    "RunOutcome",
    "SkipReason",
    "SpecError",
    "canonical_bytes",
    "load",
    "load_document",
    "load_profile_text",
    "load_run",
    "load_run_text",
    "load_text",
    "validate_profile",
    "validate_run",
]

_HOMES = {
    "canonical": ("NotCanonicalError", "canonical_bytes"),
    "conditions": ("Condition", "ConditionType"),
    "document": ("Document", "Place"),
    "failure": ("TRANSIENT_FAILURES", "FailureReason", "FitStatus", "SkipReason"),
    "loader": (
        "Loaded",
        "load",
        "load_document",
        "load_profile_text",
        "load_run",
        "load_run_text",
        "load_text",
        "validate_profile",
        "validate_run",
    ),
    "modelrun": ("Metadata", "ModelRun"),
    "outcome": ("PreflightOutcome", "ProgressReport", "RunOutcome"),
    "phase": ("Phase",),
    "problems": ("Problem", "SpecError"),
    "profile": ("ModelRunProfile", "ModelRunProfileSpec"),
    "reason": ("Reason",),
    "spec": ("ModelRunSpec",),
    "status": ("ModelRunStatus",),
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first asked for: most commands need few of them."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {__all__}")
