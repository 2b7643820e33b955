"""Whatever a fit does to its worker, each fit ends with exactly one outcome."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelrun.backends.dask import DaskBackend

pytestmark = pytest.mark.timeout(120)


def test_without_accidents_every_fit_comes_back_once(cluster, acting, tasks, said):
    found = said(cluster.map(acting({}), tasks(200, 20)), 200)
    assert found.odd() == {}
    assert len(found.pids) == 2


def test_a_fit_that_ends_its_worker_is_named_and_its_neighbours_are_fitted(
    cluster, acting, tasks, said
):
    acts = {3: "kill", 44: "abort", 45: "segfault", 81: "exit"}
    found = said(cluster.map(acting(acts, 0.002), tasks(100, 20)), 100)
    assert found.odd() == dict.fromkeys(acts, "WorkerDied")
    assert "SIGKILL (9)" in found.lost[3].message
    assert "SIGABRT (6)" in found.lost[44].message
    assert "SIGSEGV (11)" in found.lost[45].message
    assert "exit code 3" in found.lost[81].message
    assert found.lost[3].attempts == 2


def test_c_code_that_holds_the_interpreter_is_killed_at_the_limit(cluster, acting, tasks, said):
    begin = time.monotonic()
    found = said(cluster.map(acting({5: "hold"}), tasks(40, 10)), 40)
    assert found.odd() == {5: "Timeout"}
    assert time.monotonic() - begin < 90


def test_a_fit_that_eats_the_memory_is_killed_before_the_machine_suffers(
    cluster, acting, tasks, said
):
    found = said(cluster.map(acting({5: "eat"}, limit=60), tasks(40, 10)), 40)
    assert found.odd() == {5: "OutOfMemory"}
    assert "limit 500 MiB" in found.lost[5].message


def test_what_a_fit_raises_is_a_record_and_a_forked_child_does_not_go_on(
    cluster, acting, tasks, said
):
    acts = {1: "raise", 2: "sys.exit", 3: "fork", 4: "print", 5: "loop"}
    found = said(cluster.map(acting(acts), tasks(12, 12)), 12)
    assert found.odd() == {1: "ValueError", 2: "SystemExit", 5: "Timeout"}


def test_a_result_that_cannot_be_pickled_ends_as_one_failure(cluster, acting, tasks, said):
    found = said(cluster.map(acting({7: "unpicklable", 12: "no bytes"}), tasks(20, 10)), 20)
    assert found.odd() == dict.fromkeys((7, 12), "ResultNotSerialisable")


def test_ten_killers_are_all_convicted(cluster, acting, tasks, said):
    acts = {fit: "kill" for fit in (0, 1, 2, 30, 31, 59, 60, 80, 98, 99)}
    found = said(cluster.map(acting(acts), tasks(100, 20)), 100)
    assert found.odd() == dict.fromkeys(acts, "WorkerDied")


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    acts=st.dictionaries(
        st.integers(0, 29), st.sampled_from(["kill", "abort", "exit", "raise"]), max_size=4
    ),
    size=st.integers(1, 30),
)
def test_any_killers_in_any_tasks_leave_one_outcome_per_fit(
    cluster, acting, tasks, said, acts, size
):
    found = said(cluster.map(acting(acts), tasks(30, size)), 30)
    died = {fit: "ValueError" if act == "raise" else "WorkerDied" for fit, act in acts.items()}
    assert found.odd() == died


def test_closing_the_iterator_leaves_no_task_on_the_scheduler(cluster, acting, tasks):
    outcomes = cluster.map(acting({}, 0.01), tasks(400, 5))
    for _ in range(3):
        next(outcomes)
    outcomes.close()
    end = time.monotonic() + 3
    while left := cluster._client.run_on_scheduler(
        lambda dask_scheduler: [str(key) for key in dask_scheduler.tasks]
    ):
        assert time.monotonic() < end, left
        time.sleep(0.05)


def test_one_worker_is_enough_and_is_not_the_runner(acting, tasks, said):
    import os

    with DaskBackend(workers=1, fit_timeout=300) as backend:
        found = said(backend.map(acting({3: "kill"}), tasks(20, 5)), 20)
    assert found.odd() == {3: "WorkerDied"}
    assert os.getpid() not in found.pids
