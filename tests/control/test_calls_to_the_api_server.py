"""Every failure of a call has one meaning; every write carries our name and strict validation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from modelrun_operator.core.snapshot import Kind
from modelrun_operator.errors import (
    Conflict,
    NotFound,
    OperatorError,
    Refused,
    WorldNotReady,
)
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.resources import CHILDREN, RUNS

JOB = {"metadata": {"name": "study", "namespace": "lab"}}


def call(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, status: int, said: Any = None, **headers: str
) -> tuple[web.Request | None, Any]:
    """Create a Job on a server that answers with a status; return the request and the outcome."""

    def create(kube: Kube) -> Any:
        return kube.create(CHILDREN[Kind.JOB], JOB)

    seen, outcome = answered(folder, monkeypatch, create, status=status, said=said, **headers)
    return (seen[0] if seen else None), outcome


def answered(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Kube], Awaitable[Any]],
    *,
    status: int,
    said: Any = None,
    **headers: str,
) -> tuple[list[web.Request], Any]:
    """Make a call to a server that answers with a status; return the requests and the outcome."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        await request.read()
        body = said if said is not None else {"kind": "Status", "message": "the server said so"}
        return web.json_response(body, status=status, headers=headers)

    async def main() -> Any:
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", answer)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(folder, f"http://127.0.0.1:{port}")))
        try:
            async with await Kube.connect() as kube:
                try:
                    return await asyncio.wait_for(ask(kube), 20)
                except OperatorError as error:
                    return error
        finally:
            await runner.cleanup()

    return seen, asyncio.run(main())


def kubeconfig(folder: Path, server: str) -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": server}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    return path


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (404, NotFound),
        (409, Conflict),
        (403, Refused),
        (422, Refused),
        (400, Refused),
        (415, Refused),
        (401, WorldNotReady),
        (410, WorldNotReady),
        (429, WorldNotReady),
        (500, WorldNotReady),
        (503, WorldNotReady),
        (504, WorldNotReady),
    ],
)
def test_a_status_has_one_meaning(status, meaning, tmp_path, monkeypatch):
    _, outcome = call(tmp_path, monkeypatch, status=status)
    assert type(outcome) is meaning
    assert "the server said so" in str(outcome)


@pytest.mark.parametrize("method", ["get", "list", "delete", "log"])
def test_a_call_that_fails_is_made_once(method, tmp_path, monkeypatch):
    """The library would try some methods again and again, and a pass would never end."""
    jobs, pods = CHILDREN[Kind.JOB], CHILDREN[Kind.POD]
    calls = {
        "get": lambda kube: kube.get(jobs, "lab", "study"),
        "list": lambda kube: anext(kube.pages(jobs)),
        "delete": lambda kube: kube.delete(jobs, "lab", "study", "uid"),
        "log": lambda kube: kube.log_tail(pods, "lab", "study", lines=9, most_bytes=9, seconds=9),
    }
    seen, outcome = answered(tmp_path, monkeypatch, calls[method], status=500)
    assert type(outcome) is WorldNotReady
    assert len(seen) == 1


def test_how_long_to_wait_is_what_the_server_says(tmp_path, monkeypatch):
    _, outcome = call(tmp_path, monkeypatch, status=429, **{"Retry-After": "7"})
    assert outcome.retry_after == 7


def test_a_server_that_is_away_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "http://127.0.0.1:9")))

    async def main() -> None:
        async with await Kube.connect() as kube:
            await kube.get(RUNS, "lab", "study")

    with pytest.raises(WorldNotReady, match="get ModelRun lab/study: the API server cannot be"):
        asyncio.run(main())


def test_a_write_carries_our_name_and_asks_for_strict_validation(tmp_path, monkeypatch):
    request, made = call(tmp_path, monkeypatch, status=201, said={"metadata": {"uid": "1"}})
    assert made == {"metadata": {"uid": "1"}}
    assert request is not None
    assert request.path == "/apis/batch/v1/namespaces/lab/jobs"
    assert request.query["fieldValidation"] == "Strict"
    assert request.query["fieldManager"] == "modelrun-operator"
    assert json.loads(request._read_bytes or b"{}") == JOB
