"""Conditions: what `kubectl wait` waits for, and the truth that a phase summarises.

A condition keeps the time of its last change of status, so setting it again with the same status
changes nothing that a person would call news. All functions return new tuples; the clock is an
argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from modelrun_api.reason import Reason, ReasonText
from modelrun_api.wire import Timestamp, Wire

__all__ = [
    "Condition",
    "ConditionStatus",
    "ConditionType",
    "condition_of",
    "is_true",
    "with_condition",
]

ConditionStatus = Literal["True", "False", "Unknown"]
LONGEST_MESSAGE = 4096


class ConditionType(StrEnum):
    """What a condition is about."""

    ACCEPTED = "Accepted"
    """The run may be worked on. False: its message says which field and why; a change of the
    profile or of the run heals it."""

    PREFLIGHTED = "Preflighted"
    """The file fits the data, and results can be written. False ends the run."""

    PROVISIONED = "Provisioned"
    """At least minWorkers workers are there. False before that, and after the cluster is gone."""

    BLOCKED = "Blocked"
    """Something is in the way: the answer to "why is it not further?". False: nothing is."""

    SUSPENDED = "Suspended"
    """The run is suspended. False after a resume; absent for a run that never was."""

    COMPLETE = "Complete"
    """All results are stored. Absent until then."""

    FAILED = "Failed"
    """The run ended without all results. Absent until then."""

    RELEASED = "Released"
    """Nothing of the run is left but itself, its logs and its results."""


class Condition(Wire):
    """One condition of a run."""

    type: ConditionType
    """What it is about."""

    status: ConditionStatus
    """Whether it holds."""

    reason: ReasonText
    """The machine's word for why."""

    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] = ""
    """What happened, to which object, and what to do next."""

    last_transition_time: Timestamp
    """When the status last changed."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the spec that it speaks about."""


def condition_of(conditions: Iterable[Condition], type_: ConditionType) -> Condition | None:
    """Return the condition of a type, or None where it is absent."""
    return next((one for one in conditions if one.type == type_), None)


def is_true(conditions: Iterable[Condition], type_: ConditionType) -> bool:
    """Say whether a condition is there and True."""
    found = condition_of(conditions, type_)
    return found is not None and found.status == "True"


def with_condition(
    conditions: Iterable[Condition],
    type_: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: str = "",
    *,
    now: datetime,
    generation: int | None = None,
) -> tuple[Condition, ...]:
    """Return the conditions with one set.

    The time of transition is kept where the status stays; the order of types is that of first
    appearance, so that a list shows no changes that are none.

    Args:
        conditions: the conditions so far.
        type_: which one is set.
        status: whether it holds.
        reason: the machine's word for why.
        message: the sentence for people; cut at 4096 characters.
        now: the time of this pass, in UTC.
        generation: the generation of the spec that it speaks about.
    """
    before = condition_of(conditions, type_)
    kept = before is not None and before.status == status
    after = Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message
        if len(message) <= LONGEST_MESSAGE
        else message[: LONGEST_MESSAGE - 2] + " …",
        last_transition_time=before.last_transition_time if before is not None and kept else now,
        observed_generation=generation,
    )
    if before is None:
        return (*conditions, after)
    return tuple(after if one.type == type_ else one for one in conditions)
