"""Before the first fit: every worker has the runner's packages and one numeric thread.

Different versions give different numbers, and a BLAS with many threads in each of many processes
makes everything slow; both are found here and shown as a table of what differs.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from modelrun.backends.machine import ProcessRoom, process_room

PACKAGES = ("modelrun", "numpy", "scipy", "pandas", "pyarrow", "statsmodels", "patsy", "joblib")
"""Packages whose versions must be equal in runner and workers."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a process is made of."""

    versions: tuple[tuple[str, str], ...]
    """Name and version of Python and of the packages; `absent` where one is not installed."""
    pools: tuple[tuple[str, int], ...]
    """Each pool of numeric threads that is loaded: its library and its number of threads."""
    processes: ProcessRoom | None = None
    """The room for processes around the worker; None where nothing limits it."""


def inspect() -> Inspection:
    """Look at this process; loads the numeric libraries that bring thread pools."""
    import numpy as np  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    return Inspection(
        versions=versions(),
        pools=tuple(
            (f"{pool['user_api']} ({pool['internal_api']})", int(pool["num_threads"]))
            for pool in threadpool_info()
        ),
        processes=process_room(),
    )


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Return the versions that must be equal everywhere."""
    found = [("python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append((name, "absent"))
    return tuple(found)


def differences(
    here: tuple[tuple[str, str], ...], workers: Mapping[str, Inspection]
) -> list[tuple[str, str, str, int]]:
    """Compare workers with the runner.

    Args:
        here: The versions of the runner.
        workers: The inspection of each worker, by its address.

    Returns:
        Rows of (what, runner, worker, number of such workers), in a fixed order; empty where
        everything is as it must be.
    """
    rows: Counter[tuple[str, str, str]] = Counter()
    for seen in workers.values():
        there = dict(seen.versions)
        for name, version in here:
            if there.get(name, "absent") != version:
                rows[name, version, there.get(name, "absent")] += 1
        for library, threads in sorted(set(seen.pools)):
            if threads != 1:
                rows[f"threads of {library}", "1", str(threads)] += 1
    return [(*row, count) for row, count in sorted(rows.items())]


def scarce(workers: Mapping[str, Inspection]) -> str:
    """Return what to say of workers whose container has hardly a process left; else nothing."""
    found = {
        who: seen.processes
        for who, seen in sorted(workers.items())
        if seen.processes is not None and seen.processes.is_scarce
    }
    if not found:
        return ""
    who, room = next(iter(found.items()))
    return (
        f"{len(found)} of {len(workers)} workers are in containers with hardly a process left; "
        f"that of {who} has {room.used} of {room.limit} processes and threads. Use fewer workers "
        "on a node, or raise the limit (podPidsLimit of the kubelet)"
    )


def table(rows: list[tuple[str, str, str, int]]) -> str:
    """Return the differences as a text table."""
    head = ("", "needed", "found", "workers")
    cells = [head, *((what, here, there, str(count)) for what, here, there, count in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
