"""Files out of a pod: a small program there, a tar stream between, whole files here.

The program says first what there is; it is answered with the names that are wanted, so that what
is here already does not travel again. It ends when it is told that all has arrived: output that a
program leaves behind is lost at times. The image's own modelrun is not asked, its version may be
any.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from modelrun.errors import InfrastructureError, ModelrunError, UserMistake
from modelrun.store.trouble import told

BLOCK: Final = 1 << 20

PROGRAM: Final = """\
import json, os, sys, tarfile
folder, names = sys.argv[1], sys.argv[2:]
out = sys.stdout.buffer
opened = {}
for name in names:
    try:
        opened[name] = open(os.path.join(folder, name), "rb")
    except FileNotFoundError:
        pass
    except OSError as error:
        sys.exit(f"cannot read {name}: {error.strerror}")
there = {name: os.fstat(file.fileno()) for name, file in opened.items()}
listed = [{"name": n, "size": s.st_size, "modified": s.st_mtime_ns} for n, s in there.items()]
out.write(json.dumps({"folder": os.path.isdir(folder), "files": listed}).encode() + b"\\n")
out.flush()
wanted = json.loads(sys.stdin.readline() or "[]")
with tarfile.open(fileobj=out, mode="w|", bufsize=1 << 18) as tar:
    for name in wanted:
        tar.addfile(tar.gettarinfo(arcname=name, fileobj=opened[name]), opened[name])
out.flush()
sys.stdin.readline()
"""
"""Runs in the pod: `python -c PROGRAM FOLDER NAME...`. What it has opened stays as it was when a
run writes its tables anew meanwhile."""


class NothingThere(UserMistake):
    """The volume has no results."""


class Stream(Protocol):
    """The program's input and output, as `remote.session.Session` has them."""

    @property
    def failure(self) -> str:
        """What the program complained about."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def read(self, most: int = BLOCK) -> bytes:
        """Return the next bytes, none at the end."""

    def read_line(self, most: int = BLOCK) -> bytes:
        """Return the next line."""


class Meter(Protocol):
    """Is told how far copying is."""

    def begin(self, files: int, size: int) -> None:
        """Learn what will come: so many files, so many bytes."""

    def advance(self, size: int) -> None:
        """Learn that so many bytes more have come."""


class Unmeasured:
    """A meter that shows nothing."""

    def begin(self, files: int, size: int) -> None:
        """Do nothing."""

    def advance(self, size: int) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the results."""

    name: str
    size: int
    modified: int
    """Nanoseconds since 1970."""

    def is_here(self, folder: Path) -> bool:
        """Say whether the folder has the very file from an earlier copy."""
        try:
            found = (folder / self.name).stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.modified)


def command(folder: str, names: Sequence[str]) -> list[str]:
    """Return the program's command, for a container with Python."""
    return ["python", "-c", PROGRAM, folder, *names]


def receive(
    stream: Stream, folder: Path, *, needed: str, marker: str, names: Sequence[str], meter: Meter
) -> list[Path]:
    """Write the files that the program sends into a folder, each whole or not at all.

    Files that are here already are not sent again; those that are no longer there are removed, so
    that the folder is a copy. The marker of completeness comes last.

    Args:
        stream: the program.
        folder: where the files go; made if it is not there.
        needed: the file without which there is nothing to copy.
        marker: the file whose presence means complete.
        names: the names that the program was asked about.
        meter: is told how far it is.

    Returns:
        The files of the copy, those that were here already among them.

    Raises:
        NothingThere: There are no results there.
        UserMistake: The folder cannot be written.
        InfrastructureError: The stream broke off; the same copy goes on where it stopped.
    """
    there = _listing(stream, needed, names)
    wanted = [one for one in there if not one.is_here(folder)]
    if wanted:
        # The copy is incomplete from here on, until the marker stands again.
        ends = [one for one in there if one.name == marker]
        wanted = [one for one in wanted if one.name != marker] + ends
    with told(str(folder), "write to"):
        folder.mkdir(parents=True, exist_ok=True)
        gone = set(names) - {one.name for one in there}
        for name in gone | ({marker} if wanted else set()):
            (folder / name).unlink(missing_ok=True)
    meter.begin(len(wanted), sum(one.size for one in wanted))
    stream.write(json.dumps([one.name for one in wanted]).encode() + b"\n")
    arrived = 0
    source: Any = _Source(stream)
    try:
        with tarfile.open(fileobj=source, mode="r|", bufsize=1 << 16) as tar:
            for one, member in zip(wanted, tar, strict=False):
                if member.name != one.name:
                    raise InfrastructureError(f"{one.name} was expected and {member.name} came")
                _write(tar, member, one, folder, meter)
                arrived += 1
    except (tarfile.TarError, EOFError) as error:
        raise _broken(stream, arrived, len(wanted)) from error
    except InfrastructureError as error:
        raise InfrastructureError(f"{error}; {_so_far(arrived, len(wanted))}") from error
    if arrived < len(wanted):
        raise _broken(stream, arrived, len(wanted))
    stream.write(b"\n")
    return [folder / one.name for one in there]


class _Source:
    """The stream as tarfile reads it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        return self._stream.read(size)


def _listing(stream: Stream, needed: str, names: Sequence[str]) -> list[Listed]:
    line = stream.read_line()
    try:
        said: dict[str, Any] = json.loads(line)
        # What a pod says is not believed beyond what it was asked for.
        there = [
            Listed(str(one["name"]), int(one["size"]), int(one["modified"]))
            for one in said["files"]
            if one["name"] in names
        ]
    except (ValueError, KeyError, TypeError) as error:
        why = stream.failure or line[:200].decode(errors="replace") or "it said nothing"
        raise ModelrunError(f"the program that reads the volume failed: {why}") from error
    if needed not in {one.name for one in there}:
        raise NothingThere(f"no {needed} lies there" if said.get("folder") else "it is not there")
    return there


def _write(
    tar: tarfile.TarFile, member: tarfile.TarInfo, listed: Listed, folder: Path, meter: Meter
) -> None:
    draft = folder / f".{listed.name}.part"
    try:
        content = tar.extractfile(member)
        if content is None:
            raise InfrastructureError(f"{listed.name} is no file there")
        with told(str(folder), "write to"), draft.open("wb") as file:
            while block := content.read(BLOCK):
                file.write(block)
                meter.advance(len(block))
        if draft.stat().st_size != listed.size:
            raise EOFError(listed.name)
        os.utime(draft, ns=(listed.modified, listed.modified))
        draft.replace(folder / listed.name)
    finally:
        draft.unlink(missing_ok=True)


def _broken(stream: Stream, arrived: int, wanted: int) -> InfrastructureError:
    why = stream.failure
    said = f"the stream of files broke off{f' ({why})' if why else ''}"
    return InfrastructureError(f"{said}; {_so_far(arrived, wanted)}")


def _so_far(arrived: int, wanted: int) -> str:
    return f"{arrived} of {wanted} files have come whole. The same command fetches the others"
