"""The press: a process of its own that imports matplotlib while others still work, then prints.

Started before it is needed, it costs the run no time; drawing is divided among forks of it, which
share what it imported and what it was sent. Being a fresh process, it is safe to fork and does not
care what the main program is.
"""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelrun.errors import ModelrunError
from modelrun.report.page import Page

if TYPE_CHECKING:
    from modelrun.report.paper.printing import Order, Printed

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


class Press:
    """The other process, as its parent sees it."""

    def __init__(self) -> None:
        """Start the process; it warms up until it is sent pages."""
        environment = os.environ | dict.fromkeys(THREADS, "1") | {"MPLBACKEND": "agg"}
        environment["PYTHONPATH"] = os.pathsep.join(part for part in sys.path if part)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from modelrun.report.press import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def print(
        self, name: str, pages: Sequence[Page], *, pdf: bool, pictures: bool, workers: int
    ) -> Prints:
        """Print pages and end the process.

        Raises:
            ModelrunError: If the process fails or needs more than ten minutes.
        """
        order = pickle.dumps((name, tuple(pages), pdf, pictures, workers))
        try:
            answer, complaint = self._process.communicate(order, timeout=600)
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
        self._process.communicate()


def bind(name: str, printed: Sequence[Printed]) -> Prints:
    """Bind what several processes printed in the order of the pages."""
    from pypdf import PdfReader, PdfWriter

    pictures = {i: picture for part in printed for i, picture in part.pictures}
    seconds = {
        i: spent for part in printed for i, spent in zip(part.chosen, part.seconds, strict=True)
    }
    document = printed[0].pdf if printed else b""
    if len(printed) > 1 and document:
        sheets = {
            i: sheet
            for part in printed
            for i, sheet in zip(part.chosen, PdfReader(io.BytesIO(part.pdf)).pages, strict=True)
        }
        writer = PdfWriter()
        for i in sorted(sheets):
            writer.add_page(sheets[i])
        writer.metadata = {"/Title": name,
                           "/Creator": "modelrun", "/Producer": "modelrun"}  # fmt: skip
        file = io.BytesIO()
        writer.write(file)
        document = file.getvalue()
    return Prints(document, pictures, tuple(seconds[i] for i in sorted(seconds)))


_order: list[Order] = []


def _print(chosen: tuple[int, ...]) -> Printed:
    from modelrun.report.paper.printing import Order, print_pages

    whole = _order[0]
    return print_pages(Order(whole.name, whole.pages, chosen, whole.pdf, whole.pictures))


def _postpone(name: str) -> None:
    """Have a module loaded when something in it is used, not when it is imported."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.loader is not None and name not in sys.modules:
        loader = importlib.util.LazyLoader(spec.loader)
        spec.loader = loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        loader.exec_module(module)
        parent, _, child = name.rpartition(".")
        setattr(sys.modules[parent], child, module)


def main() -> None:
    """Warm up, read what is to be printed, print it, write the result."""
    _postpone("fontTools.subset")  # a fifth of the warm-up, and not needed for our fonts
    from modelrun.report.paper.printing import Order, share_out

    name, pages, pdf, pictures, workers = pickle.load(sys.stdin.buffer)  # noqa: S301
    _order.append(Order(name, pages, (), pdf, pictures))
    shares = share_out(pages, workers if sys.platform == "linux" else 1)
    if len(shares) == 1:
        printed = [_print(shares[0])]
    else:
        import multiprocessing

        with multiprocessing.get_context("fork").Pool(len(shares) - 1) as pool:
            others = [pool.apply_async(_print, (share,)) for share in shares[1:]]
            printed = [_print(shares[0]), *(other.get() for other in others)]
    sys.stdout.buffer.write(pickle.dumps(bind(name, printed)))
