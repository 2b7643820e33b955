"""The few calls that the operator makes, each with a time limit, our name and strict validation.

The dynamic client of kubernetes.aio brings authentication and connections. Its defaults do not fit:
patches would be strategic merges, which custom resources refuse; fields that nobody knows would
vanish silently; a call might take five minutes. Watching is left to kopf.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from kubernetes.aio import client as api
from kubernetes.aio import config
from kubernetes.aio.dynamic import DynamicClient

from modelrun_api.identity import FIELD_MANAGER
from modelrun_operator.kube.mapping import meaning
from modelrun_operator.kube.resources import Resource

Body = dict[str, Any]
Query = Sequence[tuple[str, str]]

TIMEOUT_SECONDS: Final = 10
LIST_SECONDS: Final = 60
PAGE_OBJECTS: Final = 100
MERGE: Final = "application/merge-patch+json"
_STRICT: Final = (("fieldValidation", "Strict"),)
_CONNECTIONS: Final = 32
_CHUNK_BYTES: Final = 65_536


class Kube:
    """A connection to one API server."""

    def __init__(self, connection: Any) -> None:
        """Take a client of kubernetes.aio that is configured."""
        self._connection = connection
        self._client: Any = DynamicClient(connection)  # type: ignore[no-untyped-call]

    @classmethod
    async def connect(cls) -> Self:
        """Connect as the pod's service account, or as the kubeconfig says outside a cluster."""
        made: Any = api.Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
            config.load_incluster_config(client_configuration=made)  # type: ignore[no-untyped-call]
        else:
            # The library reads the variable when it is imported; it may have been set since.
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=os.environ.get("KUBECONFIG"), client_configuration=made
            )
        made.connection_pool_maxsize = _CONNECTIONS
        # Passes come again by themselves; a retry below them would only hide how long they took.
        # (False would count as the number 0, and the library takes 0 for "without an end".)
        made.retries = None
        return cls(api.ApiClient(made))

    async def __aenter__(self) -> Self:
        """Return the connection itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Body:
        """Return an object."""
        with meaning(f"get {resource.kind} {_key(namespace, name)}"):
            return await self._json("get", resource.path(namespace, name))

    async def pages(
        self, resource: Resource, namespace: str | None = None, *, fields: str = ""
    ) -> AsyncIterator[Body]:
        """Yield the list of a resource page by page, in one namespace or in all.

        Whole, it would be many times larger than what is kept of it. All pages have the version of
        the first.

        Args:
            resource: brings the labels and fields by which it is listed.
            namespace: where; None for everywhere.
            fields: other fields than the resource's.
        """
        whole = [("limit", str(PAGE_OBJECTS))]
        if resource.selector:
            whole.append(("labelSelector", resource.selector))
        if chosen := fields or resource.fields:
            whole.append(("fieldSelector", chosen))
        query = whole
        while query:
            with meaning(f"list {resource.plural} of {namespace or 'all namespaces'}"):
                page = await self._json(
                    "get", resource.path(namespace), query=query, seconds=LIST_SECONDS
                )
            yield page
            following = page["metadata"].get("continue")
            query = [*whole, ("continue", following)] if following else []

    async def create(self, resource: Resource, body: Body) -> Body:
        """Make an object, and return it as the API server completed it."""
        metadata = body["metadata"]
        namespace = metadata.get("namespace")
        name = metadata.get("name") or metadata.get("generateName")
        with meaning(f"create {resource.kind} {_key(namespace, name)}"):
            return await self._json("post", resource.path(namespace), body=body, query=_STRICT)

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any],
        *,
        part: str = "",
    ) -> Body:
        """Merge changes into an object, or into a part of it such as its status."""
        more = (part,) if part else ()
        with meaning(f"patch {resource.kind} {_key(namespace, name)}"):
            return await self._json(
                "patch",
                resource.path(namespace, name, *more),
                body=dict(body),
                query=_STRICT,
                content_type=MERGE,
            )

    async def delete(self, resource: Resource, namespace: str | None, name: str, uid: str) -> Body:
        """Delete an object with this uid and no other, and in the background what hangs on it."""
        with meaning(f"delete {resource.kind} {_key(namespace, name)}"):
            return await self._json(
                "delete",
                resource.path(namespace, name),
                body={
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "preconditions": {"uid": uid},
                    "propagationPolicy": "Background",
                },
            )

    async def log_tail(
        self,
        resource: Resource,
        namespace: str,
        pod: str,
        *,
        lines: int,
        most_bytes: int,
        seconds: float,
    ) -> str:
        """Return the last lines of a pod's log, and of these the last `most_bytes`.

        The API server could limit bytes too, but counts from the first: the end would be lost, and
        the end says why a program ended. So the stream runs through here within a time limit.
        """
        query = (("tailLines", str(lines)), ("timestamps", "true"))
        with meaning(f"read the log of pod {_key(namespace, pod)}"):
            path = resource.path(namespace, pod, "log")
            answer = await self._call("get", path, query=query, seconds=seconds)
            kept = bytearray()
            async for part in answer.content.iter_chunked(_CHUNK_BYTES):
                kept += part
                if len(kept) > most_bytes + _CHUNK_BYTES:
                    del kept[:-most_bytes]
            return bytes(kept[-most_bytes:]).decode(errors="replace")

    async def _json(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        query: Query = (),
        content_type: str | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> Body:
        answer = await self._call(
            method, path, body=body, query=query, content_type=content_type, seconds=seconds
        )
        found: Body = await answer.json()
        return found

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        query: Query = (),
        content_type: str | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> Any:
        options: dict[str, Any] = {
            "serialize": False,
            "_request_timeout": seconds,
            "query_params": list(query),
        }
        if method in {"post", "patch"}:
            options["field_manager"] = FIELD_MANAGER
        if content_type is not None:
            options["content_type"] = content_type
        return await self._client.request(method, path, body=body, **options)


def _key(namespace: str | None, name: str | None) -> str:
    return f"{namespace}/{name}" if namespace else str(name)
