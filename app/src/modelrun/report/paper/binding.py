"""One document of what several processes printed."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pypdf import PdfReader, PdfWriter

from modelrun.report.paper.printing import Printed
from modelrun.report.press import Prints


def bind(name: str, printed: Sequence[Printed]) -> Prints:
    """Bind what several processes printed in the order of the pages."""
    pictures = {i: picture for part in printed for i, picture in part.pictures}
    seconds = {
        i: spent for part in printed for i, spent in zip(part.chosen, part.seconds, strict=True)
    }
    document = b""
    if any(part.pdf for part in printed):
        sheets = {
            i: sheet
            for part in printed
            if part.chosen
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
