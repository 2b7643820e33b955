"""The segment: a file of frames that is only ever appended to.

A frame is `<header><index><arrow stream>`: the header carries lengths and a CRC over everything,
the index has key, status and reason of each row, so that opening a store touches no Arrow. A
frame counts when its CRC holds: that is the commit. What a kill leaves at the end of a file is
skipped. A segment is never appended to by a second writer.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from modelrun_api.failure import FailureReason, FitStatus, SkipReason

Keys = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint8]

MAGIC = b"\xf5MRseg1\n"
HEADER = struct.Struct("<8sQII40x")
"""Magic, length of the body, number of rows, CRC; 64 bytes, so that Arrow data lie aligned."""

ALIGNMENT = 64
ROW_BYTES = 18
"""Bytes of the index per row: two key lanes, a status and a reason."""

STATUSES: tuple[str, ...] = tuple(FitStatus)
REASONS: tuple[str, ...] = ("", *SkipReason, *FailureReason)
"""Codes of the index are places in these lists; new words go to the end."""

OTHER_REASON = 255
"""The code of a reason that this version does not know."""


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Where a frame lies in its segment and which fits it holds."""

    arrow_start: int
    arrow_stop: int
    key_hi: Keys
    key_lo: Keys
    status: Codes
    reason: Codes

    def __len__(self) -> int:
        """Return the number of fits."""
        return len(self.key_hi)


def encode(
    arrow: bytes | memoryview, key_hi: Keys, key_lo: Keys, status: Codes, reason: Codes
) -> tuple[list[bytes | memoryview], int]:
    """Return the pieces of a frame, to be written in one go, and where its Arrow stream starts.

    Args:
        arrow: An Arrow IPC stream with one row per fit; anything for a note (no rows).
        key_hi: First key lane of each row, shape (n,).
        key_lo: Second key lane, shape (n,).
        status: Places in STATUSES, shape (n,).
        reason: Places in REASONS, shape (n,).
    """
    index = b"".join((key_hi.tobytes(), key_lo.tobytes(), status.tobytes(), reason.tobytes()))
    index += bytes(-len(index) % ALIGNMENT)
    length = len(index) + len(arrow)
    rows = len(key_hi)
    crc = zlib.crc32(arrow, zlib.crc32(index, zlib.crc32(HEADER.pack(MAGIC, length, rows, 0))))
    tail = bytes(-length % ALIGNMENT)
    return [HEADER.pack(MAGIC, length, rows, crc), index, arrow, tail], HEADER.size + len(index)


def scan(path: Path) -> Iterator[FrameIndex]:
    """Yield the valid frames of a segment in the order of their writing.

    Damage costs the frames it touches, no others: after a frame whose CRC does not hold, reading
    goes on at the next one.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            offset = mapped.find(MAGIC, 0)
            while offset >= 0:
                frame, stop = _frame_at(mapped, offset)
                if frame is not None:
                    yield frame
                offset = mapped.find(MAGIC, stop)


def note(path: Path) -> bytes | None:
    """Return the note that a segment starts with, such as the versions its writer ran under."""
    with path.open("rb") as file:
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        magic, length, rows, crc = HEADER.unpack(header)
        content = file.read(length) if magic == MAGIC and not rows else b""
    if not content or zlib.crc32(content, zlib.crc32(HEADER.pack(MAGIC, length, 0, 0))) != crc:
        return None
    return content


def _frame_at(mapped: mmap.mmap, offset: int) -> tuple[FrameIndex | None, int]:
    """Return the frame at an offset, None for damage and notes, and where to go on searching."""
    body = offset + HEADER.size
    if body > len(mapped):
        return None, offset + 1
    _, length, rows, crc = HEADER.unpack_from(mapped, offset)
    index_length = rows * ROW_BYTES
    index_length += -index_length % ALIGNMENT
    if body + length > len(mapped) or index_length > length:
        return None, offset + 1
    with memoryview(mapped) as view, view[body : body + length] as content:
        if zlib.crc32(content, zlib.crc32(HEADER.pack(MAGIC, length, rows, 0))) != crc:
            return None, offset + 1
        index = bytes(content[: rows * ROW_BYTES])
    if not rows:
        return None, body + length
    lanes = np.frombuffer(index, np.uint64, 2 * rows)
    codes = np.frombuffer(index, np.uint8, offset=16 * rows)
    frame = FrameIndex(
        arrow_start=body + index_length,
        arrow_stop=body + length,
        key_hi=lanes[:rows],
        key_lo=lanes[rows:],
        status=codes[:rows],
        reason=codes[rows:],
    )
    return frame, body + length
