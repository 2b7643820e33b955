"""When a new status is worth a write: news at once, mere progress rarely, nothing never."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from modelrun_api.status import CostStatus, ModelRunStatus

_PROGRESS: Final = frozenset({"fits", "progress", "cost", "cluster"})
_MINUTE: Final = 60


class Due(StrEnum):
    """How urgent a write is."""

    NOW = "now"
    """Something that people or scripts wait for changed."""

    SOON = "soon"
    """Only counts changed; a write may wait for its turn."""

    NEVER = "never"
    """Nothing that is shown changed."""


def due(before: ModelRunStatus, after: ModelRunStatus) -> Due:
    """Say how urgent the write of a new status is."""
    if before == after:
        return Due.NEVER
    old, new = _settled(before), _settled(after)
    if any(old[name] != new[name] for name in new if name not in _PROGRESS):
        return Due.NOW
    if _without_counts(before) != _without_counts(after):
        return Due.NOW
    if any(old[name] != new[name] for name in _PROGRESS - {"cost"}):
        return Due.SOON
    return Due.SOON if _costs_more(before.cost, after.cost) else Due.NEVER


def write_at(
    urgency: Due, *, last_write: datetime | None, now: datetime, every: timedelta
) -> datetime | None:
    """Return when to write: now, at the next turn, or not at all (None)."""
    if urgency is Due.NEVER:
        return None
    if urgency is Due.NOW or last_write is None:
        return now
    return max(now, last_write + every)


def status_patch(before: Mapping[str, Any], after: ModelRunStatus) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) from a stored status to a new one.

    Members that are no longer there are null in the patch; lists are replaced as a whole.

    Args:
        before: the status as the API server stores it.
        after: the new status.
    """
    return _merge_patch(before, after.document())


def _merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := _merge_patch(old, value):
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = value
    return patch


def _settled(status: ModelRunStatus) -> dict[str, Any]:
    return {name: getattr(status, name) for name in type(status).model_fields}


def _without_counts(status: ModelRunStatus) -> object:
    """Return what of the cluster is more than a count."""
    if status.cluster is None:
        return None
    return status.cluster.model_copy(update={"workers": None})


def _costs_more(before: CostStatus | None, after: CostStatus | None) -> bool:
    if before is None or after is None:
        return before != after
    if (before.so_far, before.estimated) != (after.so_far, after.estimated):
        return True
    return after.worker_pod_seconds - before.worker_pod_seconds >= _MINUTE
