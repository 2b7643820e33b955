"""Name service for the Dask controller, which kopf loads this file into: Services have no DNS here.

The controller itself stays as it is; without this it would wait a minute for every scheduler.
"""

from __future__ import annotations

import socket
from typing import Any

SCHEDULERS = "127.16.0.2"
_asked = socket.getaddrinfo


def _answered(host: Any, *arguments: Any, **keywords: Any) -> Any:
    if isinstance(host, str) and host.partition(".")[0].endswith("-scheduler"):
        host = SCHEDULERS
    return _asked(host, *arguments, **keywords)


socket.getaddrinfo = _answered
