"""From what a runner says to what the status shows: within limits, and never backwards."""

from __future__ import annotations

from datetime import datetime, timedelta

from modelrun_api.outcome import ProgressReport
from modelrun_api.status import ClusterStatus, FitCounts, ProgressStatus
from modelrun_api.wire import whole_second
from modelrun_operator.core.snapshot import Role, Snapshot

LONGEST_FORECAST = timedelta(days=365)


def fits_of(before: FitCounts | None, said: FitCounts) -> FitCounts:
    """Return the counts, which never fall: a new attempt first counts what is stored."""
    parts = said.succeeded + said.not_converged + said.failed + said.skipped
    if max(said.done, parts, said.reused) > said.total:
        # Counts that do not add up are no counts.
        return before if before is not None else FitCounts()
    if before is not None and said.done < before.done:
        return before
    return said


def progress_of(
    fits: FitCounts,
    report: ProgressReport | None,
    before: ProgressStatus | None,
    *,
    now: datetime,
) -> ProgressStatus:
    """Return the progress of some counts; rate and forecast come from the runner."""
    percent = 100 * fits.done // fits.total if fits.total else 0
    ends: datetime | None = None
    rate: int | None = None
    stage = before.stage if before is not None else ""
    if report is not None:
        stage = report.stage
        rate = round(report.fits_per_second) if report.fits_per_second is not None else None
        if report.seconds_left is not None:
            left = min(report.seconds_left, LONGEST_FORECAST.total_seconds())
            ends = whole_second(now + timedelta(seconds=left))
        else:
            ends = report.estimated_completion_time
    return ProgressStatus(
        fits=f"{fits.done}/{fits.total}",
        percent=min(100, percent),
        fits_per_second=rate,
        estimated_completion_time=ends,
        stage=stage,
    )


def workers_there(seen: Snapshot, cluster: ClusterStatus, *, program: bool) -> int:
    """Return how many workers are there: as the runner counts them over TLS.

    A program has no runner of ours that could count, so running worker pods are taken instead.
    """
    if program:
        pods = seen.pods(Role.WORKER, cluster.incarnation)
        ready = [pod for pod in pods if pod.ready and not pod.terminating]
        return len(ready) * cluster.workers_per_node
    if seen.progress is None:
        return 0
    return min(seen.progress.workers, cluster.workers.desired)
