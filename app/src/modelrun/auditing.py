"""The audit's place in a run: a process beside the fitting, and what its verdict leads to.

The process imports statsmodels while the run itself does not, so it starts as soon as there is a
study. Models with a violation are distrusted: their fits are done again by statsmodels, in this
run and in every later one on the same data.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.engines import audit
from modelrun.engines.audit import AuditOutcome
from modelrun.engines.frame_join import joined
from modelrun.errors import ModelrunError
from modelrun.forecast import DEFINITION
from modelrun.plan.build import Plan
from modelrun.stopping import Stopping
from modelrun.store.store import Store

LIMIT_SECONDS: Final = 1800.0
"""The longest that a run waits for its audit."""

Ints = npt.NDArray[np.int64]


class Audit:
    """An audit that is under way."""

    def __init__(self, plan: Plan, process: subprocess.Popen[bytes], out: Path) -> None:
        """Remember the process and the file that it will leave."""
        self._plan = plan
        self._process = process
        self._out = out

    def outcome(self, store: Store, chosen: Ints, stopping: Stopping) -> AuditOutcome:
        """Wait for the audit and compare it with what is stored.

        Args:
            store: Where the run's fits are.
            chosen: The fits of this run, ascending.
            stopping: Lets a signal end the waiting.

        Raises:
            ModelrunError: The audit failed or took too long.
        """
        with stopping.interruptible():
            try:
                _, said = self._process.communicate(timeout=LIMIT_SECONDS)
            except subprocess.TimeoutExpired as late:
                raise ModelrunError(
                    f"the audit was not ready after {LIMIT_SECONDS:.0f} s; run again with "
                    "execution.audit: 0% to go without"
                ) from late
        if self._process.returncode:
            tail = said.decode(errors="replace")[-2000:]
            raise ModelrunError(f"the audit ended with {self._process.returncode}:\n{tail}")
        plan = self._plan
        study = plan.study
        samples, theirs = audit.read(study, self._out)
        kept, ours, references = [], [], []
        for sample, reference in zip(samples, theirs, strict=True):
            numbers = sample.model * len(study.slices) + sample.slices()
            there = np.isin(numbers, chosen)
            positions = store.lookup(plan.key_hi[numbers], plan.key_lo[numbers])
            there &= positions >= 0
            if not there.any():
                continue
            rows = np.flatnonzero(there)
            kept.append(_restricted(sample, sample.slices()[rows]))
            ours.append(_stored(store, positions[rows]))
            references.append(reference.take(arrays.from_numpy(rows)))
        batched = sum(
            int(np.count_nonzero(chosen // len(study.slices) == at))
            for at, model in enumerate(study.models)
            if model.engine == "batched"
        )
        return audit.compare(study, kept, ours, references, batched=batched)


@contextmanager
def started(
    plan: Plan, share: str, chosen: Ints, *, scratch: Path, wanted: bool
) -> Iterator[Audit | None]:
    """Start the audit of a plan's batched models, if there are any; end it with the context.

    Args:
        plan: The plan.
        share: execution.audit; 0% audits nothing.
        chosen: The fits of this run, ascending; only these are audited.
        scratch: A folder for the audit's file.
        wanted: Whether there is anything to audit.
    """
    part = Fraction(share.removesuffix("%")) / 100
    if not wanted or part == 0 or all(model.engine != "batched" for model in plan.study.models):
        yield None
        return
    out = scratch / "audit.arrow"
    among = []
    if len(chosen) < len(plan):
        np.save(scratch / "among.npy", chosen)
        among = ["--among", str(scratch / "among.npy")]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "modelrun.engines.audit", str(plan.study.folder), str(out),
            "--share", str(float(part)), *among,
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Audit(plan, process, out)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def distrusted_before(store: Store, plan: Plan) -> frozenset[str]:
    """Return the models that an audit of an earlier run here found wanting on the same data."""
    content = store.place.read(DEFINITION)
    if content is None:
        return frozenset()
    try:
        found = json.loads(content)
        if found["data"] != plan.data_fingerprint:
            return frozenset()
        return frozenset(map(str, found.get("distrusted", [])))
    except (ValueError, KeyError, TypeError):
        return frozenset()


def _restricted(sample: audit.Sample, slices: Ints) -> audit.Sample:
    random = np.intersect1d(sample.random, slices)
    return audit.Sample(sample.model, random, np.setdiff1d(slices, random))


def _stored(store: Store, positions: Ints) -> pa.RecordBatch:
    frames: list[pa.RecordBatch] = []
    for chunk in store.read(positions):
        frame = joined(chunk.batches)
        frames.append(frame if chunk.order is None else frame.take(arrays.from_numpy(chunk.order)))
    return joined(frames)
