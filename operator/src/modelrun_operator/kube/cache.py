"""What the operator knows of the world between two events: the source of every observation.

Three streams fill it: lists (at the start, and now and then for what a broken watch missed), watch
events, and the answers to our own writes, so that a pass always sees what the pass before it did.
Versions decide which of them is newer. Deleted objects are remembered for a while by their uid,
because an event that was under way must not bring them back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from modelrun_api.identity import RUN_UID_LABEL
from modelrun_operator.core.snapshot import Kind
from modelrun_operator.kube.resources import EVENTS, PROFILES, RUNS
from modelrun_operator.kube.slim import slim

Body = dict[str, Any]
_REMEMBERED: Final = 20_000


class Cache:
    """Runs, profiles, their children, and events about children; by uid."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._objects: dict[str, dict[str, Body]] = {}
        self._of_run: dict[str, dict[str, Body]] = {}
        self._vanished: dict[str, datetime] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()

    # -- reading ---------------------------------------------------------------------------------

    def runs(self) -> Iterator[Body]:
        """Yield all runs."""
        yield from list(self._objects.get(RUNS.kind, {}).values())

    def run(self, uid: str) -> Body | None:
        """Return a run by its uid."""
        return self._objects.get(RUNS.kind, {}).get(uid)

    def profile(self, name: str) -> Body | None:
        """Return a profile by its name."""
        for body in self._objects.get(PROFILES.kind, {}).values():
            if body["metadata"]["name"] == name:
                return body
        return None

    def all(self, kind: str) -> tuple[Body, ...]:
        """Return all objects of a kind, whichever run they belong to."""
        return tuple(self._objects.get(kind, {}).values())

    def children(self, run_uid: str) -> tuple[Body, ...]:
        """Return the children of a run, also pods that vanished and are still to be counted."""
        return tuple(self._of_run.get(run_uid, {}).values())

    def find(self, run_uid: str, kind: Kind, name: str) -> Body | None:
        """Return a child of a run by kind and name."""
        for body in self._of_run.get(run_uid, {}).values():
            if body["kind"] == kind and body["metadata"]["name"] == name:
                return body
        return None

    def owner_of(self, uid: str) -> str | None:
        """Return the uid of the run to which an object belongs."""
        for bodies in self._objects.values():
            if uid in bodies:
                return run_of(bodies[uid])
        return None

    def events_about(self, uids: Iterable[str]) -> tuple[Body, ...]:
        """Return the events about some objects."""
        wanted = set(uids)
        if not wanted:
            return ()
        return tuple(
            body
            for body in self._objects.get(EVENTS.kind, {}).values()
            if body.get("involvedObject", {}).get("uid") in wanted
        )

    def vanished(self, run_uid: str) -> dict[str, datetime]:
        """Return when pods of a run vanished that are still remembered, by uid."""
        return {
            uid: self._vanished[uid]
            for uid in self._of_run.get(run_uid, {})
            if uid in self._vanished
        }

    # -- writing ---------------------------------------------------------------------------------

    def put(self, body: Mapping[str, Any], kind: str) -> bool:
        """Take an object, unless what is known is as new; say whether anything changed."""
        uid = body["metadata"]["uid"]
        if uid in self._deleted:
            return False
        known = self._objects.setdefault(kind, {}).get(uid)
        if known is not None and _version(known) >= _version(body):
            return False
        kept = slim(body, kind)
        self._objects[kind][uid] = kept
        if (run_uid := run_of(kept)) is not None:
            self._of_run.setdefault(run_uid, {})[uid] = kept
        return True

    def drop(self, uid: str, kind: str, *, now: datetime) -> bool:
        """Forget an object that is gone; a pod of a run stays until its time is counted."""
        self._deleted[uid] = None
        while len(self._deleted) > _REMEMBERED:
            self._deleted.popitem(last=False)
        body = self._objects.get(kind, {}).pop(uid, None)
        if body is None:
            return False
        run_uid = run_of(body)
        if run_uid is not None:
            if kind == Kind.POD:
                self._vanished[uid] = now
            else:
                self._of_run.get(run_uid, {}).pop(uid, None)
        if kind == RUNS.kind:
            self._forget(uid)
        return True

    def counted(self, run_uid: str, *, until: datetime) -> None:
        """Forget pods that vanished until a time: the status has counted them."""
        for uid, moment in self.vanished(run_uid).items():
            if moment <= until:
                del self._vanished[uid]
                self._of_run[run_uid].pop(uid, None)

    def replace(
        self, kind: str, bodies: Iterable[Mapping[str, Any]], *, version: int, now: datetime
    ) -> set[str]:
        """Take a fresh list of a kind; return the uids of runs for which that was news.

        Args:
            kind: the kind.
            bodies: everything there is.
            version: the version of the list; what is known and newer is left alone.
            now: the time.
        """
        news: set[str] = set()
        listed = set()
        for body in bodies:
            uid = body["metadata"]["uid"]
            listed.add(uid)
            if self.put(body, kind):
                news |= self._concerned(kind, uid)
        for uid, body in list(self._objects.get(kind, {}).items()):
            if uid not in listed and _version(body) <= version:
                news |= self._concerned(kind, uid)
                self.drop(uid, kind, now=now)
        return news

    def _concerned(self, kind: str, uid: str) -> set[str]:
        if kind == RUNS.kind:
            return {uid}
        body = self._objects.get(kind, {}).get(uid)
        run_uid = run_of(body) if body is not None else None
        return {run_uid} if run_uid is not None else set()

    def _forget(self, run_uid: str) -> None:
        for uid in self._of_run.pop(run_uid, {}):
            self._vanished.pop(uid, None)
            for bodies in self._objects.values():
                bodies.pop(uid, None)


def run_of(body: Mapping[str, Any]) -> str | None:
    """Return the uid of the run to which a child belongs."""
    found: str | None = (body["metadata"].get("labels") or {}).get(RUN_UID_LABEL)
    return found


def _version(body: Mapping[str, Any]) -> int:
    # Comparable since Kubernetes says so (KEP-5504), and in fact since etcd counts them.
    text = str(body["metadata"].get("resourceVersion", "0"))
    return int(text) if text.isdigit() else 0
