"""The phases of a run on a cluster, and which may follow which.

A phase is the summary that people read; the conditions are the truth. The table of legal
transitions stands here so that the operator, its tests and the documentation share one picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = [
    "HOLDS_CLUSTER",
    "TERMINAL",
    "TRANSITIONS",
    "UNFINISHED",
    "IllegalTransitionError",
    "Phase",
    "check_transition",
    "is_legal",
]


class Phase(StrEnum):
    """Where a run is."""

    PENDING = "Pending"
    """Not accepted yet, or waiting for something that the platform team must change."""

    PREFLIGHT = "Preflight"
    """A small pod checks the file against the data, before any node is paid for."""

    SECURING = "Securing"
    """The certificates of this incarnation of the cluster are made."""

    PROVISIONING = "Provisioning"
    """The cluster is being raised; ends when enough workers are there."""

    RUNNING = "Running"
    """The runner fits models."""

    WINDING_DOWN = "WindingDown"
    """The verdict stands, or a suspension; what the run holds is given back."""

    SUSPENDED = "Suspended"
    """Nothing of the run exists on the cluster; finished fits stay."""

    SUCCEEDED = "Succeeded"
    """All results are stored and everything is given back."""

    FAILED = "Failed"
    """The run ended without all results, and everything is given back."""


TERMINAL: Final = frozenset({Phase.SUCCEEDED, Phase.FAILED})
"""Ends: no child is ever created from here on."""

UNFINISHED: Final = frozenset(Phase) - TERMINAL
"""Phases that the operator still works on."""

HOLDS_CLUSTER: Final = frozenset({Phase.PROVISIONING, Phase.RUNNING, Phase.WINDING_DOWN})
"""Phases in which worker pods may exist, and cost."""

_FORWARD: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.PENDING: frozenset({Phase.PREFLIGHT, Phase.SECURING}),
    Phase.PREFLIGHT: frozenset({Phase.SECURING}),
    Phase.SECURING: frozenset({Phase.PROVISIONING}),
    # Back to Securing: a lost cluster is replaced by a new incarnation with new certificates.
    Phase.PROVISIONING: frozenset({Phase.RUNNING, Phase.SECURING}),
    # Back to Provisioning: the next attempt waits for its quorum.
    Phase.RUNNING: frozenset({Phase.PROVISIONING, Phase.SECURING}),
    Phase.WINDING_DOWN: frozenset({Phase.SUSPENDED, *TERMINAL}),
    # A resume starts over; what preflight found is still known.
    Phase.SUSPENDED: frozenset({Phase.PENDING}),
    Phase.SUCCEEDED: frozenset(),
    Phase.FAILED: frozenset(),
}

TRANSITIONS: Final[Mapping[Phase, frozenset[Phase]]] = MappingProxyType(
    {
        phase: following
        if phase in TERMINAL
        # Every unfinished phase may be wound down, and every phase may stay what it is.
        else following | {Phase.WINDING_DOWN}
        for phase, following in _FORWARD.items()
    }
)
"""The phases that may follow each phase. Staying is always legal and not listed, except that
winding down lists itself."""


class IllegalTransitionError(RuntimeError):
    """A change of phase that the table does not know: a bug of the operator."""


def is_legal(before: Phase, after: Phase) -> bool:
    """Say whether a run may go from one phase to another; staying is always legal."""
    return before is after or after in TRANSITIONS[before]


def check_transition(before: Phase, after: Phase, *, run: str) -> None:
    """Raise when a run may not go from one phase to another.

    Raises:
        IllegalTransitionError: with the phases that would be legal.
    """
    if not is_legal(before, after):
        legal = ", ".join(sorted(TRANSITIONS[before])) or "none, it is an end"
        raise IllegalTransitionError(
            f"{run} went from {before} to {after}; legal from {before}: {legal}. "
            "This is a bug of the operator: report it with the log lines of this run."
        )
