"""The logs of a run's pods: live while they are there, afterwards the tails that were kept.

The operator keeps the last lines of every pod in one ConfigMap before it takes the pod away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from modelrun.errors import UserMistake
from modelrun.remote.connection import Connection
from modelrun.remote.refusals import Invalid, NotThere
from modelrun.remote.seen import Seen
from modelrun_api.identity import ROLE_LABEL, RUN_UID_LABEL

Role = Literal["preflight", "runner", "scheduler", "worker"]
ROLES: Final[tuple[Role, ...]] = ("preflight", "runner", "scheduler", "worker")
COMPONENT_LABEL: Final = "dask.org/component"

_KEPT: Final = re.compile(
    r"-(?:(?P<preflight>preflight)|(?P<runner>a\d+)|\d+-(?P<scheduler>scheduler)"
    r"|\d+-.*(?P<worker>worker))-"
)


@dataclass(frozen=True, slots=True)
class Log:
    """The lines of one pod."""

    pod: str
    role: str
    kept: bool
    """Whether these are the last lines that were kept, of a pod that is gone."""

    lines: Iterator[str]


def logs(
    connection: Connection, run: Seen, *, role: Role | None, tail: int, follow: bool = False
) -> Iterator[Log]:
    """Yield the log of every pod of a run, in the order of roles.

    Args:
        connection: the cluster.
        run: the run.
        role: only pods of this role.
        tail: the last so many lines of each.
        follow: go on with new lines; for one pod.

    Raises:
        UserMistake: There is nothing to read, or too much to follow.
    """
    # In this order: a pod that goes in between has left its last lines.
    live = sorted(_pods(connection, run), key=lambda pair: (_order(pair[0]), pair[1]))
    kept = _kept(connection, run)
    chosen = [(kind, name) for kind, name in live if role in {None, kind}]
    texts = {
        name: text
        for name, text in kept.items()
        if name not in {pod for _, pod in live} and role in {None, role_of(name)}
    }
    if not chosen and not texts:
        raise UserMistake(_nothing(run, role, {kind for kind, _ in live} | {*map(role_of, kept)}))
    if follow and len(chosen) != 1:
        names = ", ".join(name for _, name in chosen) or "none is running"
        raise UserMistake(f"one pod can be followed; choose with --role ({names})")
    for name in sorted(texts, key=lambda name: (_order(role_of(name)), name)):
        lines = texts[name].splitlines()[-tail:]
        yield Log(pod=name, role=role_of(name), kept=True, lines=iter(lines))
    for kind, name in chosen:
        path = connection.core("pods", name) + "/log"
        query: dict[str, str | int] = {"tailLines": tail, **({"follow": "true"} if follow else {})}
        yield Log(pod=name, role=kind, kept=False, lines=_read(connection, run, name, path, query))


def role_of(pod: str) -> str:
    """Return the role that a pod's name tells."""
    found = _KEPT.search(pod)
    return next((kind for kind, text in found.groupdict().items() if text), "") if found else ""


def _order(role: str) -> int:
    return ROLES.index(role) if role in ROLES else len(ROLES)


def _read(
    connection: Connection, run: Seen, pod: str, path: str, query: dict[str, str | int]
) -> Iterator[str]:
    try:
        yield from connection.text(path, **query)
    except Invalid as error:
        # A pod that waits for its node or its image has no log.
        yield f"(no log: {error})"
    except NotThere as error:
        # It has gone since it was listed; the operator keeps the last lines before.
        tail = int(query["tailLines"])
        yield from _kept(connection, run).get(pod, f"(no log: {error})").splitlines()[-tail:]


def _pods(connection: Connection, run: Seen) -> list[tuple[str, str]]:
    selector = f"{RUN_UID_LABEL}={run.uid}"
    found = connection.read(connection.core("pods"), labelSelector=selector)
    return [
        (_role(item["metadata"].get("labels") or {}), str(item["metadata"]["name"]))
        for item in found.get("items") or ()
    ]


def _role(labels: dict[str, Any]) -> str:
    return str(labels.get(ROLE_LABEL) or labels.get(COMPONENT_LABEL) or "")


def _kept(connection: Connection, run: Seen) -> dict[str, str]:
    results = run.status.results
    name = results.logs if results is not None else None
    # Until the status names it, it has the name that every operator gives it.
    name = name or f"{run.name}-{run.uid.replace('-', '')[:8]}-logs"
    try:
        found = connection.read(connection.core("configmaps", name))
    except NotThere:
        return {}
    data: dict[str, str] = found.get("data") or {}
    return {name.removesuffix(".log"): text for name, text in data.items()}


def _nothing(run: Seen, role: str | None, there: set[str]) -> str:
    if role is not None and there:
        return f"{run.name} has no log of a {role}; there is: {', '.join(sorted(there))}"
    return (
        f"{run.name} ({run.phase}) has no logs: none of its pods has started yet, or it needed "
        f"none. `modelrun why {run.name}` says what it waits for"
    )
