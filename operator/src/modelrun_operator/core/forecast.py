"""How many nodes a run gets, and how long it will take: from what the preflight measured.

A cluster takes some minutes to come up whatever its size, so more nodes help less and less. Where
the run does not say how many it wants, it gets the smallest number from which one more would
shorten the forecast by less than a tenth.
"""

from __future__ import annotations

import math
from typing import Final

from modelrun_api.outcome import PreflightOutcome
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_api.spec import ModelRunSpec
from modelrun_api.status import ForecastStatus
from modelrun_operator.manifests.sizing import most_nodes, workers_per_node

STARTUP_SECONDS: Final = 180
"""Nodes from zero, image, workers: what a run waits for whatever its size."""

EFFICIENCY: Final = 0.9
"""The share of workers' time that goes into fits."""

WORTHWHILE: Final = 0.1
"""The share of the forecast that one more node must save."""


def forecast(
    spec: ModelRunSpec, profile: ModelRunProfileSpec, outcome: PreflightOutcome
) -> ForecastStatus:
    """Return what is expected of the run on the nodes that it asks for, or that are chosen."""
    left = max(0, outcome.fits.total - outcome.fits.stored)
    pilot = outcome.pilot
    work: float | None = None
    if pilot is not None:
        work = (
            pilot.worker_seconds
            if pilot.worker_seconds is not None
            else pilot.seconds_per_fit * left
        )
    asked = spec.cluster.nodes if spec.cluster is not None else None
    nodes = asked if asked is not None else chosen_nodes(spec, profile, work=work, fits=left)
    return ForecastStatus(
        fits=outcome.fits.total,
        stored=outcome.fits.stored,
        worker_seconds=None if work is None else math.ceil(work),
        memory_bytes=pilot.memory_bytes if pilot is not None else None,
        nodes=nodes,
        seconds=None
        if work is None
        else math.ceil(duration(work, nodes * workers_per_node(spec, profile))),
    )


def chosen_nodes(
    spec: ModelRunSpec, profile: ModelRunProfileSpec, *, work: float | None, fits: int
) -> int:
    """Return the number of nodes for some work; one where nothing is known of it.

    Args:
        spec: brings the workers of each node.
        profile: brings the limits.
        work: seconds of one worker.
        fits: how many fits are left; more workers than fits are idle.
    """
    most = most_nodes(spec, profile)
    if work is None or most < 1:
        return 1
    each = workers_per_node(spec, profile)
    nodes = 1
    while nodes < min(most, math.ceil(max(1, fits) / each)):
        now, then = duration(work, nodes * each), duration(work, (nodes + 1) * each)
        if (now - then) / now < WORTHWHILE:
            break
        nodes += 1
    return nodes


def duration(work: float, workers: int) -> float:
    """Return the seconds from the start of the cluster to the last fit."""
    return STARTUP_SECONDS + work / (workers * EFFICIENCY)


def pod_seconds(found: ForecastStatus) -> int | None:
    """Return the seconds of worker pods that the forecast will cost."""
    if found.seconds is None or found.nodes is None:
        return None
    # Worker pods cost from their node on, which is about when the startup is over.
    return max(0, found.seconds - STARTUP_SECONDS) * found.nodes
