"""How large a cluster is: nodes, workers, quorum, and the memory of one worker."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from modelrun_api.profile import ModelRunProfileSpec
from modelrun_api.spec import ModelRunSpec
from modelrun_operator.manifests.quantities import amount

MEMORY_SHARE = Decimal("0.95")
"""The share of a pod's memory that its workers may use; the rest is for their nannies."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of one cluster."""

    nodes: int
    """Worker nodes, one worker pod each."""

    workers_per_node: int
    """Worker processes in each pod."""

    minimum: int
    """Workers that must be there before fitting starts."""

    memory_per_worker: int | None
    """Bytes of anonymous memory for one worker; None where the pods have no limit."""

    @property
    def workers(self) -> int:
        """Worker processes on all nodes together."""
        return self.nodes * self.workers_per_node


def workers_per_node(spec: ModelRunSpec, profile: ModelRunProfileSpec) -> int:
    """Return the worker processes on each node: the run's word, else the profile's."""
    asked = spec.cluster.workers_per_node if spec.cluster is not None else None
    return asked if asked is not None else profile.workers_per_node


def most_nodes(spec: ModelRunSpec, profile: ModelRunProfileSpec) -> int:
    """Return how many nodes the profile's limits allow."""
    by_workers = profile.limits.workers // workers_per_node(spec, profile)
    return min(profile.limits.nodes, by_workers)


def size(spec: ModelRunSpec, profile: ModelRunProfileSpec, *, nodes: int) -> Size:
    """Return the size of a cluster of some nodes."""
    assert spec.cluster is not None
    each = workers_per_node(spec, profile)
    limit = profile.worker.resources.limits.get("memory")
    memory = None if limit is None else int(amount(limit) * MEMORY_SHARE / each)
    return Size(
        nodes=nodes,
        workers_per_node=each,
        minimum=quorum(spec.cluster.min_workers, nodes * each),
        memory_per_worker=memory,
    )


def quorum(asked: int | str, workers: int) -> int:
    """Return how many workers must be there: a number, or a share of all, rounded up."""
    if isinstance(asked, int):
        return min(asked, workers)
    share = Decimal(asked.removesuffix("%")) / 100 * workers
    return max(1, int(share.to_integral_value(rounding=ROUND_CEILING)))
