"""Where the test cluster keeps what it has: one place per machine, not per checkout.

``cache`` holds what is expensive to make and named by its content (binaries, images); it
outlives the cluster. ``run`` holds what belongs to the running cluster and goes with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError

SOURCE = Path(__file__).resolve().parent
CHECKOUT = SOURCE.parent.parent


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of this machine's test cluster."""

    root: Path

    @classmethod
    def find(cls) -> Home:
        """Return the folder named by MODELRUN_CLUSTER_HOME, or the machine's usual one."""
        named = os.environ.get("MODELRUN_CLUSTER_HOME")
        if named:
            return cls(Path(named).resolve())
        if os.geteuid() == 0:
            return cls(Path("/var/lib/modelrun-cluster"))
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(caches / "modelrun-cluster")

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def images(self) -> Path:
        """OCI image layouts, one folder per image name."""
        return self.root / "cache" / "images"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "run" / "logs"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @contextlib.contextmanager
    def locked(self, name: str = "cluster", limit: float = 1500) -> Iterator[None]:
        """Hold the machine-wide lock `name`; wait for another holder up to `limit` seconds."""
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / f"{name}.lock"
        with path.open("a+") as handle:
            end = time.monotonic() + limit
            told = False
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    handle.seek(0)
                    holder = handle.read().strip() or "unknown"
                    if time.monotonic() > end:
                        raise ClusterError(
                            f"{path} is still held by process {holder} after {limit:.0f} s; "
                            "wait for that command to end, or end it."
                        ) from None
                    if not told:
                        print(f"waiting for process {holder}, which holds {path}", flush=True)
                        told = True
                    time.sleep(0.5)
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            yield


def content_hash(paths: Iterable[Path], *texts: str) -> str:
    """Return 12 hexadecimal digits that name the content of files, folders and texts.

    Folders count with the relative names of their files; compiled Python does not count.
    """
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    for path in paths:
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        for file in files:
            if "__pycache__" in file.parts:
                continue
            digest.update(str(file.relative_to(path.parent)).encode() + b"\0")
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
