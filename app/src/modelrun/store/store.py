"""The store: finished fits of a study, appended as they come and found again by their keys.

A fit is stored once it is appended. In a folder that outlives the death of this process at any
moment, and a loss of power but for the last seconds; in an object store, which takes whole objects
only, appended frames are sent when some seconds or megabytes have come together, so a runner
whose machine vanishes loses those seconds. The store knows keys and frames, no statistics.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.store import claim, lock, rows
from modelrun.store.frames import codes, open_frame, stream_bytes
from modelrun.store.holder import Holder
from modelrun.store.index import Index, Positions
from modelrun.store.keeper import Keeper
from modelrun.store.place import Place
from modelrun.store.segment import (
    REASONS,
    STATUSES,
    Codes,
    FrameIndex,
    Keys,
    encode,
    scan,
)
from modelrun.store.spool import PARTS, Spool
from modelrun.store.trouble import told
from modelrun.store.writer import SegmentWriter
from modelrun_api.failure import FailureReason

SEGMENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{6}\.(seg|idx)")
"""Names of files that the store looks at: `<uuid of the writer>-<number>`."""

RUN = "run.json"
FAILED = STATUSES.index("failed")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the store brings data to safety."""

    roll_bytes: int = 64 << 20
    """A segment of this size is ended."""

    roll_seconds: float = 20.0
    """Data of this age are synced to disk, or sent to the object store."""

    beat_seconds: float = 10.0
    """The lock of an object store is renewed this often."""

    stale_seconds: float = 90.0
    """A lock that was not renewed for this long may be taken over."""


class Store:
    """The finished fits at one location; open one with `Store.open` or `Store.reading`."""

    def __init__(self, place: Place, *, held: lock.Lock | None, note: bytes, pace: Pace) -> None:
        self.place = place
        self._lock = held
        self._pace = pace
        self._index = Index()
        self._segments: list[Path] = []
        self._spool = Spool(place) if place.folder is None else None
        self._ending: list[FrameIndex] = []
        self._safe_rows = 0
        self._mutex = threading.RLock()
        self._keeper: Keeper | None = None
        self._oldest: float | None = None
        self._beaten = time.monotonic()
        try:
            folder = self._load()
        except BaseException:
            if self._spool is not None:
                self._spool.close()
            raise
        self._writer = SegmentWriter(folder, self._writer_name(), note, pace.roll_bytes)
        if held is not None:
            self._keeper = Keeper(self._tend, min(pace.beat_seconds, pace.roll_seconds) / 2)

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        study_name: str,
        holder: Holder | None = None,
        note: bytes = b"{}",
        pace: Pace | None = None,
    ) -> Store:
        """Open a location for writing, and hold it until the store is closed.

        Args:
            uri: A folder, s3://, gs:// or abfs:// address.
            study_name: metadata.name; the location is claimed for it.
            holder: Who writes; by default this process.
            note: JSON on the circumstances (BLAS, CPU, Python), kept with each segment.
            pace: How often data are brought to safety.

        Raises:
            UserMistake: The location holds another study or is not writable.
            InfrastructureError: It is held by another process, full, or away.
        """
        pace = pace or Pace()
        place = Place.at(uri)
        claim.check(place, study_name)
        held = lock.acquire(place, holder or Holder.current(), stale_seconds=pace.stale_seconds)
        try:
            claim.claim(place, study_name)
            return cls(place, held=held, note=note, pace=pace)
        except BaseException:
            held.release()
            raise

    @classmethod
    def reading(cls, uri: str) -> Store:
        """Open a location to look at what is stored; nothing there is changed, nothing is held.

        A location that is not there is an empty store.
        """
        return cls(Place.at(uri), held=None, note=b"", pace=Pace())

    def __len__(self) -> int:
        """Return the number of stored rows, superseded ones included."""
        return len(self._index)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def begin(self) -> None:
        """Declare that work starts: `run.json`, whose presence means complete, is removed."""
        self.place.delete(RUN)

    def lookup(self, key_hi: Keys, key_lo: Keys) -> Positions:
        """Return where each key's row is stored, -1 where it is not; shape (n,)."""
        with self._mutex:
            return self._index.lookup(key_hi, key_lo)

    def status(self, positions: Positions) -> Codes:
        """Return each row's place in STATUSES, shape (n,)."""
        with self._mutex:
            return self._index.status(positions)

    def reasons(self, positions: Positions) -> dict[str, int]:
        """Return how many rows have each reason of failing or being skipped, most first."""
        counts = np.bincount(self.reason(positions), minlength=len(REASONS) + 1)
        found = {name: int(counts[i]) for i, name in enumerate(REASONS) if name and counts[i]}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def reason(self, positions: Positions) -> Codes:
        """Return each row's place in REASONS, 0 where there is none; shape (n,)."""
        with self._mutex:
            return self._index.reason(positions)

    def reused(self, positions: Positions) -> npt.NDArray[np.bool_]:
        """Say for each row whether it was stored before this run began to fit; shape (n,)."""
        with self._mutex:
            return self._index.reused(positions)

    def failed(
        self, positions: Positions, reasons: Collection[FailureReason] | None = None
    ) -> npt.NDArray[np.bool_]:
        """Say which rows are failures of these reasons (None: of any), shape (n,).

        Positions of -1 are none. This is how a retry chooses what to compute again.
        """
        result = np.zeros(len(positions), np.bool_)
        there = np.flatnonzero(positions >= 0)
        failed = self.status(positions[there]) == FAILED
        if reasons is not None:
            codes = [REASONS.index(reason) for reason in reasons]
            failed &= np.isin(self.reason(positions[there]), codes)
        result[there] = failed
        return result

    def counts(self, positions: Positions) -> dict[str, int]:
        """Return how many of these rows ended with which status."""
        found = np.bincount(self.status(positions[positions >= 0]), minlength=len(STATUSES))
        return {status: int(found[code]) for code, status in enumerate(STATUSES)}

    def keys(self, positions: Positions) -> tuple[Keys, Keys]:
        """Return both key lanes of these rows, each of shape (n,)."""
        with self._mutex:
            return self._index.keys(positions)

    def read(self, positions: Positions, *, chunk: int = rows.CHUNK) -> Iterator[rows.Chunk]:
        """Yield the rows at these positions in chunks, mapped and not copied."""
        with told(self.place.uri, "read from"):
            if self._spool is not None:
                self._spool.bring({self._segments[at] for at in self._index.segments(positions)})
            yield from rows.read(self._index, self._segments, positions, chunk=chunk)

    def append(
        self,
        frame: pa.RecordBatch | bytes | memoryview,
        key_hi: Keys,
        key_lo: Keys,
        *,
        reused: bool = False,
    ) -> dict[str, int]:
        """Store finished fits; when this returns they are stored.

        Args:
            frame: One row per fit, as in modelrun.engines.frame, or its Arrow stream bytes.
            key_hi: First key lane of each row, shape (n,).
            key_lo: Second key lane, shape (n,).
            reused: Whether they were finished elsewhere before.

        Returns:
            How many of them ended with which status.

        Raises:
            InfrastructureError: No room is left, the storage is away, or the lock is lost. What was
                appended before is safe.
        """
        if self._keeper is None:
            raise ValueError("this store is open for reading, or closed")
        self._keeper.check()
        content: bytes | memoryview
        if isinstance(frame, pa.RecordBatch):
            batch, content = frame, stream_bytes(frame)
        else:
            batch, content = open_frame(frame), frame
        if not len(key_hi) == len(key_lo) == batch.num_rows:
            raise ValueError(f"{batch.num_rows} rows, but {len(key_hi)} and {len(key_lo)} keys")
        if not batch.num_rows:
            return {}
        status, reason = codes(batch)
        pieces, arrow = encode(content, key_hi, key_lo, status, reason)
        with self._mutex:
            with told(self.place.uri, "store fits in", stored=self._stored()):
                path, offset = self._writer.append(pieces)
            if not self._segments or self._segments[-1] != path:
                self._segments.append(path)
            start = offset + arrow
            placed = FrameIndex(start, start + len(content), key_hi, key_lo, status, reason)
            self._index.add(len(self._segments) - 1, placed, reused=reused)
            if self._spool is not None:
                self._ending.append(placed)
            if self._oldest is None:
                self._oldest = time.monotonic()
            if self._writer.full():
                self._secure(end=True)
        found = np.bincount(status, minlength=len(STATUSES))
        return {word: int(found[code]) for code, word in enumerate(STATUSES) if found[code]}

    def flush(self) -> None:
        """Bring everything appended to safety: to the disk, or to the object store.

        Raises:
            InfrastructureError: No room is left, the storage is away, or the lock is lost.
        """
        if self._keeper is not None:
            self._keeper.check()
        with self._mutex:
            self._secure()

    def close(self) -> None:
        """Bring everything to safety and let go of the location."""
        keeper, self._keeper = self._keeper, None
        try:
            if keeper is not None:
                keeper.stop()
                with self._mutex:
                    self._secure()
                    with told(self.place.uri, "write to", stored=self._stored()):
                        self._writer.roll()
                keeper.check()
        finally:
            held, self._lock = self._lock, None
            try:
                if held is not None:
                    held.release()
            finally:
                if self._spool is not None:
                    self._spool.close()

    def _secure(self, *, end: bool = False) -> None:
        """Sync what a folder holds, or send what an object store does not have yet."""
        with told(self.place.uri, "store fits in", stored=self._stored()):
            if self._spool is None and not end:
                self._writer.sync()
            else:
                ended = self._writer.roll()
                if self._spool is not None:
                    if ended is not None:
                        self._spool.hand_in(ended, self._ending)
                        self._ending = []
                    self._spool.send()
        self._safe_rows = len(self._index)
        self._oldest = None

    def _tend(self) -> None:
        """Do what is due; called by the keeper."""
        now = time.monotonic()
        if self._lock is not None and now - self._beaten >= self._pace.beat_seconds:
            self._beaten = now
            self._lock.beat()
        with self._mutex:
            if self._oldest is not None and now - self._oldest >= self._pace.roll_seconds:
                self._secure()

    def _stored(self) -> str:
        count = len(self._index) if self._spool is None else self._safe_rows
        return (
            f"{count:,} finished fits are stored there and safe: the same command, run again, "
            "computes only the rest"
        )

    def _load(self) -> Path:
        """Index what is stored; return the folder for new segments."""
        names = [name for name in self.place.names(PARTS) if SEGMENT.fullmatch(name)]
        loaded: Iterable[tuple[Path, Iterable[FrameIndex]]]
        if self._spool is not None:
            folder, loaded = self._spool.folder, self._spool.load(names)
        else:
            assert self.place.folder is not None
            folder = self.place.folder / PARTS
            loaded = ((folder / name, scan(folder / name)) for name in names)
        with told(self.place.uri, "read from"):
            for path, frames in loaded:
                self._segments.append(path)
                for frame in frames:
                    self._index.add(len(self._segments) - 1, frame, reused=True)
        self._safe_rows = len(self._index)
        return folder

    def _writer_name(self) -> str:
        """Return a unique name that sorts after those of all earlier writers (a UUID version 7)."""
        latest = max(
            (int(path.name.replace("-", "")[:12], 16) for path in self._segments), default=0
        )
        moment = max(time.time_ns() // 1_000_000, latest + 1)
        chance = uuid.uuid4().int & ((1 << 62) - 1)
        low = (0x7 << 76) | ((chance >> 50) << 64) | (0b10 << 62) | (chance & ((1 << 62) - 1))
        return str(uuid.UUID(int=(moment << 80) | low))
