"""The press: a process of its own that imports matplotlib while others still work, then prints.

Started before it is needed, it costs the run no time. It is told first what the results say, and
prints that while the run waits for its audit; what is said of the run itself comes last. Being a
fresh process, it is safe to fork and does not care what the main program is.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from modelrun.backends.loading import put_off
from modelrun.errors import ModelrunError
from modelrun.report.page import Page

LIMIT_SECONDS: Final = 600.0
"""The longest that printing may take."""

THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS",
)  # fmt: skip
"""Set to 1 in the press, so that it has one thread when it forks."""


@dataclass(frozen=True, slots=True)
class Prints:
    """What the press hands back."""

    pdf: bytes
    """The bound document; empty where none was wanted."""

    pictures: dict[int, str]
    """The panels of a page as SVG, by its position."""

    seconds: tuple[float, ...]
    """CPU seconds of each page, in their order."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be printed, and what of it is known already."""

    name: str
    """The study."""

    first: tuple[tuple[int, Page], ...]
    """Pages that will not change, each with its position."""

    count: int
    """All pages."""

    pdf: bool
    pictures: bool
    workers: int
    """Processes that draw, at most."""


class Press:
    """The other process, as its parent sees it."""

    def __init__(self) -> None:
        """Start the process; it warms up until it is sent an order."""
        environment = os.environ | dict.fromkeys(THREADS, "1") | {"MPLBACKEND": "agg"}
        environment["PYTHONPATH"] = os.pathsep.join(part for part in sys.path if part)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from modelrun.report.press import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self._given: frozenset[int] = frozenset()
        self._sending: threading.Thread | None = None

    def begin(self, order: Order) -> None:
        """Let it print what is known; return at once."""
        assert self._process.stdin is not None
        self._given = frozenset(i for i, _ in order.first)
        self._sending = threading.Thread(
            target=_send, args=(self._process.stdin, order), name="modelrun-press", daemon=True
        )
        self._sending.start()

    def finish(self, pages: Sequence[Page]) -> Prints:
        """Print the pages that it was not given before, and end the process.

        Args:
            pages: All pages, as many as the order has said.

        Raises:
            ModelrunError: If the process fails or needs more than ten minutes.
        """
        assert self._sending is not None
        last = tuple((i, page) for i, page in enumerate(pages) if i not in self._given)
        try:
            self._sending.join(timeout=LIMIT_SECONDS)
            answer, complaint = self._process.communicate(pickle.dumps(last), timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.close()
            raise ModelrunError(
                f"printing {len(pages)} report pages took more than ten minutes and was stopped; "
                "the tables are complete: draw the report again with `modelrun report`"
            ) from None
        if self._process.returncode:
            raise ModelrunError(
                f"the report could not be printed; the tables are complete. The last words of the "
                f"printing process: {complaint.decode(errors='replace')[-2000:].strip()}"
            )
        prints: Prints = pickle.loads(answer)  # noqa: S301 - our own process wrote it
        return prints

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        if self._sending is not None:
            self._sending.join(timeout=LIMIT_SECONDS)
        self._process.communicate()


def _send(pipe: IO[bytes], order: Order) -> None:
    with contextlib.suppress(OSError):  # who waits for the prints is told what went wrong
        pickle.dump(order, pipe)
        pipe.flush()


def main() -> None:
    """Warm up, read what is to be printed, print it, write the result."""
    put_off("fontTools.subset")  # a fifth of the warm-up, and not needed for our fonts
    from modelrun.report.paper.pressroom import work

    work(sys.stdin.buffer, sys.stdout.buffer)
