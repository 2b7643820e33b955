"""The lock: one writer at a time per location, and whoever comes second is told who holds it.

In a folder the kernel keeps the lock (flock) and frees it with the process, however that ends.
An object store keeps an object that is created only if it is not there (`If-None-Match`); its
holder renews it, and an object that was not renewed for long belongs to a dead process and may
be taken over. The lock saves money; it is not what keeps results safe: segments have names of
their own, are never overwritten, and their rows are told apart by key.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from typing import Protocol

from modelrun.errors import InfrastructureError
from modelrun.store.holder import Holder
from modelrun.store.place import Place
from modelrun.store.trouble import told

FILE = ".lock"
OBJECT = "lock.json"
UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class Lock(Protocol):
    """A lock that is held."""

    def beat(self) -> None:
        """Show that the holder lives.

        Raises:
            InfrastructureError: The lock is lost to another process.
        """
        ...

    def release(self) -> None:
        """Give the lock back; it is no error to have lost it."""
        ...


def acquire(
    place: Place,
    holder: Holder,
    *,
    stale_seconds: float,
    clock: Callable[[], float] = time.time,
    settle_seconds: float = 0.5,
) -> Lock:
    """Take the lock of a location.

    Args:
        place: The location.
        holder: Who takes it.
        stale_seconds: How long an object's holder may be silent before it counts as dead.
        clock: Seconds since 1970, the same on all machines to within a fraction of stale_seconds.
        settle_seconds: How long to wait after a take-over for others who try the same.

    Raises:
        InfrastructureError: Another process holds the location.
        UserMistake: The location is not writable.
    """
    if place.folder is not None:
        lock = _flock(place, holder)
        if lock is not None:
            return lock
    return _ObjectLock(place, holder, stale_seconds, clock, settle_seconds)


class _FileLock:
    """An flock on a file that names its holder."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._owner = os.getpid()

    def beat(self) -> None:
        """Do nothing: the kernel knows whether the holder lives."""

    def release(self) -> None:
        """Empty the file, which stays, and let go of it."""
        if self._descriptor >= 0:
            if os.getpid() == self._owner:  # a forked child must not undo its parent's lock
                os.truncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def _flock(place: Place, holder: Holder) -> _FileLock | None:
    """Lock by flock; None where the file system knows no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    assert place.folder is not None
    with told(place.uri, "write to"):
        place.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place.folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        content = os.pread(descriptor, 4096, 0)
        os.close(descriptor)
        if error.errno in UNSUPPORTED:
            return None
        raise _held(place, Holder.read(content)) from error
    try:
        with told(place.uri, "write to"):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder.document()).encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return _FileLock(descriptor)


class _ObjectLock:
    """An object with a token and the time of its last renewal."""

    def __init__(
        self,
        place: Place,
        holder: Holder,
        stale_seconds: float,
        clock: Callable[[], float],
        settle_seconds: float,
    ) -> None:
        self._place = place
        self._holder = holder
        self._stale = stale_seconds
        self._clock = clock
        self._token = os.urandom(8).hex()
        self._seen = clock()
        content = place.read(OBJECT)
        if content is None:
            if place.create(OBJECT, self._content()):
                return
            content = place.read(OBJECT)
        if content is not None and self._age(content) < stale_seconds:
            raise _held(place, Holder.read(content))
        place.write(OBJECT, self._content())
        time.sleep(settle_seconds)
        content = place.read(OBJECT)
        if self._token_of(content) != self._token:
            raise _held(place, Holder.read(content))

    def beat(self) -> None:
        """Renew the object; short troubles of the network are forgiven.

        Raises:
            InfrastructureError: Another process took the lock over, or the storage has been away
                for so long that one may.
        """
        try:
            content = self._place.read(OBJECT)
            if self._token_of(content) == self._token:
                self._place.write(OBJECT, self._content())
                self._seen = self._clock()
                return
        except InfrastructureError:
            if self._clock() - self._seen < self._stale:
                return
            raise
        taker = Holder.read(content)
        raise InfrastructureError(
            f"{self._place.uri} was taken over by {taker or 'another process'}: this process did "
            "not renew its lock in time; its finished fits are stored, run again when the other "
            "is done"
        )

    def release(self) -> None:
        """Delete the object, if it is still ours."""
        if self._token_of(self._place.read(OBJECT)) == self._token:
            self._place.delete(OBJECT)

    def _content(self) -> bytes:
        document = {**self._holder.document(), "token": self._token, "renewed": self._clock()}
        return json.dumps(document).encode()

    def _age(self, content: bytes) -> float:
        try:
            return self._clock() - float(json.loads(content)["renewed"])
        except (ValueError, KeyError, TypeError):
            return float("inf")

    @staticmethod
    def _token_of(content: bytes | None) -> str | None:
        try:
            return str(json.loads(content or b"")["token"])
        except (ValueError, KeyError, TypeError):
            return None


def _held(place: Place, holder: Holder | None) -> InfrastructureError:
    return InfrastructureError(
        f"{place.uri} is being written by {holder or 'another process'}; wait until it is done, "
        "stop it, or give this run another place with --to"
    )
