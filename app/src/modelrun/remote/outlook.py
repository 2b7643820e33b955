"""What a run will take on the cluster, as far as file and profile say it before it is handed over.

What it will really take is found by the preflight, in a small pod on the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelrun.remote.spoken import duration, money
from modelrun_api.modelrun import ModelRun


def outlook(run: ModelRun, profile: Mapping[str, Any], namespace: str) -> list[tuple[str, str]]:
    """Return titles and sentences about nodes, price, results and limits.

    Args:
        run: the run of the file.
        profile: its profile as the API server has it.
        namespace: where the run will be.
    """
    spec, cluster = profile["spec"], run.spec.cluster
    assert cluster is not None
    limits = spec.get("limits") or {}
    workers = cluster.workers_per_node or int(spec.get("workersPerNode") or 1)
    most = limits.get("nodes")
    lines: list[tuple[str, str]] = []
    if cluster.nodes is not None:
        total = cluster.nodes * workers
        lines.append(("nodes", f"{cluster.nodes} x {workers} workers = {total}"))
    else:
        upto = f", at most {most}" if most else ""
        lines.append(("nodes", f"chosen by a trial of some fits{upto}; {workers} workers on each"))
    price = spec.get("price") or {}
    if price:
        currency = str(price.get("currency") or "USD")
        said = f"{money(str(price['perNodeHour']), currency)} for each node and hour"
        if cluster.nodes is not None:
            said += f", {money(str(float(price['perNodeHour']) * cluster.nodes), currency)} for all"
        lines.append(("price", said))
    lines.append(("results", _results(run, spec.get("resultsPrefix"), namespace)))
    seconds = run.spec.active_deadline_seconds
    if seconds is not None:
        lines.append(("time", f"ends after {duration(seconds)} at the latest"))
    elif limits.get("hours"):
        lines.append(("time", f"ends after {duration(3600 * limits['hours'])} at the latest"))
    return lines


def _results(run: ModelRun, prefix: str | None, namespace: str) -> str:
    to = run.spec.results.to
    if run.spec.program is not None:
        return "the program stores its own"
    if to is not None and to.volume is not None:
        return f"pvc://{to.volume.claim_name}/{to.volume.path.strip('/')}"
    if to is not None and to.uri is not None:
        return to.uri
    if prefix is None:
        return "nowhere: neither spec.results.to nor the profile says a place"
    return f"{prefix.rstrip('/')}/{namespace}/{run.metadata.name}"
