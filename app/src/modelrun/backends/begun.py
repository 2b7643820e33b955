"""A cluster on this machine that was begun before the backend that will use it.

Whoever foresees that a run needs workers begins to start them; the backend takes what was begun if
it is what it wants. What nobody took ends with drop(), or with this process.
"""

from __future__ import annotations

from dataclasses import replace

from modelrun.backends.cluster_process import Order
from modelrun.backends.local_cluster import LocalCluster

_begun: list[tuple[Order, LocalCluster]] = []
"""What was begun and not taken yet: one cluster at most."""


def begin(order: Order) -> None:
    """Begin to start a cluster."""
    drop()
    _begun.append((order, LocalCluster(order)))


def take(order: Order) -> LocalCluster | None:
    """Return the cluster that was begun if it is like this, else None; it is given once.

    What it loads ahead may differ: workers load what they lack.
    """
    if not _begun or replace(_begun[0][0], preload=order.preload) != order:
        return None
    return _begun.pop()[1]


def drop() -> None:
    """End the cluster that was begun and not taken."""
    while _begun:
        _begun.pop()[1].close()
