"""What answers where pods are said to be: runners' progress, and schedulers that offer no API."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from modelrun_api.environment import PROGRESS_PORT
from modelrun_operator.names import HEALTH_PORT

PODS = "127.16.0.1"
SCHEDULERS = "127.16.0.2"
TOTAL = 1000


class Runners(BaseHTTPRequestHandler):
    """Every runner has fitted one model more since a second ago."""

    protocol_version = "HTTP/1.1"
    began = time.monotonic()
    workers = 1

    def do_GET(self) -> None:
        done = min(TOTAL - 1, int(time.monotonic() - self.began))
        fits = {"total": TOTAL, "done": done, "succeeded": done}
        left = float(TOTAL - done)
        answer = {"stage": "fitting", "fits": fits, "workers": self.workers, "secondsLeft": left}
        self._answer(200, json.dumps({**answer, "fitsPerSecond": 1.0}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Schedulers(Runners):
    """A scheduler whose only route is /health, as ours are."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(404, b"")

    def do_GET(self) -> None:
        self.do_POST()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def serve() -> list[Server]:
    """Answer on the two addresses; close what is returned."""
    servers = [
        Server((PODS, PROGRESS_PORT), Runners),
        Server((SCHEDULERS, HEALTH_PORT), Schedulers),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return servers
