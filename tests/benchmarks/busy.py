"""A callable that keeps a core busy for a chosen time, by counted work: no clock flatters it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def fit(frame: Any, loops: int) -> dict[str, float]:
    """Return the mean of a column after so many rounds of arithmetic."""
    number = 1
    for _ in range(loops):
        number = (number * 1103515245 + 12345) & 0x7FFFFFFF
    return {"mean": float(frame["x0"].mean()), "number": float(number)}


def loops(seconds: float, folder: Path) -> int:
    """Return how many rounds take so long here, measured once a folder; put this module there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "busy.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    known = folder / "busy.loops"
    if known.exists():
        return int(known.read_text())
    import pandas as pd

    frame, tried = pd.DataFrame({"x0": [1.0]}), 20_000

    def taken() -> float:
        began = time.thread_time()
        fit(frame, tried)
        return time.thread_time() - began

    found = round(tried * seconds / min(taken() for _ in range(20)))
    known.write_text(str(found))
    return found
