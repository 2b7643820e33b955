"""Waiting with a limit, and saying how long each step took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from cluster.errors import ClusterError

T = TypeVar("T")


def wait_until(
    what: str,
    condition: Callable[[], T | None],
    *,
    limit: float,
    every: float = 0.25,
    guard: Callable[[], None] = lambda: None,
    explain: Callable[[], str] = lambda: "",
) -> T:
    """Call `condition` until it returns something true, and return that.

    Args:
        what: What is waited for, as it is to appear in the message.
        condition: An error other than ClusterError passes through; None or False means "not yet".
        limit: Seconds until giving up.
        every: Seconds between two calls.
        guard: Called each time before; raises when waiting has become pointless.
        explain: Called on giving up; what is known about the reason.

    Raises:
        ClusterError: The limit passed.
    """
    end = time.monotonic() + limit
    while True:
        guard()
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            reason = explain()
            raise ClusterError(
                f"{what}: not within {limit:.0f} s." + (f"\n{reason}" if reason else "")
            )
        time.sleep(every)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Print how long the body took; a failed body is named too."""
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"{time.monotonic() - begin:7.1f} s  FAILED: {what}", flush=True)
        raise
    print(f"{time.monotonic() - begin:7.1f} s  {what}", flush=True)
