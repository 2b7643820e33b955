"""Name service for the Dask controller, which kopf loads this file into: Services have no DNS here.

The controller itself stays as it is; without this it would wait a minute for every scheduler.
"""

from __future__ import annotations

import os
import socket
from typing import Any

SCHEDULERS = os.environ["SCALE_SCHEDULERS"]
_asked = socket.getaddrinfo


def _answered(host: Any, *arguments: Any, **keywords: Any) -> Any:
    if isinstance(host, str) and host.partition(".")[0].endswith("-scheduler"):
        host = SCHEDULERS
    return _asked(host, *arguments, **keywords)


socket.getaddrinfo = _answered
