"""The writer of segments: a frame is one write, and a new file begins when one is full.

What a folder holds after `append` survives the death of the process (it lies in the kernel's page
cache); `sync` makes it survive a loss of power. It knows nothing of Arrow or of locations.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modelrun.store.segment import encode


class SegmentWriter:
    """Appends frames to files of one writer in one folder."""

    def __init__(self, folder: Path, writer: str, note: bytes, roll_bytes: int) -> None:
        """Write nothing yet.

        Args:
            folder: Where segments go; made when the first is.
            writer: The first part of their names; sorts after all earlier writers'.
            note: What each segment starts with.
            roll_bytes: The size at which a segment is full.
        """
        self.folder = folder
        self._writer = writer
        self._note = note
        self._roll_bytes = roll_bytes
        self._number = 0
        self._descriptor = -1
        self._path = Path()
        self._size = 0
        self._unsynced = False

    @property
    def current(self) -> Path | None:
        """The segment that is being written, None between two."""
        return self._path if self._descriptor >= 0 else None

    def full(self) -> bool:
        """Say whether the current segment has reached its size."""
        return self._size >= self._roll_bytes

    def append(self, pieces: Sequence[bytes | memoryview]) -> tuple[Path, int]:
        """Write a frame; return its segment and its offset there.

        Raises:
            OSError: The frame could not be written; the segment is as it was before.
        """
        if self._descriptor < 0:
            self._begin()
        offset = self._size
        self._write(pieces)
        return self._path, offset

    def sync(self) -> None:
        """Bring what is written to the disk itself."""
        if self._descriptor >= 0 and self._unsynced:
            os.fsync(self._descriptor)
            self._unsynced = False

    def roll(self) -> Path | None:
        """End the current segment; return its path, None where there is none."""
        if self._descriptor < 0:
            return None
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1
        return self._path

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self._writer}-{self._number:06d}.seg"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o666)
        self._path, self._size = path, 0
        self._number += 1
        keys, codes = np.zeros(0, np.uint64), np.zeros(0, np.uint8)
        pieces, _ = encode(self._note, keys, keys, codes, codes)
        self._write(pieces)

    def _write(self, pieces: Sequence[bytes | memoryview]) -> None:
        content = memoryview(b"".join(pieces))
        length, done = len(content), 0
        try:
            while done < length:
                done += os.write(self._descriptor, content[done:])
        except BaseException:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += length
        self._unsynced = True
