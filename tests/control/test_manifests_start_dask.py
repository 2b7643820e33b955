"""The arguments and variables of the manifests start a real Dask cluster, and only TLS gets in."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelrun_api.loader import validate_profile
from modelrun_operator.manifests.dask_cluster import dask_cluster
from modelrun_operator.manifests.jobs import runner_job
from modelrun_operator.manifests.sizing import size
from modelrun_operator.pki.issue import issue
from modelrun_operator.settings import Settings
from support.world import PROFILE, a_run

CLIENT = """
from distributed import Client
import os, ssl
with Client(timeout=30) as client:
    client.wait_for_workers(2, timeout=60)
    info = client.scheduler_info(n_workers=-1)
    print(sorted(w["name"] for w in info["workers"].values()))
    print({address.split("://")[0] for address in info["workers"]})
    print(client.submit(sum, [1, 2, 3]).result(timeout=30))
    print(sorted(client.run(lambda: os.environ["OMP_NUM_THREADS"]).values()))
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def started(stack, container, folder, role, files, changes, extra_env=()):
    """Start a container's command as a process, with its files where this machine can have them."""
    tls = folder / role
    tls.mkdir()
    (tls / "ca.crt").write_text(files["ca.crt"])
    (tls / "tls.crt").write_text(files[f"{role}.crt"])
    (tls / "tls.key").write_text(files[f"{role}.key"])
    env = {one["name"]: one["value"] for one in container["env"]} | dict(extra_env)
    env = {k: v.replace("/etc/dask-tls", str(tls)) for k, v in env.items()}
    env |= {"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.environ["PATH"]}
    args = list(container["args"])
    for flag, value in changes.items():
        args[args.index(flag) + 1] = value
    log = (folder / f"{role}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", *args], env=env, stdout=log, stderr=log, cwd=folder
    )

    def end():
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
        log.close()

    stack.callback(end)
    return env


def test_scheduler_workers_and_runner_find_each_other_over_tls_and_nobody_else(tmp_path: Path):
    run, profile = a_run(), validate_profile(PROFILE).spec
    sized = size(run.spec, profile, nodes=1)
    cluster = dask_cluster(run, profile, Settings(), incarnation=1, size=sized)["spec"]
    job = runner_job(run, profile, Settings(), attempt=1, incarnation=1, size=sized)
    files = issue(cluster="c", hosts=(), hours=1, now=datetime.now(UTC)).files
    port = free_port()
    address = f"tls://127.0.0.1:{port}"
    with ExitStack() as stack:
        (scheduler,) = cluster["scheduler"]["spec"]["containers"]
        started(
            stack,
            scheduler,
            tmp_path,
            "scheduler",
            files,
            {"--port": str(port), "--dashboard-address": "127.0.0.1:0"},
        )
        (worker,) = cluster["worker"]["spec"]["containers"]
        first = free_port()
        started(
            stack,
            worker,
            tmp_path,
            "worker",
            files,
            {
                "--nworkers": "2",
                "--name": "pod",
                "--local-directory": str(tmp_path),
                "--worker-port": f"{first}:{first + 40}",
                "--nanny-port": f"{first + 50}:{first + 90}",
            },
            {"DASK_SCHEDULER_ADDRESS": address}.items(),
        )
        (runner,) = job["spec"]["template"]["spec"]["containers"]
        client = tmp_path / "client"
        client.mkdir()
        for name, key in (
            ("ca.crt", "ca.crt"),
            ("tls.crt", "client.crt"),
            ("tls.key", "client.key"),
        ):
            (client / name).write_text(files[key])
        env = {one["name"]: one["value"] for one in runner["env"]}
        env = {k: v.replace("/etc/dask-tls", str(client)) for k, v in env.items()}
        env |= {
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path),
            "PATH": os.environ["PATH"],
            "DASK_SCHEDULER_ADDRESS": address,
        }
        done = subprocess.run(
            [sys.executable, "-c", CLIENT],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        logs = "".join(log.read_text() for log in tmp_path.glob("*.log"))
        assert done.returncode == 0, done.stderr[-2000:] + logs[-3000:]
        assert done.stdout.splitlines() == ["['pod-0', 'pod-1']", "{'tls'}", "6", "['1', '1']"]
        # A stranger who speaks plainly is turned away before a word of Dask.
        with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
            stranger.settimeout(10)
            stranger.sendall(b"\x00" * 64)
            time.sleep(0.2)
            with pytest.raises((ConnectionError, AssertionError)):
                answer = stranger.recv(64)
                # A TLS alert (21) is all that may come back before the end.
                assert answer[:1] not in {b"", b"\x15"}
