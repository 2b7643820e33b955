"""Start a program so that `joblib.parallel_config("dask")` finds a cluster inside it.

On a laptop a cluster is started for the program and gone after it. Where the environment names a
scheduler, that one is used. The program itself is not touched: a `sitecustomize` on its path
prepares joblib when the program imports it (see modelrun.program.site).
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from modelrun.backends import machine
from modelrun.backends.certificates import Certificates, issue
from modelrun.backends.cluster_process import Order
from modelrun.backends.local_cluster import LocalCluster
from modelrun.backends.machine import ADDRESS
from modelrun.errors import UserMistake

SITE = Path(__file__).parent / "site"
ALLOWED_FAILURES = 3
"""Workers that one call of a program may end before joblib raises there; Dask's own default."""
WORKER_TTL_SECONDS = 3600.0
STOP_SECONDS = 10.0
_PYTHONS = frozenset({"python", "python3"})


def run(
    command: Sequence[str],
    *,
    workers: int | None = None,
    cwd: Path | None = None,
    tls: bool = False,
    dashboard: str | None = None,
) -> int:
    """Run a program to its end and return its exit code.

    Args:
        command: The program and its arguments. `python` means the Python that runs this.
        workers: Worker processes on this machine, by default one per processor; not used where
            the environment names a scheduler.
        cwd: The folder to run it in, by default the present one.
        tls: Encrypt the connections of a cluster on this machine.
        dashboard: Where such a cluster shows Dask's dashboard.

    Returns:
        The exit code; 128 + n where signal n ended the program, as shells say it.

    Raises:
        UserMistake: The program cannot be started.
        InfrastructureError: The cluster on this machine did not start.
    """
    with ExitStack() as stack:
        environment = dict(os.environ)
        if ADDRESS not in environment:
            environment |= stack.enter_context(_cluster(workers, tls=tls, dashboard=dashboard))
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(SITE), environment.get("PYTHONPATH", "")])
        )
        words = [sys.executable if command[0] in _PYTHONS else command[0], *command[1:]]
        try:
            process = subprocess.Popen(words, cwd=cwd, env=environment)
        except OSError as error:
            raise UserMistake(
                f"the program {command[0]!r} cannot be started: {error.strerror}",
                field="spec.program.command",
            ) from error
        with _stopping(process):
            code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _cluster(workers: int | None, *, tls: bool, dashboard: str | None) -> Iterator[dict[str, str]]:
    """Start a cluster on this machine; yields the variables that lead a program to it."""
    certificates = issue(dt.datetime.now(dt.UTC)) if tls else None
    folder = Path(tempfile.mkdtemp(prefix="modelrun-program-"))
    cluster = LocalCluster(
        Order(
            workers=workers if workers is not None else machine.processors(),
            worker_ttl=WORKER_TTL_SECONDS,
            security=certificates.security() if certificates else None,
            dashboard=dashboard,
            allowed_failures=ALLOWED_FAILURES,
        )
    )
    try:
        cluster.wait()
        variables = {ADDRESS: cluster.address}
        if certificates is not None:
            variables |= _tls_variables(certificates, folder)
        yield variables
    finally:
        cluster.close()
        shutil.rmtree(folder, ignore_errors=True)


def _tls_variables(certificates: Certificates, folder: Path) -> dict[str, str]:
    """Write the client's pair into a private folder and name it in Dask's variables."""
    pair = certificates.client
    texts = {"ca.crt": certificates.authority, "tls.crt": pair.certificate, "tls.key": pair.key}
    for name, text in texts.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")
    prefix = "DASK_DISTRIBUTED__COMM__"
    return {
        f"{prefix}REQUIRE_ENCRYPTION": "True",
        f"{prefix}TLS__CA_FILE": str(folder / "ca.crt"),
        f"{prefix}TLS__CLIENT__CERT": str(folder / "tls.crt"),
        f"{prefix}TLS__CLIENT__KEY": str(folder / "tls.key"),
        f"{prefix}TLS__MIN_VERSION": "1.3",
    }


@contextmanager
def _stopping(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand SIGTERM on to the program, and never leave it behind."""

    def forward(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        process.send_signal(number)

    main = threading.current_thread() is threading.main_thread()
    former = signal.signal(signal.SIGTERM, forward) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGTERM, former)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)
