"""Reports: what a run found, on screen and on paper.

Names are imported when they are asked for: the printing process needs few of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelrun.report.press import Press
    from modelrun.report.report import Report, draw

__all__ = ["Press", "Report", "draw"]


def __getattr__(name: str) -> Any:
    if name == "Press":
        from modelrun.report.press import Press

        return Press
    if name in {"Report", "draw"}:
        from modelrun.report import report

        return getattr(report, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
