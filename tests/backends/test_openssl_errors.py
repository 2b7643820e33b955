"""An error that another connection left behind does not close a healthy TLS connection."""

from __future__ import annotations

import _ssl
import os
import ssl
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = textwrap.dedent(
    """
    import asyncio, ctypes, errno, socket, ssl, sys, _ssl
    from tornado.iostream import SSLIOStream, StreamClosedError
    if sys.argv[1] == "guarded":
        from modelrun.backends import openssl_errors
        assert openssl_errors.install()

    library = ctypes.PyDLL(_ssl.__file__)
    library.ERR_set_error.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]

    def leave_broken_pipe_behind():
        library.ERR_new()
        library.ERR_set_error(2, errno.EPIPE, None)      # 2 is ERR_LIB_SYS

    async def main():
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(sys.argv[2], sys.argv[3])
        client = ssl.create_default_context(cafile=sys.argv[2])
        client.check_hostname = False
        a, b = socket.socketpair()
        a.setblocking(False), b.setblocking(False)
        wrap = dict(do_handshake_on_connect=False)
        left = SSLIOStream(server.wrap_socket(a, server_side=True, **wrap))
        right = SSLIOStream(client.wrap_socket(b, **wrap))
        await asyncio.gather(left.wait_for_handshake(), right.wait_for_handshake())
        await right.write(b"first")
        assert await left.read_bytes(5) == b"first"
        leave_broken_pipe_behind()
        try:
            waiting = left.read_bytes(6)
            await right.write(b"second")
            print((await asyncio.wait_for(waiting, 5)).decode())
        except (StreamClosedError, OSError) as closed:
            print(repr(closed))

    asyncio.run(main())
    """
)


def answer(how: str, certificate: Path, key: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how, certificate, key],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from distributed.security import Security

    security = Security.temporary()
    folder = tmp_path_factory.mktemp("pair")
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_text(security.tls_scheduler_cert)
    key.write_text(security.tls_scheduler_key)
    return certificate, key


@pytest.mark.skipif(
    ssl.OPENSSL_VERSION_INFO < (3, 0) or not hasattr(_ssl, "__file__"),
    reason="the error is put into the queue through functions of OpenSSL 3",
)
class TestErrorOfAnotherConnection:
    def test_closes_a_healthy_stream_of_plain_tornado(self, pair: tuple[Path, Path]) -> None:
        assert answer("plain", *pair) != "second", "Python mends this itself now: drop ours"

    def test_does_not_close_a_stream_once_the_module_is_imported(
        self, pair: tuple[Path, Path]
    ) -> None:
        assert answer("guarded", *pair) == "second"
