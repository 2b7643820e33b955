"""The printing process from inside: what it is sent, page by page, becomes one document.

Drawing is divided among this process and forks of it, which share what it imported. Each has a book
of its own; which pages it gets, and in which order, depends on the pages alone, so that the same
pages give the same bytes however long the process had to wait for the last of them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import BinaryIO

from modelrun.report.page import Page
from modelrun.report.paper.printing import Book, Printed, share_out
from modelrun.report.press import Order


def work(orders: BinaryIO, answer: BinaryIO) -> None:
    """Print what is known already, then what comes, and answer with the prints.

    Args:
        orders: An Order, then the pages that were not in it with their positions, both pickled.
        answer: Where the pickled Prints go.
    """
    order: Order = pickle.load(orders)  # noqa: S301 - our own parent wrote it
    workers = order.workers if sys.platform == "linux" else 1
    own = Book(order.name, pdf=order.pdf, pictures=order.pictures)
    forks = [Fork(order) for _ in range(min(workers, order.count) - 1)]
    _print(own, forks, order.first, order.count)
    from modelrun.report.paper.binding import bind  # loaded while others still compute

    last: tuple[tuple[int, Page], ...] = pickle.load(orders)  # noqa: S301
    _print(own, forks, last, order.count)
    printed = [own.close(), *(fork.close() for fork in forks)]
    answer.write(pickle.dumps(bind(order.name, printed)))


class Fork:
    """A fork of this process with a book of its own; it ends with this process at the latest."""

    def __init__(self, order: Order) -> None:
        """Fork."""
        context = multiprocessing.get_context("fork")
        self._pipe, other = context.Pipe()
        context.Process(target=_serve, args=(order, other, self._pipe), daemon=True).start()
        other.close()

    def print(self, pages: Sequence[tuple[int, Page]], count: int) -> None:
        """Let it print pages, each with its position, of so many in all."""
        self._pipe.send((pages, count))

    def close(self) -> Printed:
        """Wait for what it printed and end it.

        Raises:
            EOFError: It has died; its last words are on standard error.
        """
        self._pipe.send(None)
        printed: Printed = self._pipe.recv()
        return printed


def _serve(order: Order, pipe: Connection, parents: Connection) -> None:
    parents.close()  # so that the pipe ends when the parent does
    book = Book(order.name, pdf=order.pdf, pictures=order.pictures)
    with contextlib.suppress(EOFError):
        while (asked := pipe.recv()) is not None:
            book.print(*asked)
        pipe.send(book.close())


def _print(own: Book, forks: Sequence[Fork], pages: Sequence[tuple[int, Page]], count: int) -> None:
    """Print pages on all books."""
    mine, *others = share_out(pages, 1 + len(forks))
    for fork, share in zip(forks, others, strict=True):
        fork.print(share, count)
    own.print(mine, count)
