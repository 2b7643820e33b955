"""The operator as a process: connect, list everything once, watch, work, and end cleanly."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import kopf
import structlog

from modelrun_operator.errors import OperatorError
from modelrun_operator.handlers.loops import Loops
from modelrun_operator.handlers.serving import serve_health, serve_metrics
from modelrun_operator.handlers.watches import kopf_settings, watch
from modelrun_operator.kube import strays
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.observe import fill
from modelrun_operator.reconcile import World
from modelrun_operator.settings import Settings
from modelrun_operator.telemetry import LAST_RELIST, Pulse

log = structlog.get_logger("modelrun.process")

RELIST_SECONDS: Final = 120
"""How often everything is listed anew: a watch that broke may have missed deletions."""

BEAT_SECONDS: Final = 5
RETRY_SECONDS: Final = 3


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


async def operate(settings: Settings, *, host: str, health_port: int, metrics_port: int) -> None:
    """Work until SIGTERM or SIGINT.

    Args:
        settings: the installation.
        host: where probes and metrics are answered.
        health_port: the port for probes; 0 for none.
        metrics_port: the port for metrics; 0 for none.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pulse, cache, listed = Pulse(), Cache(), asyncio.Event()
    servers = []
    if health_port:
        servers.append(await serve_health(host, health_port, pulse=pulse, ready=listed.is_set))
    if metrics_port:
        servers.append(await serve_metrics(host, metrics_port, cache=cache))
    # Runners are asked directly: a proxy of the environment does not know the pods' addresses.
    async with await Kube.connect() as kube, aiohttp.ClientSession(trust_env=False) as session:
        world = World(kube, cache, settings, session, utc_now)
        loops = Loops(world, pulse)
        registry = kopf.OperatorRegistry()
        _login(registry)
        watch(registry, cache, loops, utc_now)
        try:
            await asyncio.gather(
                _beat(pulse, stop),
                _relist(world, loops, listed, stop),
                _sweep(world, listed, stop),
                _watch_when_listed(registry, settings, listed, stop),
            )
        finally:
            await loops.close()
            for server in servers:
                await server.cleanup()


def _login(registry: kopf.OperatorRegistry) -> None:
    @kopf.on.login(registry=registry, id="login", retries=3)
    async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_kubeconfig(**kwargs)
        return found if found is not None else kopf.login_with_service_account(**kwargs)


async def _watch_when_listed(
    registry: kopf.OperatorRegistry,
    settings: Settings,
    listed: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    await _first(listed, stop)
    if stop.is_set():
        return
    try:
        await kopf.operator(
            registry=registry,
            settings=kopf_settings(),
            standalone=True,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            stop_flag=stop,
        )
    finally:
        stop.set()


async def _beat(pulse: Pulse, stop: asyncio.Event) -> None:
    while not stop.is_set():
        pulse.beat()
        await _pause(BEAT_SECONDS, stop)


async def _relist(world: World, loops: Loops, listed: asyncio.Event, stop: asyncio.Event) -> None:
    """List everything at the start, and again from time to time."""
    missing_at_start: set[str] = set()
    while not stop.is_set():
        try:
            news, missing = await fill(
                world.cache, world.kube, world.settings.namespaces, now=utc_now()
            )
        except OperatorError as error:
            log.warning("the API server cannot be read", error=str(error))
            await _pause(RETRY_SECONDS, stop)
            continue
        LAST_RELIST.set_to_current_time()
        if missing and not listed.is_set():
            log.warning("not defined in this cluster", resources=missing)
        if not listed.is_set():
            missing_at_start = set(missing)
            listed.set()
            loops.wake_all()
        elif missing_at_start - set(missing):
            log.warning("definitions were added; ending, to begin again with them")
            stop.set()
            return
        for uid in news:
            loops.wake(uid)
        await _pause(15 if missing else RELIST_SECONDS, stop)


async def _sweep(world: World, listed: asyncio.Event, stop: asyncio.Event) -> None:
    """Remove now and then what nobody owns."""
    await _first(listed, stop)
    while not stop.is_set():
        for group in strays.strays(world.cache, now=utc_now()):
            try:
                if await strays.remove(world.kube, group):
                    log.info("removed a worker group without owner", **_named(group))
            except OperatorError as error:
                log.warning("a worker group without owner stays", error=str(error))
        await _pause(world.settings.resync_seconds, stop)


def _named(body: Mapping[str, Any]) -> dict[str, str]:
    return {"namespace": body["metadata"]["namespace"], "name": body["metadata"]["name"]}


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _first(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
