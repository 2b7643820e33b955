"""What a runner may expect of the cluster that was raised for it.

The operator tells by the environment, because it knows what the preflight has chosen; a file alone
tells where it names every number. On a laptop nothing is expected: the workers are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelrun_api.environment import (
    MINIMUM_WORKERS_VARIABLE,
    STARTUP_SECONDS_VARIABLE,
    WORKER_MEMORY_VARIABLE,
)
from modelrun_api.spec import ModelRunSpec


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is known of the cluster before it is there."""

    quorum: int | None
    """Workers that must be there before fitting starts; None: the backend's default."""

    startup_seconds: float
    """How long to wait for them."""

    worker_memory: int | None
    """Bytes of anonymous memory of a worker; None: an equal share of its machine."""


def expectations(spec: ModelRunSpec, environment: Mapping[str, str]) -> Expectations:
    """Return what the environment says, else what the file says."""
    minimum = environment.get(MINIMUM_WORKERS_VARIABLE)
    startup = environment.get(STARTUP_SECONDS_VARIABLE)
    memory = environment.get(WORKER_MEMORY_VARIABLE)
    return Expectations(
        quorum=int(minimum) if minimum else _quorum(spec),
        startup_seconds=float(startup or spec.startup_deadline_seconds),
        worker_memory=int(memory) if memory else None,
    )


def _quorum(spec: ModelRunSpec) -> int | None:
    cluster = spec.cluster
    if cluster is None:
        return None
    if isinstance(cluster.min_workers, int):
        return cluster.min_workers
    if cluster.nodes is None or cluster.workers_per_node is None:
        return None
    share = float(cluster.min_workers.removesuffix("%")) / 100
    return max(1, int(share * cluster.nodes * cluster.workers_per_node))
