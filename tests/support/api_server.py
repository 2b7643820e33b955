"""An API server in memory for the operator's passes: it stores, refuses doubles, and can fail.

It speaks HTTP as the real one does in what the operator uses: lists in pages, creation, merge
patches, deletion with a uid as precondition, dependents that go with their owner, logs. It knows no
schema and no rights; those are proved on a real one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Body = dict[str, Any]
PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?"
)
CLOCK = "2026-03-01T12:00:00Z"


@dataclass
class ApiServer:
    """Objects by plural and name, and what happens to calls."""

    objects: dict[tuple[str, str], Body] = field(default_factory=dict)
    fault: Callable[[str, str], int] = lambda _method, _path: 0
    """The status that a call gets instead of its answer: 0 for none, -1 for a broken connection,
    and -500 for an answer of 500 after the call was carried out."""

    logs: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)
    _serial: int = 100

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, or fail."""
        body = await request.json() if request.can_read_body else {}
        self.calls.append((request.method, request.path))
        fault = self.fault(request.method, request.path)
        if fault == -1:
            assert request.transport is not None
            request.transport.close()
            await asyncio.sleep(0)
        if fault > 0 or fault == -1:
            return said(500 if fault == -1 else fault, "the test says so")
        answer = self._do(request, body)
        return said(500, "the answer was lost") if fault == -500 else answer

    def _do(self, request: web.Request, body: Body) -> web.Response:
        match = PATH.fullmatch(request.path)
        assert match is not None, request.path
        plural, name, part = match["plural"], match["name"], match["part"]
        if part == "log":
            found = self.logs.get(name)
            if found is None:
                return said(404, "no such pod")
            lines = found.splitlines(keepends=True)[-int(request.query["tailLines"]) :]
            return web.Response(text="".join(lines))
        if request.method == "GET" and name is None:
            items = [b for (p, _), b in self.objects.items() if p == plural]
            begin = int(request.query.get("continue", 0))
            end = begin + int(request.query.get("limit", len(items)))
            metadata = {
                "resourceVersion": str(self._serial),
                "continue": str(end) if end < len(items) else "",
            }
            return web.json_response({"metadata": metadata, "items": items[begin:end]})
        if request.method == "POST":
            return self._create(plural, body)
        there = self.objects.get((plural, name))
        if there is None:
            return said(404, f"{plural} {name!r} not found")
        if request.method == "GET":
            return web.json_response(there)
        wanted = body.get("metadata", {}).get("uid") or body.get("preconditions", {}).get("uid")
        if wanted is not None and wanted != there["metadata"]["uid"]:
            return said(409, f"the uid of {plural} {name!r} is another")
        if request.method == "DELETE":
            self.remove(plural, name)
            return web.json_response({"kind": "Status", "status": "Success"})
        before = repr(there)
        merge(there, body)
        if repr(there) != before:
            self._touch(there)
        return web.json_response(there)

    def _create(self, plural: str, body: Body) -> web.Response:
        name = body["metadata"]["name"]
        if (plural, name) in self.objects:
            return said(409, f"{plural} {name!r} already exists")
        self.made.append((plural, name))
        return web.json_response(self.put(plural, body), status=201)

    def put(self, plural: str, body: Body) -> Body:
        """Store an object as if somebody else had made it; return it."""
        self._serial += 1
        metadata = body["metadata"]
        metadata.setdefault("uid", f"uid-{self._serial}")
        metadata.setdefault("creationTimestamp", CLOCK)
        metadata.setdefault("namespace", "lab")
        self._touch(body)
        self.objects[plural, metadata["name"]] = body
        return body

    def change(self, body: Body, **changes: Any) -> None:
        """Change an object as if somebody else had."""
        merge(body, changes)
        self._touch(body)

    def remove(self, plural: str, name: str) -> None:
        """Remove an object and what it owns."""
        uid = self.objects.pop((plural, name))["metadata"]["uid"]
        for key, body in list(self.objects.items()):
            owners = {one["uid"] for one in body["metadata"].get("ownerReferences", ())}
            if uid in owners and key in self.objects:
                self.remove(*key)

    def of(self, plural: str, **labels: str) -> list[Body]:
        """Return the objects of a kind with some labels."""
        return [
            body
            for (kind, _), body in self.objects.items()
            if kind == plural and labels.items() <= body["metadata"].get("labels", {}).items()
        ]

    def _touch(self, body: Body) -> None:
        self._serial += 1
        body["metadata"]["resourceVersion"] = str(self._serial)


def merge(target: Body, patch: Body) -> None:
    """RFC 7386, in place."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value


def said(status: int, message: str) -> web.Response:
    """An answer that something went wrong."""
    return web.json_response({"kind": "Status", "message": message, "code": status}, status=status)
