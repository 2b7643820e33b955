"""Clusters that vanish, grow, differ or listen in: the run ends in words or goes on."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import dask
import psutil
import pytest

from modelrun.backends import certificates, machine, placement, preflight
from modelrun.backends.catalog import open_backend
from modelrun.backends.dask import DaskBackend
from modelrun.backends.machine import ONE_THREAD
from modelrun.errors import InfrastructureError, UserMistake
from modelrun.work import Work
from support.imports import imported

pytestmark = pytest.mark.timeout(120)


def test_a_killed_scheduler_ends_the_run_within_seconds(acting, tasks):
    with DaskBackend(workers=1) as backend:
        outcomes = backend.map(acting({}, 0.01), tasks(4000, 5))
        next(outcomes)
        os.kill(backend._cluster.pid, signal.SIGKILL)
        begin = time.monotonic()
        with pytest.raises(InfrastructureError, match="start the run again to go on"):
            list(outcomes)
        assert time.monotonic() - begin < 60


def test_a_run_without_workers_ends_after_the_time_it_may_be_without(acting, tasks):
    with DaskBackend(workers=1, no_workers_seconds=2) as backend:
        outcomes = backend.map(acting({}, 0.01), tasks(4000, 5))
        next(outcomes)
        end = time.monotonic() + 30
        while there := list(backend._client.nthreads()):
            # Refused as long as the only copy of a result lies there.
            backend._client.retire_workers(there)
            assert time.monotonic() < end, there
        with pytest.raises(InfrastructureError, match="there were no Dask workers for 2 s"):
            list(outcomes)


def test_workers_with_more_numeric_threads_are_refused_with_a_table():
    with pytest.raises(InfrastructureError, match=r"threads of blas \(openblas\) +1 +2 +1\b"):
        DaskBackend(workers=1, environment={"OPENBLAS_NUM_THREADS": "2"}).__enter__()


def test_differences_count_the_workers_that_have_them():
    here = (("python", "3.12.1"), ("numpy", "2.3.0"))
    same = preflight.Inspection(here, (("blas (openblas)", 1),))
    old = preflight.Inspection((("python", "3.12.1"), ("numpy", "2.1.0")), ())
    rows = preflight.differences(here, {"a": same, "b": old, "c": old})
    assert rows == [("numpy", "2.3.0", "2.1.0", 2)]
    assert preflight.table(rows).splitlines()[1].split() == ["numpy", "2.3.0", "2.1.0", "2"]


def test_an_unknown_backend_is_named_with_the_valid_ones():
    with pytest.raises(UserMistake, match="choose one of serial, threads, dask"):
        open_backend("ray")


SCRIPT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
import os, sys, time
from pathlib import Path
import numpy as np
from modelrun.backends.dask import DaskBackend
from modelrun.plan.task import Task

def main():
    def work(task):
        time.sleep(30 if task.number else 0)
        return b""

    with DaskBackend(workers=2) as backend:
        for outcome in backend.map(work, (Task(n, 0, np.arange(3)) for n in range(9))):
            Path("pid.part").write_text(str(backend._cluster.pid))
            Path("pid.part").rename("pid")

main()  # no main guard: workers must not run this file
"""


@pytest.fixture
def running(tmp_path):
    """A runner in the middle of a run, and the processes of its cluster."""
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    runner = subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 60
    while not (tmp_path / "pid").exists():
        assert runner.poll() is None, runner.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)
    cluster = psutil.Process(int((tmp_path / "pid").read_text()))
    processes = [cluster, *cluster.children(recursive=True)]
    yield runner, processes
    runner.kill()
    runner.wait()
    runner.stderr.close()


def test_an_interrupt_ends_the_run_at_once_and_leaves_no_process(running):
    runner, processes = running
    runner.send_signal(signal.SIGINT)
    assert runner.wait(timeout=60) != 0
    assert "KeyboardInterrupt" in runner.stderr.read()
    assert psutil.wait_procs(processes, timeout=20)[1] == []


def test_a_killed_runner_leaves_neither_process_nor_folder(running):
    runner, processes = running
    folder = Path(processes[0].environ()["MODELRUN_SCRATCH"])
    assert folder.exists()
    runner.kill()
    assert psutil.wait_procs(processes, timeout=20)[1] == []
    assert not folder.exists()


class Elsewhere:
    """A TLS cluster that is not ours: a scheduler, and workers that come when they are called."""

    def __init__(self, folder) -> None:
        self.certificates = certificates.issue(dt.datetime.now(dt.UTC))
        self.folder = folder
        self.processes: list[subprocess.Popen] = []
        pairs = {
            role: getattr(self.certificates, role) for role in ("scheduler", "worker", "client")
        }
        (folder / "ca.crt").write_text(self.certificates.authority)
        for role, pair in pairs.items():
            (folder / f"{role}.crt").write_text(pair.certificate)
            (folder / f"{role}.key").write_text(pair.key)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tls://127.0.0.1:{self.port}"
        self.start(
            "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard",
            "--protocol", "tls",
        )  # fmt: skip

    def settings(self, role: str) -> dict[str, object]:
        prefix = "distributed.comm."
        return {
            f"{prefix}require-encryption": True,
            f"{prefix}tls.ca-file": str(self.folder / "ca.crt"),
            f"{prefix}tls.min-version": 1.3,
            f"{prefix}tls.{role}.cert": str(self.folder / f"{role}.crt"),
            f"{prefix}tls.{role}.key": str(self.folder / f"{role}.key"),
        }

    def start(self, role: str, *words: str) -> None:
        variables = {
            "DASK_" + name.upper().replace(".", "__").replace("-", "_"): str(value)
            for name, value in self.settings(role).items()
        }
        with (self.folder / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "distributed.cli.dask_" + role, *words],
                    env=os.environ
                    | dict(ONE_THREAD)
                    | variables
                    | {"MODELRUN_SCRATCH": str(self.folder / "scratch")},
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                )
            )

    def worker(self) -> None:
        self.start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--memory-limit", "0",
            "--host", "127.0.0.1", "--local-directory", str(self.folder),
        )  # fmt: skip

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def elsewhere(tmp_path):
    cluster = Elsewhere(tmp_path)
    yield cluster
    cluster.stop()


def test_a_cluster_of_the_environment_is_waited_for_used_and_joined_late(
    elsewhere, acting, tasks, said, monkeypatch, tmp_path
):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", elsewhere.address)
    counts: list[int] = []
    elsewhere.worker()
    with dask.config.set(elsewhere.settings("client")):
        backend = open_backend("dask", quorum=1, fit_timeout=5, on_workers=counts.append)
        with backend:
            study = tmp_path / "study"
            study.mkdir()
            (study / "rows").write_bytes(os.urandom(3 << 20))
            place = backend.place(study, beside=None)
            study.rename(tmp_path / "hidden")  # workers cannot see the runner's folder
            fetching = fetch_then(acting({3: "kill"}, 0.02), place)
            outcomes = backend.map(fetching, tasks(600, 10))
            first = next(outcomes)
            elsewhere.worker()
            found = said([first, *outcomes], 600)
        assert found.odd() == {3: "WorkerDied"}
        assert len(found.pids) >= 2  # the restarted worker and the late one
        assert counts[-1] == 2
        assert not (elsewhere.folder / "scratch" / "studies" / place.identity).exists()


def fetch_then(work, place):
    class Fetching:
        def prepare(self):
            assert placement.find(place).joinpath("rows").stat().st_size == 3 << 20

        def __call__(self, task):
            self.prepare()
            return work(task)

    return Fetching()


def test_a_quorum_that_does_not_come_ends_in_words(elsewhere):
    counts: list[int] = []
    with dask.config.set(elsewhere.settings("client")):
        backend = DaskBackend(
            address=elsewhere.address, quorum=3, startup_seconds=0.3, on_workers=counts.append
        )
        with pytest.raises(InfrastructureError, match=r"0 of at least 3 workers came within 0.3 s"):
            backend.__enter__()
    assert counts == [0]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="sets limits of another process")
def test_a_scheduler_with_too_few_open_files_is_found_before_workers_are_waited_for(elsewhere):
    scheduler = elsewhere.processes[0].pid
    resource.prlimit(scheduler, resource.RLIMIT_NOFILE, (256, 512))
    with dask.config.set(elsewhere.settings("client")):
        backend = DaskBackend(address=elsewhere.address, quorum=20, startup_seconds=0.3)
        with pytest.raises(InfrastructureError, match="0 of at least 20 workers"):
            backend.__enter__()
        assert resource.prlimit(scheduler, resource.RLIMIT_NOFILE) == (260, 512), "raised"
        backend = DaskBackend(address=elsewhere.address, quorum=480, startup_seconds=60)
        with pytest.raises(InfrastructureError, match=r"480 workers need 1640 open files.* 512"):
            backend.__enter__()


def test_a_container_with_hardly_a_process_left_is_named(tmp_path):
    (tmp_path / "pids.max").write_text("100\n")
    (tmp_path / "pids.current").write_text("91\n")
    room = machine.process_room([tmp_path / "absent", tmp_path])
    said = preflight.scarce({"tcp://w": preflight.Inspection((), (), room)})
    assert "tcp://w has 91 of 100 processes" in said
    (tmp_path / "pids.current").write_text("60\n")
    room = machine.process_room([tmp_path])
    assert preflight.scarce({"tcp://w": preflight.Inspection((), (), room)}) == ""
    (tmp_path / "pids.max").write_text("max\n")
    assert machine.process_room([tmp_path]) is None


def test_a_cluster_of_this_machine_speaks_tls_13_and_only_with_its_own_clients(acting, tasks, said):
    with DaskBackend(workers=1, tls=True) as backend:
        host, _, port = backend._cluster.address.removeprefix("tls://").partition(":")
        assert said(backend.map(acting({}), tasks(20, 5)), 20).odd() == {}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection((host, int(port)), 5) as raw:
            refused = False
            try:
                with context.wrap_socket(raw) as stream:
                    assert stream.version() == "TLSv1.3"
                    refused = stream.recv(1) == b""
            except OSError:
                refused = True
        assert refused
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection((host, int(port)), 5) as raw,
            pytest.raises(OSError, match=r"PROTOCOL_VERSION|protocol version"),
        ):
            context.wrap_socket(raw)


def test_a_study_beside_the_results_is_fetched_once_per_machine_and_verified(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELRUN_SCRATCH", str(tmp_path / "scratch"))
    study = tmp_path / "study"
    (study / "deep").mkdir(parents=True)
    (study / "rows").write_bytes(b"r" * 100_000)
    (study / "deep" / "empty").write_bytes(b"")
    place = placement.elsewhere(study, uri=(tmp_path / "beside").as_uri())
    assert placement.find(place) == study
    study.rename(tmp_path / "away")
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(placement.find(place))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [placement.scratch() / place.identity] * 4
    assert (found[0] / "rows").read_bytes() == b"r" * 100_000
    assert (found[0] / "deep" / "empty").exists()

    placement.remove(place.identity)
    (tmp_path / "beside" / "rows").write_bytes(b"x" * 100_000)
    with pytest.raises(InfrastructureError, match="did not arrive as it was sent"):
        placement.find(place)


def test_a_folder_of_the_same_name_on_another_machine_is_not_taken_for_the_study(tmp_path):
    study = tmp_path / "study"
    study.mkdir()
    place = placement.here(study)
    (study / placement.MARK).write_text(json.dumps({"identity": "another"}))
    with pytest.raises(InfrastructureError, match="is not visible on this machine"):
        placement.find(place)
    assert Work(place).place == place
    with contextlib.suppress(FileNotFoundError):
        (study / placement.MARK).unlink()


def test_memory_is_what_distributed_finds_without_importing_it():
    from distributed.system import MEMORY_LIMIT

    assert machine.memory() == MEMORY_LIMIT
    assert (
        imported("from modelrun.backends import machine; machine.memory()", "distributed") == set()
    )
