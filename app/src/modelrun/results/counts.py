"""How a run's fits ended, in numbers that must add up."""

from __future__ import annotations

from dataclasses import dataclass

from modelrun.errors import ModelrunError


@dataclass(frozen=True, slots=True)
class Counts:
    """Fits by how they ended."""

    total: int
    """Fits of the plan."""

    succeeded: int
    not_converged: int
    failed: int
    skipped: int
    reused: int
    """Those of the finished that this run did not compute itself."""

    @property
    def done(self) -> int:
        """Return the number of finished fits."""
        return self.succeeded + self.not_converged + self.failed + self.skipped

    def check(self, *, complete: bool) -> None:
        """Prove that the numbers add up.

        Args:
            complete: Whether every fit must be finished.

        Raises:
            ModelrunError: They do not, which is a mistake of this program.
        """
        right = self.done == self.total if complete else self.done <= self.total
        if not right or self.reused > self.done:
            raise ModelrunError(
                f"the counts of fits do not add up: {self.document()}; this is a bug of modelrun, "
                "the stored fits are safe"
            )

    def document(self) -> dict[str, int]:
        """Return the counts as run.json has them."""
        return {
            "total": self.total,
            "succeeded": self.succeeded,
            "notConverged": self.not_converged,
            "failed": self.failed,
            "skipped": self.skipped,
            "reused": self.reused,
        }
