"""What happened to each run and when, from the API server's audit log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from scale.control_plane import OPERATOR


@dataclass(slots=True)
class Life:
    """One run; moments are seconds since the epoch, None for what did not happen."""

    applied: float | None = None
    first_pod: float | None = None
    """When the preflight's pod got its node, the first that the log tells of it by name."""

    runner_ended: float | None = None
    """When its kubelet reported the end."""

    scaled: float | None = None
    """When the operator asked for no workers."""

    workers_gone: float | None = None
    released: float | None = None
    """When the status was written last."""

    status_writes: list[float] = field(default_factory=list)

    def between(self, first: str, second: str) -> float | None:
        """Return the seconds from one moment to another."""
        one, two = getattr(self, first), getattr(self, second)
        return None if one is None or two is None else two - one


@dataclass(frozen=True, slots=True)
class Log:
    """What the audit log says."""

    lives: dict[str, Life]
    """By the run's name; names are unique here."""

    calls: Counter[tuple[str, str, str]]
    """The operator's calls by verb, group and resource."""

    refused: tuple[str, ...]
    """Its calls that were forbidden."""


def read(path: Path) -> Log:
    """Read a whole audit log."""
    lives: dict[str, Life] = {}
    calls: Counter[tuple[str, str, str]] = Counter()
    refused = []
    for entry in _entries(path):
        thing = entry.get("objectRef", {})
        if "resource" not in thing:
            continue
        if entry["user"]["username"] == OPERATOR:
            resource = "/".join(filter(None, (thing.get("resource"), thing.get("subresource"))))
            calls[entry["verb"], thing.get("apiGroup", ""), resource] += 1
            if entry["responseStatus"]["code"] == 403:
                refused.append(entry["requestURI"])
        if entry["responseStatus"]["code"] < 300:
            _note(entry, thing, lives)
    return Log(lives, calls, tuple(refused))


def _entries(path: Path) -> Iterable[dict[str, Any]]:
    with path.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def _note(entry: dict[str, Any], thing: dict[str, Any], lives: dict[str, Life]) -> None:
    name, verb = thing.get("name", ""), entry["verb"]
    resource, part = thing["resource"], thing.get("subresource", "")
    at = datetime.fromisoformat(entry["stageTimestamp"]).timestamp()
    if resource == "modelruns" and not part:
        if verb == "create":
            lives.setdefault(name, Life()).applied = at
        return
    # Names of children: the run's, eight digits of its uid, and what they are.
    life = lives.setdefault(name if resource == "modelruns" else _run_of(name), Life())
    match resource, part, verb:
        case "modelruns", "status", "patch":
            life.status_writes.append(at)
            life.released = at
        case "pods", "binding", "create":
            if "-preflight-" in name and life.first_pod is None:
                life.first_pod = at
        case "pods", "status", "patch" if "-a1-" in name:
            # The last word of a runner's kubelet is that it ended.
            life.runner_ended = at
        case "pods", "", "delete" if "-worker-" in name:
            life.workers_gone = at
        case "daskclusters", "", "patch":
            # Before that, the operator may have touched it for a controller that was late.
            if entry["user"]["username"] == OPERATOR:
                life.scaled = at


def _run_of(name: str) -> str:
    return name.split("-", 1)[0]


def spread(values: Iterable[float | None]) -> str:
    """Return the median, 95 % and the most of some seconds."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "none"
    at = [known[min(len(known) - 1, int(len(known) * share))] for share in (0.5, 0.95, 1)]
    return f"{at[0]:.2f} / {at[1]:.2f} / {at[2]:.2f} s ({len(known)})"
