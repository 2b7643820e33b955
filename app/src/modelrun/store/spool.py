"""The spool: segments of an object store on their way between this machine and there.

An object store takes whole objects. So segments grow in a folder of this machine and are sent when
they end, each with a small index object beside it. Opening a store brings the indexes only; a
segment itself comes when rows of it are read.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from modelrun.store.place import Place
from modelrun.store.segment import FrameIndex, scan
from modelrun.store.trouble import told

PARTS = "parts"
MAGIC = b"\xf5MRidx1\n"
HEADER = struct.Struct("<8sQQI36x")
"""Magic, number of frames, number of rows, CRC."""


class Spool:
    """Segments of one location in a folder of this machine."""

    def __init__(self, place: Place) -> None:
        self._place = place
        with told("the folder for temporary files", "write to"):
            self.folder = Path(tempfile.mkdtemp(prefix="modelrun-store-"))
        self._absent: set[Path] = set()
        self._waiting: list[tuple[Path, list[FrameIndex]]] = []

    def load(self, names: Sequence[str]) -> Iterator[tuple[Path, Iterable[FrameIndex]]]:
        """Yield each stored segment, as it will be called here, and its frames.

        Args:
            names: The files in the location's folder of segments.
        """
        there = set(names)
        segments = [name for name in names if name.endswith(".seg")]
        indexed = [name for name in segments if index_name(name) in there]
        self._place.fetch([f"{PARTS}/{index_name(name)}" for name in indexed], self.folder)
        known: dict[str, list[FrameIndex]] = {}
        for name in indexed:
            frames = unpack((self.folder / index_name(name)).read_bytes())
            if frames is not None:
                known[name] = frames
        self._absent = {self.folder / name for name in segments}
        self.bring({self.folder / name for name in segments if name not in known})
        for name in segments:
            path = self.folder / name
            yield path, known[name] if name in known else scan(path)

    def bring(self, paths: set[Path]) -> None:
        """Have these segments in the folder."""
        wanted = sorted(paths & self._absent)
        self._place.fetch([f"{PARTS}/{path.name}" for path in wanted], self.folder)
        self._absent -= set(wanted)

    def hand_in(self, path: Path, frames: list[FrameIndex]) -> None:
        """Have an ended segment sent by the next `send`."""
        self._waiting.append((path, frames))

    def send(self) -> None:
        """Send what was handed in; what cannot be sent now is tried again the next time.

        Raises:
            InfrastructureError: The storage is away.
        """
        while self._waiting:
            path, frames = self._waiting[0]
            self._place.send(path, f"{PARTS}/{path.name}")
            self._place.write(f"{PARTS}/{index_name(path.name)}", pack(frames))
            del self._waiting[0]

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def index_name(segment: str) -> str:
    """Return the name of the index of a segment."""
    return segment.removesuffix(".seg") + ".idx"


def pack(frames: Sequence[FrameIndex]) -> bytes:
    """Return the index of a segment: where its frames lie, and key, status, reason of each row."""
    places = [(frame.arrow_start, frame.arrow_stop, len(frame)) for frame in frames]
    columns = ("key_hi", "key_lo", "status", "reason")
    content = b"".join(
        [
            np.array(places, np.int64).tobytes(),
            *(getattr(frame, column).tobytes() for column in columns for frame in frames),
        ]
    )
    rows = sum(len(frame) for frame in frames)
    return HEADER.pack(MAGIC, len(frames), rows, zlib.crc32(content)) + content


def unpack(content: bytes) -> list[FrameIndex] | None:
    """Return the frames of a packed index, None where it is damaged."""
    if len(content) < HEADER.size:
        return None
    magic, count, rows, crc = HEADER.unpack_from(content)
    body = content[HEADER.size :]
    if magic != MAGIC or len(body) != 24 * count + 18 * rows or zlib.crc32(body) != crc:
        return None
    places = np.frombuffer(body, np.int64, 3 * count).reshape(count, 3)
    lanes = np.frombuffer(body, np.uint8, 16 * rows, 24 * count).view(np.uint64)
    codes = np.frombuffer(body, np.uint8, 2 * rows, 24 * count + 16 * rows)
    stops = np.cumsum(places[:, 2])
    return [
        FrameIndex(
            arrow_start=int(start),
            arrow_stop=int(stop),
            key_hi=lanes[last - size : last],
            key_lo=lanes[rows + last - size : rows + last],
            status=codes[last - size : last],
            reason=codes[rows + last - size : rows + last],
        )
        for (start, stop, size), last in zip(places.tolist(), stops.tolist(), strict=True)
    ]
