"""A look at a file of a run before it is validated: will there be work for processes?

If so they begin to load statsmodels at once, while this process still loads its own libraries,
validates, reads and plans. It is a guess: what it gets wrong costs a little time, never a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from modelrun.backends import machine
from modelrun.engines.estimators import ESTIMATORS, WITH_KERNELS
from modelrun.engines.preloads import modules
from modelrun.location import chosen
from modelrun.options import RunOptions


def begin_cluster(
    document: Mapping[str, Any],
    options: RunOptions,
    *,
    base: Path,
    environment: Mapping[str, str],
    stack: ExitStack,
) -> None:
    """Begin to start a cluster on this machine, where a run will need one.

    Args:
        document: The ModelRun as plain data, not validated.
        options: What the caller adds to it.
        base: The folder of its file.
        environment: Where a cluster elsewhere is named.
        stack: Where the cluster ends at the latest, if no backend has taken it.
    """
    if machine.ADDRESS in environment or options.tls or options.dashboard:
        return
    needed = _needed(document, options)
    if needed is None or _has_fits(document, options, base):
        return
    from modelrun.backends import begun
    from modelrun.backends.cluster_process import Order

    stack.callback(begun.drop)
    workers = options.workers if options.workers is not None else machine.processors()
    begun.begin(Order(workers=workers, preload=needed))


def _needed(document: Mapping[str, Any], options: RunOptions) -> tuple[str, ...] | None:
    """Return the modules that workers will need; None where no process will be needed."""
    if options.backend not in {None, "dask"}:
        return None
    match document:
        case {"spec": {"data": {}, "models": [*models], **spec}}:
            pass
        case _:
            return None
    execution = spec.get("execution")
    engine = execution.get("engine") if isinstance(execution, dict) else None
    needed: list[str] = []
    for model in models:
        match model:
            case {"callable": str()}:
                needed += modules("callable", None)
            case {"estimator": str(name)} if name in ESTIMATORS:
                if engine == "statsmodels" or name not in WITH_KERNELS:
                    needed += modules("statsmodels", name)
            case _:
                return None
    if not needed and options.backend is None:
        return None
    return tuple(dict.fromkeys(needed))


def _has_fits(document: Mapping[str, Any], options: RunOptions, base: Path) -> bool:
    """Tell whether fits of the run may be stored already, so that none may be left to do."""
    uri: str | None = None
    match document:
        case {"metadata": {"name": str(name)}, "spec": {"results": {"to": {"uri": str(given)}}}}:
            uri = given
        case {"metadata": {"name": str(name)}}:
            pass
        case _:
            return True
    location = chosen(name, uri, to=options.to, base=base, trial=options.trial)
    return "://" in location or (Path(location) / "parts").exists()
