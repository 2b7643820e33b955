"""A run on a cluster as Python sees it: `modelrun.submit` and `modelrun.remote_run` return one.

    run = modelrun.submit("modelrun.yaml")
    run.wait().coefficients

Every question is answered by the API server when it is asked; nothing is kept but the name.
Results in a bucket are read where they are. Those on a volume are copied: into a folder that is
named, or else into a temporary one that goes when nobody holds the results any more.
"""

from __future__ import annotations

import os
import tempfile
import time
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modelrun.errors import InfrastructureError
from modelrun.remote.advice import answer
from modelrun.remote.connection import Connection
from modelrun.remote.fetching import address, bring, is_reachable
from modelrun.remote.logs import Role, logs
from modelrun.remote.runs import Runs
from modelrun.remote.verdict import failure, gone

if TYPE_CHECKING:
    from modelrun.remote.seen import Seen
    from modelrun.result import RunResult
    from modelrun_api.status import ModelRunStatus


class RemoteRun:
    """A run on a cluster."""

    def __init__(self, connection: Connection, name: str) -> None:
        """Name a run; nothing is asked yet."""
        self._connection = connection
        self._runs = Runs(connection)
        self.name = name
        """The run's name."""

    @property
    def namespace(self) -> str:
        """The run's namespace."""
        return self._connection.namespace

    @property
    def status(self) -> ModelRunStatus:
        """What the operator reports now."""
        return self._look().status

    @property
    def phase(self) -> str:
        """The phase now: Pending, Running, Succeeded and so on."""
        return str(self._look().phase)

    def why(self) -> str:
        """Return why the run is not further, and what to do next."""
        said = answer(self._look(), now=datetime.now(UTC))
        lines = (said.headline, said.message, said.next_step and f"next: {said.next_step}")
        return "\n".join(line for line in lines if line)

    def wait(
        self, timeout: float | None = None, *, to: str | os.PathLike[str] | None = None
    ) -> RunResult:
        """Wait for the end and return the results.

        Args:
            timeout: The longest wait in seconds; for ever where it is None. The run goes on.
            to: A folder into which the results are copied; see `results`.

        Raises:
            TooManyFailed: More fits failed than maxFailed allows; `results()` opens the tables.
            UserMistake: The run was refused, or deleted.
            InfrastructureError: The infrastructure failed too often, or the time is over.
            ModelrunError: The run failed in another way.
        """
        until = None if timeout is None else time.monotonic() + timeout
        last: Seen | None = None
        for last in self._runs.follow(self.name, until=until):
            if last.finished:
                break
        assert last is not None
        if not last.finished:
            if self._runs.find(self.name) is None:
                raise gone(self.name)
            raise InfrastructureError(
                f"{self.name} is not finished after {timeout:.0f} s ({last.phase}); it goes on, "
                "and so may you: call wait again"
            )
        error = failure(last, now=datetime.now(UTC))
        if error is not None:
            raise error
        return self._open(last, to)

    def results(self, to: str | os.PathLike[str] | None = None) -> RunResult:
        """Return the results as they are stored now.

        Args:
            to: A folder into which they are copied. Without one they are read where they are; from
                a volume of the cluster, which cannot be read from outside, they are copied into a
                temporary folder that goes with the object that this returns.

        Raises:
            UserMistake: There are none yet, or they cannot be copied from the volume; says how to
                get at them.
            InfrastructureError: The cluster or the storage is away; call it again.
        """
        return self._open(self._look(), to)

    def logs(self, role: Role | None = None, *, tail: int = 1000) -> str:
        """Return the last lines of the pods' logs, each under its pod's name.

        Args:
            role: Only preflight, runner, scheduler or worker.
            tail: So many lines of each.
        """
        found = logs(self._connection, self._look(), role=role, tail=tail)
        return "\n".join(f"==> {log.pod} <==\n" + "\n".join(log.lines) for log in found)

    def suspend(self) -> None:
        """Give everything back; finished fits stay."""
        self._runs.suspend(self.name, suspended=True)

    def resume(self) -> None:
        """Go on after a suspension."""
        self._runs.suspend(self.name, suspended=False)

    def cancel(self) -> None:
        """Delete the unfinished run; its stored fits stay."""
        self._runs.cancel(self.name)

    def _look(self) -> Seen:
        return self._runs.get(self.name)

    def _open(self, run: Seen, to: str | os.PathLike[str] | None) -> RunResult:
        from modelrun.result import RunResult

        if to is not None:
            bring(self._connection, run, Path(to))
            return RunResult(to)
        uri = address(run)
        if is_reachable(uri):
            return RunResult(uri)
        folder = tempfile.TemporaryDirectory(prefix=f"modelrun-{run.name}-")
        try:
            bring(self._connection, run, Path(folder.name))
            result = RunResult(folder.name)
        except BaseException:
            folder.cleanup()
            raise
        weakref.finalize(result, folder.cleanup)
        return result

    def __repr__(self) -> str:
        """Return name and namespace; nothing is asked."""
        return f"<RemoteRun {self.name} in {self.namespace}>"
