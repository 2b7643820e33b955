"""A task that is stuck is handed out again; a profile shows where workers spend their time."""

from __future__ import annotations

import pstats
import subprocess
import sys
import time

import pytest

from modelrun.backends import profile
from modelrun.backends.dask import DaskBackend
from modelrun.backends.overhead import measure

PROFILED = """
from pathlib import Path
import numpy as np
from modelrun.backends import profile
from modelrun.backends.dask import DaskBackend
from modelrun.plan.task import Task

class Busy:
    def __call__(self, task):
        return str(sum(self.slow(n) for n in range(2000))).encode()

    def slow(self, n):
        return sum(range(n))

here = Path(".").resolve()
with profile.runner(here), DaskBackend(workers=1, profile=here) as backend:
    todo = (Task(n, 0, np.arange(5)) for n in range(4))
    assert len(list(backend.map(Busy(), todo))) == 4
"""

pytestmark = pytest.mark.timeout(120)


def test_a_task_that_never_comes_back_is_handed_out_again_and_counts_once(
    acting, tasks, said, tmp_path
):
    inner = acting({}, limit=1)
    flag = tmp_path / "flag"

    class StuckOnce:
        def __call__(self, task):
            if task.number == 2 and not flag.exists():
                flag.touch()
                time.sleep(600)
            return inner(task)

    begin = time.monotonic()
    with DaskBackend(workers=2, fit_timeout=1, lease_seconds=1) as backend:
        found = said(backend.map(StuckOnce(), tasks(40, 10)), 40)
    assert found.odd() == {}
    assert flag.exists()
    assert time.monotonic() - begin < 60


def test_a_profile_of_runner_and_workers_opens_with_pstats(tmp_path):
    # In a process of its own, where nothing else traces or watches.
    (tmp_path / "program.py").write_text(PROFILED)
    ended = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, timeout=100, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert (tmp_path / "runner.prof").exists()
    (worker,) = tmp_path.glob("worker-*.prof")
    assert pstats.Stats(str(worker)).total_calls > 4 * 2000
    rows = profile.top(tmp_path)
    assert len(rows) == 10
    assert [own for _, _, own, _ in rows] == sorted((own for _, _, own, _ in rows), reverse=True)
    assert any("slow" in name for name, _, _, _ in profile.top(tmp_path, 10_000))


def test_the_overhead_of_a_fit_is_measured():
    cost = measure("serial", fits=2_000)
    assert cost.microseconds_per_fit > 0
