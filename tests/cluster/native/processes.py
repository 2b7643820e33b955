"""The processes of the native cluster: started with a mark, found again by it.

The mark is a variable in each process's environment, which the kernel shows under /proc. So
there is no list of process ids that could be out of date: whoever kills `up` half-way, or
raises the cluster from another checkout, still finds exactly what is running.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import wait_until
from cluster.command import tail
from cluster.errors import ClusterError

MARK = "MODELRUN_TEST_CLUSTER"
ROLE = "MODELRUN_TEST_CLUSTER_ROLE"
WRAPPERS = frozenset({"nsenter", "setsid", "unshare"})
LASTING_SECONDS = 0.5
"""How long a process must have been seen: one with a wrong flag also runs for some milliseconds."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of this cluster."""

    pid: int
    role: str
    command: str

    def kill(self) -> None:
        """End it without asking; fine when it has ended."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; fine when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


@dataclass(frozen=True, slots=True)
class Processes:
    """All processes that carry the mark of the cluster kept in the folder `mark`."""

    mark: Path
    logs: Path

    def all(self) -> Iterator[Process]:
        """Yield every marked process of this machine, wrappers and container shims included."""
        wanted = f"{MARK}={self.mark}".encode()
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                if wanted not in environment:
                    continue
                command = (folder / "comm").read_text().strip()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if state in "ZX":
                continue
            role = next(
                (
                    e.decode().partition("=")[2]
                    for e in environment
                    if e.startswith(f"{ROLE}=".encode())
                ),
                "",
            )
            yield Process(int(folder.name), role, command)

    def find(self, role: str) -> Process | None:
        """Return the process that does the work of `role`; None when it is not running.

        A container shim inherits the role of its containerd, a wrapper that of what it wraps:
        neither is the one.
        """
        found = [
            p
            for p in self.all()
            if p.role == role and p.command not in WRAPPERS and "shim" not in p.command
        ]
        return min(found, key=lambda p: p.pid) if found else None

    def start(
        self,
        role: str,
        arguments: Sequence[str | Path],
        *,
        within: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a daemon that outlives this program.

        Args:
            role: Its name, unique in the cluster; also the name of its log.
            arguments: Program and arguments.
            within: A wrapper command that enters or makes namespaces.
            env: Further variables.

        Raises:
            ClusterError: It ended at once.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.log(role)
        with log.open("ab") as output:
            subprocess.run(
                ["setsid", "--fork", *within, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {}), MARK: str(self.mark), ROLE: role},
                cwd="/",
                check=True,
                timeout=10,
            )
        seen = time.monotonic()
        pid, since = 0, seen

        def lasting() -> Process | None:
            nonlocal pid, since
            process, now = self.find(role), time.monotonic()
            if process is None or process.pid != pid:
                pid, since = (process.pid if process else 0), now
            return process if process and now - since >= LASTING_SECONDS else None

        def has_wrapper() -> None:
            nonlocal seen
            now = time.monotonic()
            if any(p.role == role for p in self.all()):
                seen = now
            # For a moment between two programs the kernel shows no environment at all.
            elif now - seen > 0.5:
                raise ClusterError(f"{role} ended at once; {log} ends with:\n{tail(log)}")

        return wait_until(
            f"start of {role}",
            lasting,
            limit=10,
            every=0.05,
            guard=has_wrapper,
            explain=lambda: tail(log),
        )

    def log(self, role: str) -> Path:
        return self.logs / f"{role}.log"

    def require(self, *roles: str) -> None:
        """Raise a ClusterError with the end of the log if one of the roles is not running."""
        running = {p.role for p in self.all() if p.command not in WRAPPERS}
        for role in roles:
            if role not in running:
                raise ClusterError(
                    f"{role} is not running any more; {self.log(role)} ends with:\n"
                    f"{tail(self.log(role))}"
                )

    def stop(self, roles: Sequence[str] | None = None, *, limit: float = 30) -> None:
        """End the processes of the given roles, or all, and wait until they are gone."""

        def left() -> list[Process]:
            return [p for p in self.all() if roles is None or p.role in roles]

        def gone() -> bool:
            remaining = left()
            for process in remaining:
                process.kill()
            return not remaining

        wait_until(
            "end of the cluster's processes",
            gone,
            limit=limit,
            every=0.1,
            explain=lambda: ", ".join(f"{p.pid} {p.command} ({p.role})" for p in left()),
        )
