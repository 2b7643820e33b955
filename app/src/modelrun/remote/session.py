"""A program run in a container, its input and output as streams of bytes: what `kubectl exec` does.

One websocket carries all streams; the first byte of each frame says which. Frames are read one by
one, so a fast network never fills the memory with what the disk has not taken yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from modelrun.errors import InfrastructureError, ModelrunError

STDIN, STDOUT, STDERR, OUTCOME, CLOSED = 0, 1, 2, 3, 255
SILENCE_SECONDS: Final = 120.0
"""How long the program may say nothing; a shared disk may take its time for the first byte."""

KEPT_COMPLAINTS: Final = 2000


class Session:
    """One program that runs in a container; leaving the context ends it."""

    def __init__(self, socket: Any) -> None:
        """Take a websocket that is open."""
        self._socket = socket
        self._socket.settimeout(SILENCE_SECONDS)
        self._rest = memoryview(b"")
        self._complaints = b""
        self._outcome = b""
        self._over = False

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.shutdown()

    def write(self, data: bytes) -> None:
        """Send bytes to the program's input.

        Raises:
            InfrastructureError: The connection is lost.
        """
        self._told(lambda: self._socket.send_binary(bytes([STDIN]) + data))

    def read(self, most: int = 1 << 20) -> bytes:
        """Return the next bytes of the program's output, at least one; none at its end.

        Args:
            most: at most so many bytes.

        Raises:
            InfrastructureError: The connection is lost, or the program is silent for too long.
        """
        while not self._rest and not self._over:
            try:
                self._take(*self._told(lambda: self._socket.recv_data_frame(True)))
            except InfrastructureError:
                if not self._outcome:
                    raise
                # The program had ended; whoever carries the stream need not say goodbye.
                self._over = True
        part, self._rest = self._rest[:most], self._rest[most:]
        return bytes(part)

    def read_line(self, most: int = 1 << 20) -> bytes:
        """Return the next line of the program's output without its end."""
        line = bytearray()
        while len(line) < most and (byte := self.read(1)) not in {b"", b"\n"}:
            line += byte
        return bytes(line)

    @property
    def failure(self) -> str:
        """Why the program ended, or what it complained about; empty where it said nothing."""
        said = self._complaints.decode(errors="replace").strip()
        if not said and self._outcome:
            status = _status(self._outcome)
            said = "" if status.get("status") == "Success" else str(status.get("message") or "")
        return said

    def _take(self, code: int, frame: Any) -> None:
        from websocket import ABNF

        if code == ABNF.OPCODE_CLOSE:
            self._over = True
            return
        if code not in {ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT} or not frame.data:
            return
        channel, data = frame.data[0], frame.data[1:]
        if channel == STDOUT:
            self._rest = memoryview(data)
        elif channel == STDERR:
            self._complaints = (self._complaints + data)[-KEPT_COMPLAINTS:]
        elif channel == OUTCOME:
            self._outcome += data
        elif channel == CLOSED and data[:1] == bytes([STDOUT]):
            self._over = True

    def _told(self, act: Callable[[], Any]) -> Any:
        import websocket

        try:
            return act()
        except websocket.WebSocketTimeoutException as error:
            raise InfrastructureError(
                f"nothing came from the cluster for {SILENCE_SECONDS:.0f} s"
            ) from error
        except (websocket.WebSocketException, OSError) as error:
            raise InfrastructureError(
                f"the connection to the cluster was lost: {error or type(error).__name__}"
            ) from error


def opened(
    client: Any,
    url: str,
    query: list[tuple[str, str]],
    refused: Callable[[int, str], ModelrunError],
) -> Session:
    """Return a session with a container.

    Args:
        client: the `kubernetes.client.ApiClient`, which knows server and credentials.
        url: the whole address of the container's exec.
        query: the command, a pair for each of its words, and which streams are wanted.
        refused: gives the error for an answer of the API server, its status and text.

    Raises:
        UserMistake: The API server refuses it.
        InfrastructureError: The API server does not answer, or cannot reach the node.
    """
    import websocket
    from kubernetes import stream

    ws_client: Any = stream.ws_client
    headers: dict[str, str] = {}
    client.update_params_for_auth(headers, [], ["BearerToken"], url, "GET", None)
    address = ws_client.get_websocket_url(url, query)
    try:
        return Session(ws_client.create_websocket(client.configuration, address, headers))
    except websocket.WebSocketBadStatusException as error:
        body = error.resp_body or b""
        text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
        raise refused(error.status_code, text) from error
    except (websocket.WebSocketException, OSError) as error:
        raise InfrastructureError(f"no stream from the cluster could be opened: {error}") from error


def _status(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(raw)
    except ValueError:
        return {"message": raw.decode(errors="replace")}
    return said if isinstance(said, dict) else {}
