"""One pass over one run: observe, decide, write the status if it changed, carry out, tell.

The status goes first: what must be remembered stands before anything depends on it. A pass that
breaks off anywhere is harmless, since the next one derives everything anew. This module decides
nothing about runs; it only keeps the order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import structlog

from modelrun_api.phase import TERMINAL, Phase
from modelrun_operator.core.actions import Action, Decision, Tell
from modelrun_operator.core.decide import decide
from modelrun_operator.core.retries import current_attempt
from modelrun_operator.core.writing import due, status_patch, write_at
from modelrun_operator.errors import Conflict, NotFound, OperatorError, Refused, WorldNotReady
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.carry_out import SOON_SECONDS, Hands, carry_out, raise_if_there
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.observe import (
    find_events,
    find_secrets,
    look_again,
    observe,
    starting_pod,
)
from modelrun_operator.kube.progress import Heard, ask, runner_pod
from modelrun_operator.kube.resources import RUNS
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings
from modelrun_operator.telemetry import ACTIONS, STATUS_WRITES

log = structlog.get_logger("modelrun.reconcile")

EVENTS_SECONDS: Final = 10
"""How often events about a pod that does not start are looked for."""

STARTING_SECONDS: Final = 1.0
"""How often a runner is asked while it waits for its workers."""

_LISTENING: Final = frozenset({Phase.PROVISIONING, Phase.RUNNING})


@dataclass(slots=True)
class Memory:
    """What a loop keeps between two passes; all of it may be lost at any time."""

    secrets_found: bool = False
    """Whether the run's Secrets were looked for."""

    last_write: datetime | None = None
    """When the status was written last."""

    heard: Heard | None = None
    """What the runner answered last."""

    asked_at: datetime | None = None
    """When it was asked last."""

    refusals: dict[str, str] = field(default_factory=dict)
    """What the API server said to actions that it refused, by action."""

    events: tuple[dict[str, Any], ...] = ()
    """Events about a pod that does not start."""

    events_at: datetime | None = None
    """When these were looked for last."""


@dataclass(frozen=True, slots=True)
class World:
    """What passes work with."""

    kube: Kube
    cache: Cache
    settings: Settings
    session: aiohttp.ClientSession
    """For the runners' progress."""

    now: Callable[[], datetime]
    """The clock, in UTC."""

    def paced(self, runs: int) -> World:
        """Return the world as one of so many runs finds it."""
        settings = self.settings.paced(runs)
        return self if settings is self.settings else replace(self, settings=settings)


async def reconcile(uid: str, memory: Memory, world: World) -> timedelta | None:
    """Go one pass over a run.

    Returns:
        When to look again without news; None for never.

    Raises:
        WorldNotReady: the API server is away; nothing is lost, come again.
    """
    body = world.cache.run(uid)
    if body is None:
        return None
    run = Run.from_object(body)
    if not memory.secrets_found and run.status.phase not in TERMINAL:
        await find_secrets(run, world.cache, world.kube)
        memory.secrets_found = True
    await look_again(run, world.cache, world.kube, now=world.now())
    await _look_at_starting_pods(run, memory, world)
    listening = await _listen(run, memory, world)
    now = world.now()
    seen = observe(
        run,
        world.cache,
        heard=memory.heard,
        refusals=tuple(memory.refusals.values()),
        events=memory.events,
        now=now,
    )
    decision = decide(run, seen, now, world.settings)
    waits = [decision.wake_after]
    at = write_at(
        due(run.status, decision.status),
        last_write=memory.last_write,
        now=now,
        every=timedelta(seconds=world.settings.progress_seconds),
    )
    if at is not None and at <= now:
        await _write(run, decision, body.get("status") or {}, memory, world)
        if world.cache.run(uid) is None:
            return None
    elif at is not None:
        waits.append(at - now)
    refused_before = memory.refusals
    if await _act(run, decision, memory, world):
        # What was made or removed is seen at once, and more may follow from it.
        waits.append(timedelta(0))
    if memory.refusals and memory.refusals != refused_before:
        # The run is to say at once what is in the way.
        waits.append(timedelta(seconds=SOON_SECONDS))
    if listening:
        waits.append(timedelta(seconds=STARTING_SECONDS))
    known = [one for one in waits if one is not None]
    return min(known) if known else None


async def _look_at_starting_pods(run: Run, memory: Memory, world: World) -> None:
    """Find out why a pod that has its node does not start: only events say it of volumes."""
    now = world.now()
    pod = starting_pod(run, world.cache, now=now)
    if pod is None or run.status.phase in TERMINAL:
        memory.events = ()
        return
    at = memory.events_at
    if at is not None and (now - at).total_seconds() < EVENTS_SECONDS:
        return
    memory.events_at = now
    memory.events = await find_events(pod, world.kube)


async def _listen(run: Run, memory: Memory, world: World) -> bool:
    """Ask the runner how far it is; say whether it is worth asking again soon."""
    if run.status.phase not in _LISTENING or run.spec is None or run.spec.program is not None:
        memory.heard = None
        return False
    job = run.names.runner(current_attempt(run.status))
    pod = runner_pod(world.cache, run.uid, job)
    if pod is None:
        memory.heard = None
        return False
    pod_uid = pod["metadata"]["uid"]
    if memory.heard is not None and memory.heard.pod_uid != pod_uid:
        memory.heard = None
    starting = run.status.phase is Phase.PROVISIONING
    pause = STARTING_SECONDS / 2 if starting else world.settings.progress_seconds / 2
    now = world.now()
    if memory.asked_at is not None and (now - memory.asked_at).total_seconds() < pause:
        return starting
    memory.asked_at = now
    report = await ask(world.session, pod)
    if report is not None:
        memory.heard = Heard(pod_uid, report, now)
    return starting


async def _write(
    run: Run, decision: Decision, before: dict[str, object], memory: Memory, world: World
) -> None:
    patch = status_patch(before, decision.status)
    memory.last_write = world.now()
    if not patch:
        return
    body = {"metadata": {"uid": run.uid}, "status": patch}
    try:
        written = await world.kube.patch(RUNS, run.namespace, run.name, body, part="status")
    except NotFound:
        world.cache.drop(run.uid, RUNS.kind, now=world.now())
        return
    except Conflict as conflict:
        await raise_if_there(RUNS, run.namespace, run.name, run.uid, conflict, world.kube)
        world.cache.drop(run.uid, RUNS.kind, now=world.now())
        return
    except Refused as error:
        raise WorldNotReady(f"the status of {run.key} is refused: {error}") from error
    world.cache.put(written, RUNS.kind)
    STATUS_WRITES.inc()
    if cost := decision.status.cost:
        if cost.counted_until is not None:
            world.cache.counted(run.uid, until=cost.counted_until)
    elif decision.status.phase not in _LISTENING:
        world.cache.counted(run.uid, until=world.now())


async def _act(run: Run, decision: Decision, memory: Memory, world: World) -> bool:
    """Carry out what was decided; say whether the world is another now."""
    changed = False
    hands = Hands(world.kube, world.cache, world.settings, world.now)
    refusals: dict[str, str] = {}
    later: WorldNotReady | None = None
    for action in decision.actions:
        name = type(action).__name__
        if later is not None and not isinstance(action, Tell):
            # Each may rest on the one before it: logs are kept before their pods go.
            continue
        try:
            await carry_out(action, run, hands)
        except Refused as error:
            if isinstance(action, Tell):
                log.warning("event refused", run=run.key, error=str(error))
                continue
            ACTIONS.labels(action=name, outcome="refused").inc()
            refusals[_key(action)] = str(error)
            log.warning("refused", run=run.key, action=_key(action), error=str(error))
        except WorldNotReady as error:
            if isinstance(action, Tell):
                continue
            ACTIONS.labels(action=name, outcome="later").inc()
            log.info("later", run=run.key, action=_key(action), error=str(error))
            later = error
        except OperatorError as error:
            if isinstance(action, Tell):
                continue
            later = WorldNotReady(str(error), retry_after=SOON_SECONDS)
            later.__cause__ = error
        else:
            ACTIONS.labels(action=name, outcome="done").inc()
            if not isinstance(action, Tell):
                changed = True
                log.info("done", run=run.key, action=_key(action))
    memory.refusals = refusals
    if later is not None:
        raise later
    return changed


def _key(action: Action) -> str:
    """Return what an action is called in logs."""
    manifest = getattr(action, "manifest", None)
    if manifest is not None:
        return f"create {manifest['kind']} {manifest['metadata']['name']}"
    ref = getattr(action, "ref", None) or getattr(action, "cluster", None)
    name = type(action).__name__
    return f"{name} {ref.kind} {ref.name}" if ref is not None else name
