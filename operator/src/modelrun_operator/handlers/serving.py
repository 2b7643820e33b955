"""The operator's own HTTP server: /healthz and /readyz for the kubelet, /metrics for Prometheus.

They have a port each, so that a policy can let the monitoring in and nobody else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from modelrun_api.phase import Phase
from modelrun_operator.kube.cache import Cache
from modelrun_operator.telemetry import RUNS_BY_PHASE, Pulse


async def serve_health(
    host: str, port: int, *, pulse: Pulse, ready: Callable[[], bool]
) -> web.AppRunner:
    """Answer probes; `cleanup` of the result ends it.

    Args:
        host: the address to listen at.
        port: the port.
        pulse: says whether the operator works.
        ready: says whether everything was listed once.
    """

    async def healthz(_: web.Request) -> web.Response:
        alive = pulse.alive()
        return web.json_response({"alive": alive}, status=200 if alive else 503)

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response({"ready": ready()}, status=200 if ready() else 503)

    return await _serve(host, port, web.get("/healthz", healthz), web.get("/readyz", readyz))


async def serve_metrics(host: str, port: int, *, cache: Cache) -> web.AppRunner:
    """Answer Prometheus; `cleanup` of the result ends it.

    Args:
        host: the address to listen at.
        port: the port.
        cache: brings the runs to count.
    """

    async def metrics(_: web.Request) -> web.Response:
        _count(cache)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return await _serve(host, port, web.get("/metrics", metrics))


async def _serve(host: str, port: int, *routes: web.RouteDef) -> web.AppRunner:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def _count(cache: Cache) -> None:
    phases = Counter(
        (body.get("status") or {}).get("phase", Phase.PENDING) for body in cache.runs()
    )
    for phase in Phase:
        RUNS_BY_PHASE.labels(phase=str(phase)).set(phases.get(phase, 0))
