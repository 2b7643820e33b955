"""How wide words are on paper, so that they can be wrapped, shortened and placed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.ft2font import FT2Font, LoadFlags


@cache
def _font(name: str) -> tuple[FT2Font, dict[str, float]]:
    font = FT2Font(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"))
    font.set_size(100, 72)
    return font, {}


def extent(words: str, size: float, *, bold: bool = False) -> float:
    """Return the width of words in inches, their size being in points."""
    font, known = _font("DejaVuSans-Bold" if bold else "DejaVuSans")
    total = 0.0
    for letter in words:
        if letter not in known:
            glyph = font.load_char(ord(letter), flags=LoadFlags.NO_HINTING)
            known[letter] = glyph.linearHoriAdvance / 65536
        total += known[letter]
    return total * size / 100 / 72


def wrap(words: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """Break words into lines of at most `width` inches; a longer word stands alone."""
    lines: list[str] = []
    line = ""
    for word in words.split():
        longer = f"{line} {word}" if line else word
        if line and extent(longer, size, bold=bold) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def shorten(words: str, size: float, width: float) -> str:
    """Cut words with an ellipsis so that they fit into `width` inches."""
    if extent(words, size) <= width:
        return words
    while words and extent(words + "…", size) > width:
        words = words[: -max(1, len(words) // 24)]
    return words + "…"
