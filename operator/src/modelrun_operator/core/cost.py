"""What a run costs: seconds of worker pods, each of which fills a node, times the price of a node.

The sum is carried in the status with the time until which it is counted, so that a pass adds only
what is new; an operator that was away counts the gap when it comes back. Nodes that stay empty for
a while after the pods are gone are not in it, and the status says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from modelrun_api.profile import Price
from modelrun_api.status import CostStatus
from modelrun_operator.core.snapshot import Pod

_CENT = Decimal("0.01")


def counted(
    cost: CostStatus | None, pods: Iterable[Pod], price: Price | None, *, now: datetime
) -> CostStatus | None:
    """Return the cost until now, or None where the profile has no price.

    Args:
        cost: the cost until the last pass.
        pods: worker pods, also those that ended or vanished since then.
        price: the profile's price.
        now: the time of this pass.
    """
    if price is None:
        return cost
    before = cost if cost is not None else CostStatus(currency=price.currency)
    since = before.counted_until
    seconds = before.worker_pod_seconds
    for pod in pods:
        if pod.scheduled_at is None:
            continue
        begin = pod.scheduled_at if since is None else max(pod.scheduled_at, since)
        end = min(pod.gone_at, now) if pod.gone_at is not None else now
        seconds += max(0, int((end - begin).total_seconds()))
    return before.model_copy(
        update={
            "worker_pod_seconds": seconds,
            "counted_until": now,
            "so_far": money(seconds, price),
            "currency": price.currency,
        }
    )


def money(pod_seconds: int, price: Price) -> str:
    """Return what some seconds of worker pods cost, in whole cents."""
    exact = Fraction(pod_seconds, 3600) * Fraction(price.per_node_hour)
    amount = Decimal(exact.numerator) / Decimal(exact.denominator)
    return str(amount.quantize(_CENT, rounding=ROUND_HALF_UP))


def is_above(amount: str | None, limit: str) -> bool:
    """Say whether an amount has passed a limit."""
    return amount is not None and Decimal(amount) > Decimal(limit)
