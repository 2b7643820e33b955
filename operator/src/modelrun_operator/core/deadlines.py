"""All arithmetic with time: what is due, what is over, when to look again."""

from __future__ import annotations

from datetime import datetime, timedelta

from modelrun_api.profile import ModelRunProfileSpec
from modelrun_api.spec import ModelRunSpec
from modelrun_api.status import ModelRunStatus


def active_deadline(
    spec: ModelRunSpec, profile: ModelRunProfileSpec | None, status: ModelRunStatus
) -> datetime | None:
    """Return when the run as a whole must end: its own deadline, at most the profile's hours.

    A profile that was deleted meanwhile takes its hours along, and the run's own deadline stays.
    """
    limits = [spec.active_deadline_seconds]
    if profile is not None:
        limits.append(profile.limits.hours * 3600)
    seconds = [limit for limit in limits if limit is not None]
    if status.start_time is None or not seconds:
        return None
    return status.start_time + timedelta(seconds=min(seconds))


def startup_deadline(
    spec: ModelRunSpec, status: ModelRunStatus, *, attempt_at: datetime | None = None
) -> datetime | None:
    """Return when the workers must be there for the attempt that waits for them.

    Args:
        spec: brings the seconds.
        status: says when the certificates of this incarnation were there.
        attempt_at: when the attempt may begin, where it is not the first on this incarnation.
    """
    begin = status.times.secured
    if begin is None:
        return None
    if attempt_at is not None:
        begin = max(begin, attempt_at)
    return begin + timedelta(seconds=spec.startup_deadline_seconds)


def expiry(spec: ModelRunSpec | None, status: ModelRunStatus) -> datetime | None:
    """Return when a finished run is deleted, or None for never."""
    if spec is None or spec.ttl_seconds_after_finished is None:
        return None
    end = status.times.released or status.completion_time
    return end + timedelta(seconds=spec.ttl_seconds_after_finished) if end is not None else None


def is_over(moment: datetime | None, *, now: datetime) -> bool:
    """Say whether a moment has come."""
    return moment is not None and now >= moment


def seconds_since(moment: datetime | None, *, now: datetime) -> float:
    """Return how long ago a moment was; 0 for none, and for one that is still to come."""
    return max(0.0, (now - moment).total_seconds()) if moment is not None else 0.0


def wait(*moments: datetime | None, now: datetime, at_most: float) -> timedelta:
    """Return how long to wait for the first of some moments, at least a second."""
    seconds = min([at_most, *((one - now).total_seconds() for one in moments if one is not None)])
    return timedelta(seconds=max(1.0, seconds))
