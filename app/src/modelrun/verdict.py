"""The verdict on a run: whether the fits that failed are more than the file allows."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from modelrun.results.counts import Counts


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many fits failed, how many may."""

    failed: int
    tried: int
    """Fits that were not skipped: the base of a percentage."""

    allowed: int
    wish: int | str
    """execution.maxFailed as it was written."""

    @property
    def is_too_many(self) -> bool:
        """Whether more fits failed than may."""
        return self.failed > self.allowed

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"{self.failed:,} of {self.tried:,} fits failed; spec.execution.maxFailed: "
            f"{self.wish} allows {self.allowed:,}"
        )


def judge(counts: Counts, max_failed: int | str) -> Verdict:
    """Judge a finished run.

    Args:
        counts: How the fits ended.
        max_failed: A number, or a percentage of the fits that were not skipped.
    """
    tried = counts.done - counts.skipped
    if isinstance(max_failed, int):
        allowed = max_failed
    else:
        allowed = int(Fraction(max_failed.removesuffix("%")) * tried / 100)
    return Verdict(failed=counts.failed, tried=tried, allowed=allowed, wish=max_failed)
