"""The stages of a run, one after the other, and how long each took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from modelrun.progress import Display, Tally


@dataclass(slots=True)
class Stages:
    """Enters stages one after the other and remembers how long each took."""

    tally: Tally
    display: Display
    seconds: dict[str, float] = field(default_factory=dict)
    _open: tuple[str, float] | None = None

    def enter(self, stage: str) -> None:
        """End the stage before, begin this one."""
        now = time.monotonic()
        if self._open is not None:
            name, began = self._open
            self.seconds[name] = round(self.seconds.get(name, 0.0) + now - began, 3)
        self._open = (stage, now)
        self.tally.enter(stage)
        self.display.changed()

    def end(self) -> dict[str, float]:
        """End the last stage and return the seconds of all."""
        if self._open is not None:
            name, began = self._open
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 3)
            self._open = None
        return dict(self.seconds)
