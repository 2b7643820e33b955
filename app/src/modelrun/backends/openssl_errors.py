"""Keep one broken TLS connection from closing healthy ones in the same process.

OpenSSL notes errors in a queue per thread, and whoever starts an operation must empty it before:
what is left there from another connection is otherwise taken for the outcome of this one. Python
does not (python/cpython #81891, #148594), and since OpenSSL 3.4 a peer that goes away leaves its
"broken pipe" in the queue. A Dask scheduler serves all connections from one thread, so each client
that hangs up at the wrong moment can take another client, or a worker, with it: the run sees
"scheduler-connection-lost" though nothing is wrong with its network.

Importing this module is the remedy: Tornado's streams, on which Dask's ``tls://`` is built, empty
the queue before every operation, at the cost of about a microsecond. Scheduler, workers and clients
do it through Dask's own preload settings (``distributed.scheduler.preload`` and its siblings); the
image sets them. Not for other users of OpenSSL in the process, such as https.
"""

from __future__ import annotations

import _ssl
import ctypes
from collections.abc import Callable
from functools import wraps
from typing import Any

from tornado.iostream import SSLIOStream

_OPERATIONS = ("_do_ssl_handshake", "read_from_fd", "write_to_fd")
_MARK = "_modelrun_empties_the_queue"


def install() -> bool:
    """Make Tornado's TLS streams empty OpenSSL's error queue before they use it.

    Returns:
        Whether the remedy is in place; False where Python's OpenSSL cannot be reached (a Python
        that links it statically and hides its symbols).
    """
    if getattr(SSLIOStream, _MARK, False):
        return True
    clear = _clear_error_queue()
    if clear is None:
        return False
    for name in _OPERATIONS:
        setattr(SSLIOStream, name, _after(clear, getattr(SSLIOStream, name)))
    setattr(SSLIOStream, _MARK, True)
    return True


def _clear_error_queue() -> Callable[[], Any] | None:
    """Return OpenSSL's function of that name, of the very library that Python's ssl uses."""
    # PyDLL keeps the interpreter lock: the call is shorter than giving it up. A symbol is looked
    # for in the module and in what it links, so another OpenSSL in the process is never meant.
    try:
        function = ctypes.PyDLL(getattr(_ssl, "__file__", None)).ERR_clear_error
    except (AttributeError, OSError):
        return None
    function.argtypes = []
    function.restype = None
    return function


def _after(clear: Callable[[], Any], operation: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(operation)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        clear()
        return operation(*args, **kwargs)

    return guarded


install()
