"""A task that is stuck is handed out again; a profile shows where workers spend their time."""

from __future__ import annotations

import pstats
import time

import pytest

from modelrun.backends import profile
from modelrun.backends.dask import DaskBackend
from modelrun.backends.overhead import measure

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


def test_a_profile_of_runner_and_workers_opens_with_pstats(tasks, tmp_path):
    class Busy:
        def __call__(self, task):
            return str(sum(self.slow(n) for n in range(2000))).encode()

        def slow(self, n):
            return sum(range(n))

    with (
        profile.runner(tmp_path),
        DaskBackend(workers=1, profile=tmp_path) as backend,
    ):
        assert len(list(backend.map(Busy(), tasks(20, 5)))) == 4
    assert (tmp_path / "runner.prof").exists()
    (worker,) = tmp_path.glob("worker-*.prof")
    assert pstats.Stats(str(worker)).total_calls > 4 * 2000
    rows = profile.top(tmp_path)
    assert len(rows) == 10
    assert [own for _, _, own, _ in rows] == sorted((own for _, _, own, _ in rows), reverse=True)
    assert any("slow" in name for name, _, _, _ in rows)


def test_the_overhead_of_a_fit_is_microseconds(capsys):
    cost = measure("serial", fits=20_000)
    with capsys.disabled():
        print(f"\n{cost.microseconds_per_fit:.1f} us per fit (serial)", end=" ")
    assert cost.microseconds_per_fit < 200
