"""Who writes to a location: the name that the second runner is told."""

from __future__ import annotations

import getpass
import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds the lock of a location."""

    user: str
    host: str
    pid: int
    started: str
    """When it took the lock, ISO 8601 in UTC."""

    @classmethod
    def current(cls) -> Holder:
        """Describe this process."""
        try:
            user = getpass.getuser()
        except (OSError, KeyError):  # a user id without a name, as in many containers
            user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
        started = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(user=user, host=platform.node() or "unknown", pid=os.getpid(), started=started)

    def __str__(self) -> str:
        """Return `user@host, process 12, since ...`."""
        return f"{self.user}@{self.host}, process {self.pid}, since {self.started}"

    def document(self) -> dict[str, object]:
        """Return the holder as it is written to the lock."""
        return asdict(self)

    @classmethod
    def read(cls, content: bytes | None) -> Holder | None:
        """Return the holder that a lock file names, None where it names none."""
        try:
            document = json.loads(content or b"")
            return cls(
                user=str(document["user"]),
                host=str(document["host"]),
                pid=int(document["pid"]),
                started=str(document["started"]),
            )
        except (ValueError, KeyError, TypeError):
            return None
