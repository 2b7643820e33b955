"""Requests to an API server: read, apply, change, delete, watch. No request without a time limit.

Objects are plain documents. Every failure leaves as an error of the app (see `refusals`); nothing
else of the app calls the client of Kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from modelrun.errors import InfrastructureError, ModelrunError
from modelrun.remote.access import Access, Way, way_to
from modelrun.remote.refusals import refusal, unreachable
from modelrun_api.identity import API_VERSION, PROFILE_PLURAL, RUN_PLURAL

if TYPE_CHECKING:
    from modelrun.remote.session import Session

MANAGER: Final = "modelrun"
"""The field manager of everything that this command writes."""

TIMEOUT: Final = 20.0
"""Seconds for a request that is answered at once."""

Body = dict[str, Any]


class Connection:
    """One API server and one namespace."""

    def __init__(self, way: Way) -> None:
        """Keep the way; nothing is sent yet."""
        self._way = way

    @classmethod
    def open(cls, access: Access) -> Connection:
        """Return the connection that flags and kubeconfig name.

        Raises:
            UserMistake: There is no such kubeconfig or context, or a package is missing.
        """
        return cls(way_to(access))

    @property
    def namespace(self) -> str:
        """The namespace of all paths."""
        return self._way.namespace

    @property
    def server(self) -> str:
        """The API server's address."""
        return self._way.server

    def runs(self, name: str = "", *, everywhere: bool = False) -> str:
        """Return the path of a ModelRun, or of all."""
        where = "" if everywhere else f"/namespaces/{self.namespace}"
        return f"/apis/{API_VERSION}{where}/{RUN_PLURAL}" + (f"/{name}" if name else "")

    def profiles(self) -> str:
        """Return the path of all profiles."""
        return f"/apis/{API_VERSION}/{PROFILE_PLURAL}"

    def core(self, plural: str, name: str = "") -> str:
        """Return the path of an object such as a pod or a ConfigMap, or of all."""
        path = f"/api/v1/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path

    def read(self, path: str, **query: str | int) -> Body:
        """Return an object or a list.

        Raises:
            NotThere: There is none.
            UserMistake: It may not be read, or modelrun is not installed there.
            InfrastructureError: The API server is away.
        """
        return _document(self._send("get", path, query=query).data)

    def apply(self, path: str, body: Body, *, dry_run: bool = False) -> Body:
        """Apply an object server-side, strictly: an unknown field is refused.

        Raises:
            Invalid: The API server refuses the object.
        """
        query: dict[str, str | int] = {
            "fieldManager": MANAGER,
            "force": "true",
            "fieldValidation": "Strict",
        }
        if dry_run:
            query["dryRun"] = "All"
        kind = "application/apply-patch+yaml"
        return _document(self._send("patch", path, body=body, query=query, kind=kind).data)

    def create(self, path: str, body: Body, *, dry_run: bool = False) -> Body:
        """Create an object in a list.

        Raises:
            Forbidden: The user may not create such objects.
            Invalid: The API server refuses this one.
        """
        query: dict[str, str | int] = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return _document(self._send("post", path, body=body, query=query).data)

    def change(self, path: str, body: Body) -> Body:
        """Change members of an object (JSON merge patch)."""
        query: dict[str, str | int] = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
        kind = "application/merge-patch+json"
        return _document(self._send("patch", path, body=body, query=query, kind=kind).data)

    def delete(self, path: str, *, uid: str | None = None, version: str | None = None) -> None:
        """Delete an object, if it is still this very one; what it owns goes with it.

        Args:
            path: the object.
            uid: its uid; None for whatever has this name.
            version: its resourceVersion; None for any.

        Raises:
            NotThere: There is none.
            Changed: It is another one, or has another version.
        """
        known = {"uid": uid, "resourceVersion": version}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {name: value for name, value in known.items() if value is not None},
        }
        self._send("delete", path, body=body).release_conn()

    def text(self, path: str, **query: str | int) -> Iterator[str]:
        """Yield the lines of a text, such as a log, as they come."""
        limit = None if query.get("follow") else TIMEOUT
        answer = self._send("get", path, query=query, accept="*/*", limit=limit)
        with self._told(f"read {path}"):
            yield from _lines(answer)

    def watch(self, path: str, *, version: str, seconds: int, **query: str) -> Iterator[Body]:
        """Yield what happens to the objects of a list: `{type, object}`.

        Args:
            path: the list.
            version: the resourceVersion from which on.
            seconds: how long the API server goes on; it then ends the stream.
            **query: a fieldSelector or labelSelector.

        Raises:
            Outdated: The version is too old; list again.
        """
        asked: dict[str, str | int] = {
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": seconds,
            **query,
        }
        answer = self._send("get", path, query=asked, limit=seconds + TIMEOUT)
        with self._told(f"watch {path}"):
            for line in _lines(answer):
                event = _document(line.encode())
                if event.get("type") == "ERROR":
                    said = event.get("object") or {}
                    raise self._refusal(int(said.get("code") or 500), json.dumps(said), "watch")
                yield event

    def session(self, pod: str, container: str, command: Sequence[str]) -> Session:
        """Run a program in a container that runs, with its input and output as streams.

        Raises:
            Forbidden: The user may not run programs there.
            InfrastructureError: The API server or the node does not answer.
        """
        from modelrun.remote.session import opened

        query = [("container", container), ("stdin", "true"), ("stdout", "true")]
        query += [("stderr", "true"), *(("command", word) for word in command)]
        url = self.server + self.core("pods", pod) + "/exec"

        def refused(status: int, body: str) -> ModelrunError:
            return self._refusal(status, body, f"run a program in pods/{pod}")

        return opened(self._way.client.client, url, query, refused)

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        query: Mapping[str, str | int] | None = None,
        kind: str = "application/json",
        accept: str = "application/json",
        limit: float | None = TIMEOUT,
    ) -> Any:
        doing = f"{_VERBS[method]} {_subject(path)}"
        with self._told(doing):
            return self._way.client.request(
                method,
                path,
                body=body,
                query_params=list((query or {}).items()),
                header_params={"Accept": accept},
                content_type=kind,
                serialize=False,
                # A stream that is followed may be silent for ever; only its start is limited.
                _request_timeout=(5.0, limit),
            )

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            body = error.body or b""
            text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
            raise self._refusal(int(error.status or 0), text, doing) from error
        except (HTTPError, OSError) as error:
            raise unreachable(self.server, error) from error

    def _refusal(self, status: int, body: str, doing: str) -> ModelrunError:
        return refusal(status, body, doing=doing, server=self.server, namespace=self.namespace)


_VERBS: Final = {"get": "read", "post": "create", "patch": "write", "delete": "delete"}


def _subject(path: str) -> str:
    """Return what a path is about, without its group and namespace: `modelruns/ff25`."""
    parts = path.strip("/").split("/")
    if "namespaces" in parts:
        return "/".join(parts[parts.index("namespaces") + 2 :])
    return "/".join(parts[parts.index("v1") + 1 :] if parts[0] == "api" else parts[3:])


def _lines(answer: Any) -> Iterator[str]:
    rest = b""
    try:
        for chunk in answer.stream(65_536, decode_content=True):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")
    finally:
        # An unfinished stream must not go back to the pool.
        answer.close()


def _document(raw: bytes) -> Body:
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise InfrastructureError("the API server's answer is no JSON; is it one?") from error
    if not isinstance(found, dict):
        raise InfrastructureError("the API server's answer is no object; is it one?")
    return found
