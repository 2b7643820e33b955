"""How a study comes to the workers: once per machine, never once per worker or per task.

Where the runner's folder is visible (this machine, a shared file system) it is used as it is.
Elsewhere the first worker that needs it fetches it under a file lock while the others wait: from a
copy beside the results, or in blocks from the scheduler, which the runner has handed it to. The
kernel frees the lock when the fetching process dies. Late and restarted workers find the files or
fetch them the same way.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrun.backends import recorder
from modelrun.errors import InfrastructureError

BLOCK = 16 << 20
BLOCK_SECONDS = 120.0
MARK = ".study-id"
"""A file that proves that a folder of this name is the runner's folder and not a namesake."""
HANDLER = "modelrun_block"

Read = Callable[[str, int, int], bytes]
"""Returns bytes of a file: its name, the first byte, how many at most."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a study."""

    name: str
    """Its path inside the folder."""
    size: int
    digest: str
    """BLAKE2b of its content; empty where nobody needs to fetch it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a study is; travels with the work."""

    identity: str
    """Distinguishes this study on every machine."""
    folder: str
    """Where the runner has it."""
    files: tuple[File, ...] = ()
    """What must be fetched where the folder is not visible; empty: it is visible everywhere."""
    uri: str | None = None
    """A copy beside the results, for fsspec; None: the scheduler hands out blocks."""


def here(folder: Path) -> Place:
    """Describe a study that all workers can see."""
    return Place(_mark(folder), str(folder))


def elsewhere(folder: Path, *, uri: str | None = None) -> Place:
    """Describe a study that workers must fetch, and copy it beside the results if they can read it.

    Args:
        folder: The folder that the runner has written.
        uri: An address of fsspec that runner and workers reach; None for blocks from the
            scheduler (see serve).
    """
    identity = _mark(folder)
    files = tuple(
        File(str(path.relative_to(folder)), path.stat().st_size, digest(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    if uri is not None:
        import fsspec

        system, root = fsspec.core.url_to_fs(uri)
        for file in files:
            target = f"{root}/{file.name}"
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.put_file(str(folder / file.name), target)
    return Place(identity, str(folder), files, uri)


def find(place: Place) -> Path:
    """Return the folder of a study on this machine; fetches it where it is not there yet.

    Raises:
        InfrastructureError: It cannot be fetched.
    """
    folder = Path(place.folder)
    if _marked(folder) == place.identity:
        return folder
    fetched = scratch() / place.identity
    if _marked(fetched) == place.identity:
        return fetched
    if not place.files:
        raise InfrastructureError(
            f"the study in {place.folder} is not visible on this machine ({os.uname().nodename})"
        )
    fetched.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (fetched.parent / f"{place.identity}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _marked(fetched) != place.identity:
            _fetch(place, fetched)
    return fetched


def scratch() -> Path:
    """Return where fetched studies lie on this machine."""
    return recorder.folder("studies")


def remove(identity: str) -> None:
    """Remove a fetched study from this machine; for Client.run at the end."""
    shutil.rmtree(scratch() / identity, ignore_errors=True)
    (scratch() / f"{identity}.lock").unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Return the BLAKE2b digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _fetch(place: Place, target: Path) -> None:
    """Fetch all files into a folder beside the target and rename it when all are right."""
    part = Path(tempfile.mkdtemp(prefix=f"{place.identity}.", dir=target.parent))
    read = _reader(place)
    try:
        for file in place.files:
            path = part / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                for start in range(0, file.size, BLOCK):
                    stream.write(read(file.name, start, min(BLOCK, file.size - start)))
            if digest(path) != file.digest:
                raise InfrastructureError(
                    f"the file {file.name} of the study did not arrive as it was sent"
                )
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    except OSError as error:
        raise InfrastructureError(
            f"the study cannot be fetched to {target} on {os.uname().nodename}: {error}"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _reader(place: Place) -> Read:
    if place.uri is None:
        return lambda name, start, count: _from_scheduler(place.identity, name, start, count)
    import fsspec

    system, root = fsspec.core.url_to_fs(place.uri)

    def read(name: str, start: int, count: int) -> bytes:
        raw: bytes = system.cat_file(f"{root}/{name}", start=start, end=start + count)
        return raw

    return read


def _from_scheduler(identity: str, name: str, start: int, count: int) -> bytes:
    """Ask the scheduler for a block; runs in a worker's task thread."""
    import asyncio

    from distributed import get_worker

    worker: Any = get_worker()
    request = getattr(worker.scheduler, HANDLER)(
        identity=identity, name=name, start=start, count=count
    )
    future = asyncio.run_coroutine_threadsafe(request, worker.loop.asyncio_loop)
    try:
        reply = future.result(timeout=BLOCK_SECONDS)
    except TimeoutError as error:
        future.cancel()
        raise InfrastructureError(
            f"the scheduler did not send a part of the study within {BLOCK_SECONDS:g} s"
        ) from error
    return bytes(reply["block"])


def serve(client: Any, place: Place) -> None:
    """Hand a study to the scheduler, in blocks, so that workers can ask for it.

    Args:
        client: A connected client.
        place: What elsewhere() has returned without an address.
    """
    client.run_on_scheduler(_install)
    for file in place.files:
        with (Path(place.folder) / file.name).open("rb") as stream:
            start = 0
            while True:
                block = stream.read(BLOCK)
                client.run_on_scheduler(
                    _take, identity=place.identity, name=file.name, start=start, block=block
                )
                start += len(block)
                if start >= file.size:
                    break


def withdraw(client: Any, place: Place) -> None:
    """Remove the copy that elsewhere() or serve() has made."""
    if place.uri is None:
        client.run_on_scheduler(_forget, identity=place.identity)
        return
    import fsspec

    system, root = fsspec.core.url_to_fs(place.uri)
    system.rm(root, recursive=True)


def _depot() -> Path:
    """Return where a scheduler keeps the studies it hands out."""
    return recorder.folder("depot")


def _install(dask_scheduler: Any) -> None:
    import asyncio

    async def block(identity: str, name: str, start: int, count: int) -> dict[str, bytes]:
        def read() -> bytes:
            with (_depot() / _safe(identity) / _safe(name)).open("rb") as stream:
                stream.seek(start)
                return stream.read(count)

        return {"block": await asyncio.get_running_loop().run_in_executor(None, read)}

    dask_scheduler.handlers[HANDLER] = block


def _take(identity: str, name: str, start: int, block: bytes) -> None:
    path = _depot() / _safe(identity) / _safe(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        stream.write(block)


def _forget(identity: str) -> None:
    shutil.rmtree(_depot() / _safe(identity), ignore_errors=True)


def _safe(name: str) -> str:
    """Refuse names that lead out of the folder."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name!r} leads out of the folder of the study")
    return name


def _mark(folder: Path) -> str:
    """Give the folder an identity, or return the one that it has."""
    found = _marked(folder)
    if found is not None:
        return found
    identity = os.urandom(16).hex()
    (folder / MARK).write_text(json.dumps({"identity": identity}), encoding="utf-8")
    return identity


def _marked(folder: Path) -> str | None:
    try:
        identity = json.loads((folder / MARK).read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(identity)
