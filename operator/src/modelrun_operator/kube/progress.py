"""Asking a runner how far it is: a pod in which the user's code runs, so nothing is trusted.

One address of one pod, one path, two seconds, sixteen kilobytes, no redirects, strict parsing. A
runner that does not answer is asked again later; what it said before stands meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import aiohttp

from modelrun_api.environment import PROGRESS_PORT
from modelrun_api.outcome import MOST_PROGRESS_BYTES, ProgressReport, read_progress
from modelrun_operator.core.snapshot import Kind
from modelrun_operator.kube.cache import Cache

_LIMIT: Final = aiohttp.ClientTimeout(total=2, connect=1)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a runner answered."""

    pod_uid: str
    """Which pod."""

    report: ProgressReport
    """What it said."""

    at: datetime
    """When."""


def runner_pod(cache: Cache, run_uid: str, job: str) -> dict[str, Any] | None:
    """Return the running pod of a runner's Job, once it has an address."""
    for body in cache.children(run_uid):
        labels = body["metadata"].get("labels") or {}
        status = body.get("status") or {}
        if (
            body["kind"] == Kind.POD
            and labels.get("batch.kubernetes.io/job-name") == job
            and status.get("phase") == "Running"
            and status.get("podIP")
        ):
            return body
    return None


async def ask(session: aiohttp.ClientSession, pod: dict[str, Any]) -> ProgressReport | None:
    """Return what a runner says, or None where it says nothing that can be read."""
    try:
        address = ip_address(pod["status"]["podIP"])
        host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        url = f"http://{host}:{PROGRESS_PORT}/progress"
        async with session.get(
            url,
            timeout=_LIMIT,
            allow_redirects=False,
            # A few packed kilobytes could be gigabytes.
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        ) as answer:
            if answer.status != 200:
                return None
            said = b""
            async for part in answer.content.iter_chunked(4096):
                said += part
                if len(said) > MOST_PROGRESS_BYTES:
                    return None
            return read_progress(said)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
        return None
