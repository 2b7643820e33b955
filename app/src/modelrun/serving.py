"""The progress endpoint: /progress for the operator, /metrics for Prometheus, /healthz for probes.

It serves counts only, never data, and answers from memory, so that asking costs the run nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelrun.errors import UserMistake
from modelrun.progress import Tally

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler


@contextmanager
def serve(tally: Tally, port: int | None, *, host: str = "") -> Iterator[int | None]:
    """Serve the tally while the context is open.

    Args:
        tally: What is served.
        port: The port; 0 takes a free one, None serves nothing.
        host: The address to listen on; all by default, since probes come from outside.

    Yields:
        The port that is served.

    Raises:
        UserMistake: The port is taken.
    """
    if port is None:
        yield None
        return
    from http.server import ThreadingHTTPServer

    try:
        server = ThreadingHTTPServer((host, port), _handler(tally))
    except OSError as error:
        raise UserMistake(
            f"port {port} for --serve-progress cannot be opened ({error.strerror}); "
            "choose another, or 0 for any free one"
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="progress", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def _handler(tally: Tally) -> type[BaseHTTPRequestHandler]:
    from http.server import BaseHTTPRequestHandler

    class Handler(BaseHTTPRequestHandler):
        server_version = "modelrun"
        timeout = 10

        def do_GET(self) -> None:
            match self.path:
                case "/progress":
                    self._answer(json.dumps(tally.document()).encode(), "application/json")
                case "/metrics":
                    self._answer(metrics(tally), "text/plain; version=0.0.4; charset=utf-8")
                case "/healthz":
                    self._answer(b"ok\n", "text/plain")
                case _:
                    self.send_error(404, "ask for /progress, /metrics or /healthz")

        def _answer(self, body: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the log for the run itself."""

    return Handler


def metrics(tally: Tally) -> bytes:
    """Return the tally in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    fits = Gauge("modelrun_fits", "Fits by how they ended.", ["status"], registry=registry)
    document = tally.document()
    for status, count in document["fits"].items():
        fits.labels(status).set(count)
    Gauge("modelrun_workers", "Worker processes.", registry=registry).set(document["workers"])
    rate = Gauge("modelrun_fits_per_second", "Fits finished per second.", registry=registry)
    rate.set(document["fitsPerSecond"] or 0)
    return generate_latest(registry)
