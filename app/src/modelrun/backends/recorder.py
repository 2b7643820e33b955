"""The flight recorder: what a worker process is doing, readable after its death.

A fit can end its process without a word: a signal, an abort, the kernel's memory killer. So every
worker writes which fit it works on into 128 bytes of a mapped file, which outlive the process and
which its nanny reads. Writing costs less than a microsecond, hence every single fit is noted.

It is not a log: the note holds the present moment and nothing else.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SIZE = 128
SCRATCH_VARIABLE = "MODELRUN_SCRATCH"
"""The folder for notes and for fetched studies, where the temporary folder is not the place."""
NO_FIT = -2
"""The process is between fits."""
BLOCK = -1
"""The process works on a block of fits at once."""

_HEAD = struct.Struct("<qq")
"""Process id, submission."""
_FIT = struct.Struct("<qddq")
"""Fit, start (seconds of the machine's monotonic clock), limit in seconds, finished fits."""
_HEAD_AT = 0
_FIT_AT = 16
_ADDRESS_AT = 48
_ADDRESS_SIZE = SIZE - _ADDRESS_AT


@dataclass(frozen=True, slots=True)
class Note:
    """What a process was doing when the note was read."""

    pid: int
    submission: int
    """The number under which the runner handed out the work; 0 between tasks."""
    fit: int
    """The slice; BLOCK for a block of fits, NO_FIT between fits."""
    start: float
    """When the fit began, in seconds of time.monotonic()."""
    limit: float
    """The soft time limit in seconds; 0 where there is none."""
    finished: int
    """Guarded calls that this process has finished."""
    address: str
    """The address of the worker."""

    def overdue(self, now: float, grace: float) -> bool:
        """Tell whether the fit has outlived its limit and the grace for ending by itself."""
        return self.fit != NO_FIT and self.limit > 0 and now - self.start > self.limit + grace


def folder(token: str) -> Path:
    """Return the folder of the notes of one cluster on this machine; it may not exist yet.

    Args:
        token: Names the cluster, so that two runs on one machine never share a note.
    """
    scratch = os.environ.get(SCRATCH_VARIABLE)
    base = Path(scratch) if scratch else Path(tempfile.gettempdir()) / f"modelrun-{os.getuid()}"
    return base / token


def path(token: str, nanny: str) -> Path:
    """Return where the worker under a nanny writes its note.

    Args:
        token: Names the cluster.
        nanny: The address of the nanny, known to both of them.
    """
    return folder(token) / f"{hashlib.sha256(nanny.encode()).hexdigest()[:16]}.note"


class Recorder:
    """Writes the note of this process."""

    __slots__ = ("_finished", "_map", "_pack", "_pid", "_submission")

    def __init__(self, file: Path, *, address: str) -> None:
        """Begin a new note, whatever an earlier process left there.

        Args:
            file: The file of the note; its folder is made where it is missing.
            address: The address of this worker; longer ones are cut at 80 bytes.
        """
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, SIZE)
            self._map = mmap.mmap(descriptor, SIZE)
        finally:
            os.close(descriptor)
        self._pid = os.getpid()
        self._submission = 0
        self._finished = 0
        self._pack = _FIT.pack_into
        text = address.encode()[:_ADDRESS_SIZE]
        self._map[_ADDRESS_AT:SIZE] = text.ljust(_ADDRESS_SIZE, b"\0")
        self.end()

    def begin(self, submission: int) -> None:
        """Note that a task has begun."""
        self._submission = submission
        self._pack(self._map, _FIT_AT, NO_FIT, 0.0, 0.0, self._finished)
        _HEAD.pack_into(self._map, _HEAD_AT, self._pid, submission)

    def end(self) -> None:
        """Note that no task is being worked on."""
        self._submission = 0
        _HEAD.pack_into(self._map, _HEAD_AT, self._pid, 0)
        self._pack(self._map, _FIT_AT, NO_FIT, 0.0, 0.0, self._finished)

    def enter(self, fit: int, limit: float) -> None:
        """Note that a fit has begun."""
        self._pack(self._map, _FIT_AT, fit, time.monotonic(), limit, self._finished)

    def leave(self) -> None:
        """Note that the fit has ended."""
        self._finished += 1
        self._pack(self._map, _FIT_AT, NO_FIT, 0.0, 0.0, self._finished)

    @property
    def finished(self) -> int:
        """Return how many guarded calls this process has finished."""
        return self._finished


class Silent(Recorder):
    """A recorder without a file, for work that no other process watches."""

    __slots__ = ()

    def __init__(self) -> None:
        """Take no note at all."""
        self._map = mmap.mmap(-1, SIZE)
        self._pid = os.getpid()
        self._submission = 0
        self._finished = 0
        self._pack = _FIT.pack_into


def read(file: Path) -> Note | None:
    """Read a note, also that of a dead process; None where there is none."""
    try:
        raw = file.read_bytes()
    except OSError:
        return None
    if len(raw) < SIZE:
        return None
    pid, submission = _HEAD.unpack_from(raw, _HEAD_AT)
    fit, start, limit, finished = _FIT.unpack_from(raw, _FIT_AT)
    address = raw[_ADDRESS_AT:SIZE].rstrip(b"\0").decode(errors="replace")
    return Note(pid, submission, fit, start, limit, finished, address)


_current: Recorder | None = None


def current() -> Recorder:
    """Return the recorder of this process; a silent one where nobody has opened one."""
    global _current
    if _current is None:
        _current = Silent()
    return _current


def start(file: Path, *, address: str) -> Recorder:
    """Open the note of this process; from now on current() writes to it."""
    global _current
    _current = Recorder(file, address=address)
    return _current
