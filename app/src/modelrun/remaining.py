"""Which fits of a plan are left to do: what is stored or can be taken over needs no work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from modelrun.errors import UserMistake
from modelrun.nearest import suggestion
from modelrun.options import RunOptions
from modelrun.plan.build import Plan
from modelrun.progress import Tally
from modelrun.store.claim import claimed_by
from modelrun.store.place import Place
from modelrun.store.store import Store
from modelrun.store.takeover import take_over
from modelrun_api.failure import FailureReason
from modelrun_api.spec import ModelRunSpec

Ints = npt.NDArray[np.int64]


def open_fits(
    plan: Plan,
    store: Store,
    spec: ModelRunSpec,
    chosen: Ints,
    options: RunOptions,
    *,
    base: Path,
    say: Callable[[str], None],
) -> Ints:
    """Return the fits that are not stored, or are failures that are wanted again.

    Args:
        plan: The plan.
        store: The run's own store; fits of other studies are copied into it.
        spec: What is reused and retried.
        chosen: The fits of this run.
        options: Reasons of the command line.
        base: The file's folder, which relative addresses start from.
        say: Prints a note.

    `check` has judged both.
    """
    key_hi, key_lo = plan.key_hi[chosen], plan.key_lo[chosen]
    for place in spec.results.reuse_from:
        assert place.uri is not None
        uri = place.uri if "://" in place.uri else str(base / place.uri)
        if claimed_by(Place.at(uri)) is None:
            say(f"note: results.reuseFrom: there is no study in {uri}; nothing is taken over")
            continue
        take_over(store, uri, key_hi, key_lo)
    positions = store.lookup(key_hi, key_lo)
    missing = positions < 0
    reasons = _reasons(spec, options)
    if reasons is None or reasons:
        missing |= store.failed(positions, reasons)
    return chosen[missing]


def check(spec: ModelRunSpec, options: RunOptions) -> None:
    """Judge what is asked to be reused and computed again, before anything stored is touched.

    Raises:
        UserMistake: A location is a volume, or a reason does not exist.
    """
    if any(place.uri is None for place in spec.results.reuse_from):
        raise UserMistake(
            "results.reuseFrom names a volume, which only a cluster has",
            field="spec.results.reuseFrom",
        )
    _reasons(spec, options)


def _reasons(spec: ModelRunSpec, options: RunOptions) -> list[FailureReason] | None:
    """Return the reasons whose stored failures are computed again; None: every reason."""
    if "all" in options.retry_failed:
        return None
    known = {reason.value: reason for reason in FailureReason}
    reasons = list(spec.execution.retry_failed)
    for name in options.retry_failed:
        if name not in known:
            near = suggestion(name, ["all", *known], shown=len(known) + 1)
            raise UserMistake(f"--retry-failed {name}: there is no such reason; {near}")
        reasons.append(known[name])
    return reasons


def count_stored(tally: Tally, store: Store, plan: Plan, chosen: Ints, todo: Ints) -> None:
    """Put the fits that need no work into the tally."""
    tally.counts["total"] = len(chosen)
    stored = np.setdiff1d(chosen, todo, assume_unique=True)
    if len(stored):
        counts = store.counts(store.lookup(plan.key_hi[stored], plan.key_lo[stored]))
        tally.add({**counts, "reused": len(stored)})
        tally.tasks_done = 0
