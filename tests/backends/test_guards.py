"""The guard, the recorder, and the backends without worker processes."""

from __future__ import annotations

import os
import threading
import time

import pytest

from modelrun.backends import recorder
from modelrun.backends.catalog import open_backend
from modelrun.backends.guard import FitTimeout, WorkerGuard
from modelrun.engines.guard import Caught
from modelrun.errors import InfrastructureError
from modelrun_api.failure import FailureReason

pytestmark = pytest.mark.timeout(60)


def in_a_thread(function):
    got = []
    thread = threading.Thread(target=lambda: got.append(function()))
    thread.start()
    thread.join(30)
    return got[0]


def test_an_endless_loop_ends_at_the_limit_and_the_next_fit_is_untouched():
    def endless():
        while True:
            pass

    def both():
        with WorkerGuard(limit=0.3) as guard:
            begin = time.monotonic()
            first = guard.call(1, endless)
            return first, time.monotonic() - begin, guard.call(2, lambda: sum(range(100_000)))

    first, seconds, second = in_a_thread(both)
    assert isinstance(first, Caught)
    assert first.reason is FailureReason.TIMEOUT
    assert "in endless" in first.traceback
    assert "0.3 s" in str(first.error)
    assert 0.3 <= seconds < 20
    assert second == sum(range(100_000))


def test_a_loop_that_swallows_the_first_timeout_gets_another_one():
    def stubborn():
        try:
            while True:
                pass
        except BaseException:
            while True:
                pass

    def call():
        with WorkerGuard(limit=0.2) as guard:
            return guard.call(1, stubborn)

    assert in_a_thread(call).reason is FailureReason.TIMEOUT


def test_a_timeout_at_the_very_end_of_a_fit_never_hits_what_follows():
    def race():
        ends = []
        with WorkerGuard(limit=0.02) as guard:
            for wait in range(60):
                until = time.monotonic() + 0.015 + wait * 0.0002
                got = guard.call(wait, lambda until=until: spin(until))
                ends.append(isinstance(got, Caught))
                spin(time.monotonic() + 0.001)
        return ends

    def spin(until):
        while time.monotonic() < until:
            pass

    assert len(in_a_thread(race)) == 60


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ValueError("x"), None),
        (SystemExit(2), None),
        (MemoryError("too big"), FailureReason.OUT_OF_MEMORY),
        (KeyboardInterrupt(), None),
    ],
)
def test_whatever_a_fit_raises_in_a_worker_comes_back_as_a_value(raised, reason):
    def fit():
        raise raised

    def call():
        with WorkerGuard(limit=10) as guard:
            return guard.call(0, fit)

    caught = in_a_thread(call)
    assert caught.error is raised
    assert caught.reason is reason


def test_an_interrupt_of_the_main_thread_is_not_taken_for_a_failed_fit():
    def fit():
        raise KeyboardInterrupt

    with WorkerGuard(limit=10) as guard, pytest.raises(KeyboardInterrupt):
        guard.call(0, fit)


def test_a_forked_child_ends_inside_the_guard():
    with WorkerGuard(limit=10) as guard:
        child = guard.call(0, os.fork)
        assert os.waitpid(child, 0)[1] == 0


def test_a_note_tells_what_a_process_is_doing(tmp_path):
    file = tmp_path / "n.note"
    note = recorder.Recorder(file, address="tls://127.0.0.1:5000")
    note.begin(77)
    with WorkerGuard(limit=5, note=note) as guard:
        seen = guard.call(12, lambda: recorder.read(file))
    assert (seen.pid, seen.submission, seen.fit, seen.limit) == (os.getpid(), 77, 12, 5)
    assert seen.address == "tls://127.0.0.1:5000"
    assert seen.overdue(seen.start + 6.1, grace=1)
    assert not seen.overdue(seen.start + 5.9, grace=1)
    after = recorder.read(file)
    assert (after.fit, after.finished) == (recorder.NO_FIT, 1)
    assert not after.overdue(after.start + 1e9, grace=1)
    note.end()
    assert recorder.read(file).submission == 0


@pytest.mark.parametrize("name", ["serial", "threads"])
def test_backends_of_this_process_give_the_same_outcomes(name, acting, tasks, said):
    acts = {1: "raise", 5: "sys.exit", 9: "loop", 20: "unpicklable"}
    with open_backend(name, workers=2) as backend:
        found = said(backend.map(acting(acts, limit=0.2), tasks(60, 7)), 60)
    assert found.odd() == {
        1: "ValueError",
        5: "SystemExit",
        9: "Timeout",
        20: "ResultNotSerialisable",
    }
    assert found.pids == {os.getpid()}


@pytest.mark.parametrize("name", ["serial", "threads"])
def test_an_error_of_the_run_passes_through(name, tasks):
    def work(task):
        raise InfrastructureError("the panel is gone")

    with (
        open_backend(name, workers=2) as backend,
        pytest.raises(InfrastructureError, match="panel"),
    ):
        list(backend.map(work, tasks(60, 7)))


@pytest.mark.parametrize("name", ["serial", "threads"])
def test_a_closed_iterator_hands_out_no_more(name, tasks):
    done = []

    def work(task):
        done.append(task.number)
        return b""

    with open_backend(name, workers=2) as backend:
        outcomes = backend.map(work, tasks(10_000, 1))
        next(outcomes)
        outcomes.close()
    assert len(done) < 100


def test_the_timeout_is_no_exception_that_a_fit_would_catch_by_accident():
    assert not issubclass(FitTimeout, Exception)
