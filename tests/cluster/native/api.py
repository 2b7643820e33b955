"""The few calls to the API server that a daemon makes, by the standard library alone."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Api:
    """A connection's settings: where the API server is and who asks."""

    host: str
    port: int
    context: ssl.SSLContext

    @classmethod
    def of(cls, kubeconfig: Path) -> Api:
        """Read a kubeconfig written by `cluster.native.kubeconfig`."""
        content = json.loads(kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        user = content["users"][0]["user"]
        server = urlsplit(cluster["server"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_bytes(
                base64.b64decode(user["client-certificate-data"])
                + base64.b64decode(user["client-key-data"])
            )
            context.load_cert_chain(pair)
        return cls(server.hostname or "", server.port or 443, context)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send one request and return the status and the decoded answer ({} if it is no JSON)."""
        connection = http.client.HTTPSConnection(
            self.host, self.port, context=self.context, timeout=10
        )
        try:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            connection.request(
                method, path, json.dumps(body) if body else None, {"Content-Type": kind}
            )
            response = connection.getresponse()
            raw = response.read()
            try:
                return response.status, json.loads(raw)
            except ValueError:
                return response.status, {}
        finally:
            connection.close()

    def ready(self) -> bool:
        """Tell whether the API server says that it is ready."""
        try:
            return self.call("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def watch(self, path: str, seconds: int = 60) -> Iterator[dict[str, Any]]:
        """Yield the objects of a collection that are there, then each one that changes.

        Ends after `seconds`; call it again.
        """
        connection = http.client.HTTPSConnection(
            self.host, self.port, context=self.context, timeout=seconds + 15
        )
        try:
            connection.request("GET", f"{path}?watch=1&timeoutSeconds={seconds}")
            response = connection.getresponse()
            while line := response.readline():
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
        finally:
            connection.close()
