"""A runner's pod may answer anything: what is not a short, strict, direct answer counts as none."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from modelrun_api.environment import PROGRESS_PORT
from modelrun_api.outcome import ProgressReport
from modelrun_operator.kube.progress import ask

GOOD = {"stage": "fitting", "fits": {"total": 9, "done": 4, "succeeded": 4}, "workers": 3}
HOST = "127.0.77.7"
POD = {"status": {"podIP": HOST}}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def asked(handler: Handler) -> ProgressReport | None:
    """Return what is understood of a runner that answers with `handler`."""

    async def main() -> ProgressReport | None:
        app = web.Application()
        app.add_routes([web.get("/progress", handler), web.get("/other", good)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, HOST, PROGRESS_PORT, reuse_address=True).start()
        try:
            async with aiohttp.ClientSession() as session:
                return await ask(session, POD)
        finally:
            await runner.cleanup()

    return asyncio.run(main())


async def good(_: web.Request) -> web.Response:
    return web.json_response(GOOD)


def test_an_honest_runner_is_understood():
    report = asked(good)
    assert report is not None
    assert (report.fits.done, report.fits.total, report.workers) == (4, 9, 3)


async def redirects(_: web.Request) -> web.Response:
    raise web.HTTPFound("/other")


async def floods(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(200):
        await answer.write(b" " * 4096)
    return answer


async def packs(_: web.Request) -> web.Response:
    # A few kilobytes of this kind may be gigabytes, so none is unpacked.
    packed = gzip.compress(json.dumps(GOOD).encode())
    return web.Response(body=packed, headers={"Content-Encoding": "gzip"})


async def nests(_: web.Request) -> web.Response:
    return web.Response(text="[" * 8000 + "]" * 8000)


async def dawdles(_: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.json_response(GOOD)


async def lies(_: web.Request) -> web.Response:
    return web.json_response({**GOOD, "workers": -1})


async def fails(_: web.Request) -> web.Response:
    return web.json_response(GOOD, status=500)


@pytest.mark.parametrize("handler", [redirects, floods, packs, nests, dawdles, lies, fails])
def test_any_other_answer_counts_as_none(handler: Handler):
    assert asked(handler) is None


@pytest.mark.parametrize("address", ["", "name.of.a.host", "127.0.0.1/path", "::1/128"])
def test_only_addresses_are_asked(address: str):
    async def main() -> ProgressReport | None:
        async with aiohttp.ClientSession() as session:
            return await ask(session, {"status": {"podIP": address}})

    assert asyncio.run(main()) is None
