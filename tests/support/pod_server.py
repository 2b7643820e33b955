"""An API server with one pod, whose programs run on this machine: enough for a copy from a volume.

It speaks what a kubelet speaks through the API server: `exec` over a websocket with the channels
of v4.channel.k8s.io and v5.channel.k8s.io. Where a test needs what an API server judges (fields,
rights, Pod Security), it takes a real one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from modelrun_api.identity import API_VERSION

NAMESPACE = "research"
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def waiting(reason: str, message: str) -> dict[str, Any]:
    """The status of a pod whose container waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "reader", "state": state}]}


def unschedulable(message: str) -> dict[str, Any]:
    """The status of a pod that no node takes."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"phase": "Pending", "conditions": [{**condition, "message": message}]}


def finished_run(name: str, uri: str, phase: str = "Succeeded") -> dict[str, Any]:
    """A ModelRun whose status names results."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelRun",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": "0a1b2c3d-0000", "generation": 1,
            "resourceVersion": "7", "creationTimestamp": "2026-01-05T10:00:00Z",
        },
        "spec": {"data": {"dataset": "french"}, "cluster": {"profileName": "small"}},
        "status": {"observedGeneration": 1, "phase": phase, "results": {"uri": uri}},
    }  # fmt: skip


@dataclass
class PodServer:
    """What the server has, what it says, and what it was asked for."""

    run: dict[str, Any]
    volume: Path
    """What the pod sees at /results."""

    states: list[dict[str, Any]] = field(default_factory=lambda: [READY])
    """The pod's status at each look; the last one stays."""

    denied: set[str] = field(default_factory=set)
    """Rights that the person lacks, such as `create pods/exec`."""

    no_profile: bool = False
    protocols: tuple[str, ...] = ("v5.channel.k8s.io", "v4.channel.k8s.io")
    cut_after: int | None = None
    """Bytes of output after which the connection breaks."""

    events: list[dict[str, Any]] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    sent: int = 0
    """Bytes of output that have gone through the websocket."""

    port: int = 0
    started: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> PodServer:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self.started.wait(30)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def kubeconfig(self, path: Path) -> Path:
        """Write the kubeconfig that leads here."""
        context = {"cluster": "here", "user": "me", "namespace": NAMESPACE}
        content = {
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "me", "user": {"token": "sesame"}}],
            "contexts": [{"name": "here", "context": context}],
        }  # fmt: skip
        path.write_text(json.dumps(content))
        return path

    def _serve(self) -> None:
        self._loop.run_until_complete(self._main())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _main(self) -> None:
        self._end = asyncio.Event()
        app = web.Application()
        core = f"/api/v1/namespaces/{NAMESPACE}"
        app.router.add_post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", self._review)
        app.router.add_get(f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/modelruns/{{n}}", self._run)
        app.router.add_get(f"/apis/{API_VERSION}/modelrunprofiles/small", self._profile)
        app.router.add_get(f"{core}/pods", self._pods)
        app.router.add_post(f"{core}/pods", self._make)
        app.router.add_get(f"{core}/events", self._events)
        app.router.add_get(f"{core}/pods/{{name}}", self._pod)
        app.router.add_delete(f"{core}/pods/{{name}}", self._delete)
        app.router.add_get(f"{core}/pods/{{name}}/exec", self._exec)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self.started.set()
        await self._end.wait()
        await runner.cleanup()

    async def _review(self, request: web.Request) -> web.Response:
        asked = (await request.json())["spec"]["resourceAttributes"]
        resource = "/".join(asked[k] for k in ("resource", "subresource") if k in asked)
        allowed = f"{asked['verb']} {resource}" not in self.denied
        return web.json_response({"status": {"allowed": allowed}}, status=201)

    async def _run(self, request: web.Request) -> web.Response:
        return web.json_response(self.run)

    async def _profile(self, request: web.Request) -> web.Response:
        if self.no_profile:
            said = {"kind": "Status", "code": 403, "message": "modelrunprofiles is forbidden"}
            return web.json_response(said, status=403)
        shape = {"nodeSelector": {"pool": "control"}, "labels": {"queue": "small"}}
        spec = {"image": "modelrun:1", "control": shape}
        return web.json_response({"metadata": {"name": "small"}, "spec": spec})

    async def _pods(self, request: web.Request) -> web.Response:
        return web.json_response({"metadata": {}, "items": []})

    async def _events(self, request: web.Request) -> web.Response:
        return web.json_response({"metadata": {}, "items": self.events})

    async def _make(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.made.append(body)
        metadata = {**body["metadata"], "uid": f"pod-{len(self.made)}"}
        return web.json_response({**body, "metadata": metadata}, status=201)

    async def _pod(self, request: web.Request) -> web.Response:
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return web.json_response({**self.made[-1], "status": status})

    async def _delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.match_info["name"])
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["authorization"] == "Bearer sesame"
        command = request.query.getall("command")
        assert command[0] == "python"
        inside = [word.replace("/results", str(self.volume), 1) for word in command[3:]]
        socket = web.WebSocketResponse(protocols=self.protocols)
        await socket.prepare(request)
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", command[2], *inside,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        outputs = [
            asyncio.create_task(self._pump(socket, program.stdout, 1)),
            asyncio.create_task(self._pump(socket, program.stderr, 2)),
        ]
        reading = asyncio.create_task(self._feed(socket, program))
        try:
            await asyncio.wait(outputs)
            if program.stdin is not None:
                program.stdin.close()
            code = await program.wait()
            if not socket.closed:
                status = {"status": "Success"} if code == 0 else {"status": "Failure"}
                said = {**status, "message": f"command terminated with exit code {code}"}
                await socket.send_bytes(b"\x03" + json.dumps(said).encode())
                await socket.close()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
            reading.cancel()
        return socket

    async def _pump(self, socket: web.WebSocketResponse, stream: Any, channel: int) -> None:
        while block := await stream.read(8_000):
            if channel == 1:
                self.sent += len(block)
                if self.cut_after is not None and self.sent > self.cut_after:
                    assert socket._req is not None
                    transport = socket._req.transport
                    if transport is not None:
                        transport.abort()
                    return
            await socket.send_bytes(bytes([channel]) + block)

    async def _feed(self, socket: web.WebSocketResponse, program: Any) -> None:
        async for message in socket:
            if message.type == WSMsgType.BINARY and message.data[:1] == b"\x00":
                program.stdin.write(message.data[1:])
                await program.stdin.drain()
        program.stdin.close()
