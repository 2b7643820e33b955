"""The one style of all pictures: colours that colour-blind readers tell apart, and their roles.

Okabe and Ito's palette (Color Universal Design, 2008) for categories; a blue-white-orange scale
for values around zero. Paper, screen and the Python door take their colours from here.
"""

from __future__ import annotations

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
GREY = "#8A8F98"

CATEGORIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, GREY)
"""Colours of categories in the order of their use."""

STATUS = {
    "succeeded": GREEN,
    "notConverged": ORANGE,
    "failed": VERMILLION,
    "skipped": GREY,
}
"""Colours of the status words."""

DIVERGING = ("#08335C", "#0072B2", "#8CC0DE", "#F7F7F5", "#F3B183", "#D55E00", "#6E2C00")
"""Stops of the scale for values around zero, from the lowest to the highest."""

INK = "#1B1F24"
"""Text."""

QUIET = "#5B636E"
"""Labels and notes."""

FAINT = "#D5D9DE"
"""Frames and grid lines."""

PAPER = "#FFFFFF"
"""Background."""

PANEL = "#F6F7F9"
"""Background of tiles and code."""

FONT = ("DejaVu Sans", "Verdana", "sans-serif")
"""The first one comes with matplotlib, so that paper looks the same on every machine."""
