"""The ModelRuns of a namespace: find, list, change, delete, follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from modelrun.errors import InfrastructureError, UserMistake
from modelrun.nearest import suggestion
from modelrun.remote.connection import Connection
from modelrun.remote.refusals import Changed, NotThere, Outdated
from modelrun.remote.seen import Seen, seen

WATCH_SECONDS: Final = 240
"""How long one watch lasts; load balancers end longer silences."""

PATIENCE: Final = 60.0
"""How long an API server that is away is waited for while a run is followed."""


class Runs:
    """The ModelRuns of a connection's namespace."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection."""
        self.connection = connection

    def find(self, name: str) -> Seen | None:
        """Return a run, or None where there is none of this name."""
        try:
            return seen(self.connection.read(self.connection.runs(name)))
        except NotThere:
            return None

    def get(self, name: str) -> Seen:
        """Return a run.

        Raises:
            UserMistake: There is none of this name; says which there are.
        """
        found = self.find(name)
        if found is not None:
            return found
        names = [one.name for one in self.all()]
        namespace = self.connection.namespace
        raise UserMistake(
            f"there is no run {name!r} in the namespace {namespace}; "
            + (suggestion(name, names) if names else "there is no run at all; -n names another")
        )

    def all(self, *, everywhere: bool = False) -> list[Seen]:
        """Return the runs of the namespace, or of all namespaces, the newest first."""
        found: list[Seen] = []
        page = ""
        while True:
            query: dict[str, str | int] = {"limit": 500, **({"continue": page} if page else {})}
            answer = self.connection.read(self.connection.runs(everywhere=everywhere), **query)
            found += [seen(item) for item in answer.get("items") or ()]
            page = str(answer["metadata"].get("continue") or "")
            if not page:
                return sorted(found, key=lambda one: (one.created, one.name), reverse=True)

    def suspend(self, name: str, *, suspended: bool) -> tuple[Seen, bool]:
        """Suspend or resume a run; return it and whether that changed anything.

        Raises:
            UserMistake: There is no such run, or it has ended, perhaps a moment ago.
        """
        before = self.get(name)
        word = "suspend" if suspended else "resume"
        _refuse_ended(before, word)
        if before.suspended is suspended:
            return before, False
        body = {"metadata": {"uid": before.uid}, "spec": {"suspend": suspended}}
        after = seen(self.connection.change(self.connection.runs(name), body))
        _refuse_ended(after, word)
        return after, True

    def cancel(self, name: str) -> Seen:
        """Delete an unfinished run; return the last look at it.

        A run that finishes at this very moment is not deleted: its entry and its logs stay.

        Raises:
            UserMistake: There is no such run, or it is finished.
        """
        while True:
            run = self.get(name)
            if run.finished:
                raise UserMistake(
                    f"{name} is finished ({run.phase}); there is nothing to cancel. "
                    f"`kubectl delete modelrun {name} -n {run.namespace}` removes its entry and "
                    "its logs; results stay"
                )
            try:
                path = self.connection.runs(name)
                self.connection.delete(path, uid=run.uid, version=run.version)
            except Changed:
                # The operator reports every few seconds: look again, it may be finished now.
                continue
            except NotThere:
                pass
            return run

    def delete(self, run: Seen) -> None:
        """Delete a run, if it is still this very one; what it made goes with it."""
        with suppress(NotThere, Changed):
            self.connection.delete(self.connection.runs(run.name), uid=run.uid)

    def wait_until_gone(self, run: Seen, *, seconds: float) -> None:
        """Wait until a deleted run is no longer there.

        Raises:
            InfrastructureError: It is still there after this time.
        """
        end = time.monotonic() + seconds
        while True:
            found = self.find(run.name)
            if found is None or found.uid != run.uid:
                return
            if time.monotonic() > end:
                raise InfrastructureError(
                    f"{run.name} is still being deleted after {seconds:.0f} s; something holds it "
                    f"(finalizers: {found.document['metadata'].get('finalizers') or 'none'})"
                )
            time.sleep(0.3)

    def follow(
        self, name: str, *, until: float | None = None, away: Callable[[str], None] = lambda _: None
    ) -> Iterator[Seen]:
        """Yield a run now and at every change, through losses of the connection.

        Ends when the run is deleted, or at the time `until`.

        Args:
            name: the run.
            until: a time of `time.monotonic`; for ever where it is None.
            away: is told when the API server does not answer.

        Raises:
            UserMistake: There is no such run.
            InfrastructureError: The API server is away for a minute.
        """
        run = self.get(name)
        uid = run.uid
        yield run
        lost_at: float | None = None
        while until is None or time.monotonic() < until:
            try:
                if lost_at is not None:
                    fresh = self.find(name)
                    if fresh is None or fresh.uid != uid:
                        return
                    lost_at = None
                    if fresh.version != run.version:
                        run = fresh
                        yield run
                for change in self._changes(run, until):
                    if change is None:
                        return
                    run = change
                    yield run
            except Outdated:
                lost_at = time.monotonic()
            except InfrastructureError as error:
                lost_at = lost_at if lost_at is not None else time.monotonic()
                if time.monotonic() - lost_at > PATIENCE:
                    raise
                away(str(error))
                time.sleep(1.0)

    def _changes(self, run: Seen, until: float | None) -> Iterator[Seen | None]:
        """Yield the changes of one watch; None where the run is gone."""
        seconds = WATCH_SECONDS
        if until is not None:
            seconds = max(1, min(seconds, int(until - time.monotonic()) + 1))
        events = self.connection.watch(
            self.connection.runs(),
            version=run.version,
            seconds=seconds,
            fieldSelector=f"metadata.name={run.name}",
        )
        for event in events:
            body = event["object"]
            if body["metadata"]["uid"] != run.uid:
                continue
            yield None if event["type"] == "DELETED" else seen(body)


def _refuse_ended(run: Seen, word: str) -> None:
    """Refuse to suspend or resume a run that has its verdict."""
    if run.deleting:
        raise UserMistake(f"{run.name} is being deleted; there is nothing to {word}")
    verdict = run.verdict
    if run.finished or verdict is not None:
        how = verdict.reason if verdict is not None else run.phase
        raise UserMistake(
            f"{run.name} has ended ({how}); there is nothing to {word}. "
            "`modelrun submit` with --replace runs its file again"
        )
