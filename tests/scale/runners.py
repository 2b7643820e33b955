"""What answers where pods are said to be: runners' progress, and schedulers that offer no API."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer

from cluster.errors import ClusterError
from modelrun_api.environment import PROGRESS_PORT
from modelrun_operator.names import HEALTH_PORT, SCHEDULER_PORT

TOTAL = 1000
PLACES = range(16, 32)


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


class Wall(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 1024


class Walls(StreamRequestHandler):
    """A port that speaks TLS only: it ends whatever begins otherwise."""

    def handle(self) -> None:
        self.request.recv(1)


@dataclass(frozen=True, slots=True)
class Answers:
    """Two addresses of loopback at which everything answers."""

    pods: str
    schedulers: str
    servers: tuple[BaseServer, ...]

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()


def serve() -> Answers:
    """Answer at two addresses that nobody else has.

    Raises:
        ClusterError: all are taken.
    """
    for number in PLACES:
        pods, schedulers = f"127.{number}.0.1", f"127.{number}.0.2"
        servers: list[BaseServer] = []
        try:
            servers.append(Server((pods, PROGRESS_PORT), Runners))
            servers.append(Server((schedulers, HEALTH_PORT), Schedulers))
            servers.append(Wall((schedulers, SCHEDULER_PORT), Walls))
        except OSError:
            for server in servers:
                server.server_close()
            continue
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return Answers(pods, schedulers, tuple(servers))
    raise ClusterError("no loopback address is free for the runners' progress")
