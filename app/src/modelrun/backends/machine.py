"""What this machine offers to workers: processors, memory, open files, and how threads are tamed.

Numbers are those of the container where there is one, not those of the host.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelrun.errors import InfrastructureError

ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""Environment variable with the scheduler of a cluster that is there already; Dask's own."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Numeric libraries read these when they are loaded; all must be 1 where one process runs per
processor."""

ONE_THREAD: Mapping[str, str] = dict.fromkeys(THREAD_VARIABLES, "1")

LARGE_PAGES: Mapping[str, str] = {"MIMALLOC_ALLOW_LARGE_OS_PAGES": "1"}
"""Arrow's allocator reads this when it is loaded: half of the time of reading a large file is
the kernel handing out memory in pages of 4 KiB."""

FILES_PER_WORKER = 3
FILES_FOR_THE_REST = 200
_MEMORY_FILES = (
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory.high",
    "/sys/fs/cgroup/memory.low",
)
RUNNER_SHARE = 0.1
"""The share of memory that workers leave to the runner, the scheduler and the system."""


def processors() -> int:
    """Return how many processors this process may use: affinity and control groups count.

    So does joblib's own variable LOKY_MAX_CPU_COUNT.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wished = int(os.environ.get("LOKY_MAX_CPU_COUNT", sys.maxsize))
    return max(1, min(allowed or 1, _share(), wished))


def _share() -> int:
    """Return the processors that the control group of this process gives, rounded up."""
    for quota, period in (_version_2(), _version_1()):
        if quota > 0 and period > 0:
            return -(-quota // period)
    return sys.maxsize


def _version_2() -> tuple[int, int]:
    words = _content("/sys/fs/cgroup/cpu.max").split()
    return (int(words[0]), int(words[1])) if len(words) == 2 and words[0] != "max" else (0, 0)


def _version_1() -> tuple[int, int]:
    folder = "/sys/fs/cgroup/cpu/cpu.cfs_"
    return int(_content(f"{folder}quota_us") or 0), int(_content(f"{folder}period_us") or 0)


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""


def memory() -> int:
    """Return the bytes of memory of this machine, or of the container where that has fewer.

    The same as distributed.system.MEMORY_LIMIT, without the second that importing it takes.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(word) for path in _MEMORY_FILES for word in _content(path).split()[:1]
              if word.isdigit()]  # fmt: skip
    limits.append(resource.getrlimit(resource.RLIMIT_RSS)[1])
    return min([total, *(limit for limit in limits if limit > 0)])


def memory_per_worker(workers: int) -> int:
    """Return the bytes of anonymous memory that each of some workers on this machine may use."""
    return int(memory() * (1 - RUNNER_SHARE) / max(1, workers))


@dataclass(frozen=True, slots=True)
class ProcessRoom:
    """How many processes and threads a container has, and how many it may have."""

    used: int
    limit: int

    @property
    def is_scarce(self) -> bool:
        """Whether less than a tenth is left: the next worker that restarts may find none."""
        return self.used > 0.9 * self.limit


def process_room(
    folders: Sequence[Path] = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/pids")),
) -> ProcessRoom | None:
    """Return the room for processes in this container; None where nothing limits it.

    Args:
        folders: Where the control group may be mounted (version 2, version 1).
    """
    for folder in folders:
        try:
            limit = (folder / "pids.max").read_text(encoding="ascii").strip()
            used = (folder / "pids.current").read_text(encoding="ascii").strip()
        except OSError:
            continue
        return None if limit == "max" else ProcessRoom(int(used), int(limit))
    return None


def raise_file_limit(workers: int) -> None:
    """Raise the soft limit of open files to what a scheduler needs for its workers.

    Sent to a scheduler that runs elsewhere, it is that one's limit.

    Raises:
        InfrastructureError: The hard limit is lower than that.
    """
    needed = FILES_PER_WORKER * workers + FILES_FOR_THE_REST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise InfrastructureError(
                f"{workers} workers need {needed} open files, the limit is {hard}; raise it "
                "(ulimit -n) or use fewer workers"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
