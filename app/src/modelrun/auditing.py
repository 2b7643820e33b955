"""The audit's place in a run: a process beside the fitting, and what its verdict leads to.

The process imports statsmodels while the run itself does not, so it is started before anything is
known and waits for a study. Models with a violation are distrusted: their fits are done again by
statsmodels, in this run and in every later one on the same data.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.backends import machine
from modelrun.engines.estimators import WITH_KERNELS
from modelrun.engines.frame_join import joined
from modelrun.errors import ModelrunError
from modelrun.forecast import DEFINITION
from modelrun.plan.build import Plan
from modelrun.plan.shelf import Shelf
from modelrun.stopping import Stopping
from modelrun.store.store import Store
from modelrun_api.spec import ModelRunSpec

if TYPE_CHECKING:
    from modelrun.engines import audit
    from modelrun.engines.audit import AuditOutcome

LIMIT_SECONDS: Final = 1800.0
"""The longest that a run waits for its audit."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Begun:
    """What the process was told to audit."""

    plan: Plan
    shelf: Shelf
    chosen: Ints
    among: Path | None


class Auditor:
    """The process of the audit, from the start of a run to its end; a context manager."""

    def __init__(self, spec: ModelRunSpec, *, scratch: Path) -> None:
        """Remember what is audited.

        Args:
            spec: The run's spec.
            scratch: A folder for the audit's file.
        """
        self._share = Fraction(spec.execution.audit.removesuffix("%")) / 100
        self._estimators: list[str] = []
        if spec.execution.engine != "statsmodels":
            named = {model.estimator for model in spec.models if model.estimator is not None}
            self._estimators = sorted(named & WITH_KERNELS)
        self._out = scratch / "audit.arrow"
        self._begun: _Begun | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._sending: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start the process where the file makes an audit likely: it imports while others read."""
        if self._share and self._estimators:
            self._process = _start(self._estimators)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process, whatever it does."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait(timeout=30)
            for pipe in (process.stdin, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def begin(self, plan: Plan, shelf: Shelf, chosen: Ints) -> bool:
        """Let the process audit a plan's batched models; return whether there are any.

        Args:
            plan: The plan.
            shelf: Where its study is, or will be.
            chosen: The fits of this run, ascending; only these are audited.
        """
        if not self._share or all(model.engine != "batched" for model in plan.study.models):
            return False
        assert self._process is not None  # batched models are of estimators that have kernels
        among = None
        if len(chosen) < len(plan):
            among = self._out.with_name("among.npy")
            np.save(among, chosen)
        shelf.begin()
        self._begun = _Begun(plan, shelf, chosen, among)
        self._sending = threading.Thread(
            target=self._send, args=(self._process, self._begun), name="modelrun-audit", daemon=True
        )
        self._sending.start()
        return True

    def expected(self) -> AuditOutcome:
        """Return what is likely to come of what was begun: a clean audit.

        A report is laid out for it while the audit works, so that its pages keep their numbers.
        """
        from modelrun.engines import audit

        assert self._begun is not None
        batched = _batched(self._begun.plan, self._begun.chosen)
        compared = min(batched, max(audit.LEAST, math.ceil(self._share * batched)))
        return audit.AuditOutcome(
            compared=compared,
            random=batched if compared == batched else -(-compared // 2),
            batched=batched,
            violations=(),
            models=(),
            largest=dict.fromkeys(("estimate", "std_error", "p_value"), 1e-3),
        )

    def outcome(self, store: Store, stopping: Stopping) -> AuditOutcome:
        """Wait for what was begun and compare it with what is stored.

        Args:
            store: Where the run's fits are.
            stopping: Lets a signal end the waiting.

        Raises:
            ModelrunError: The audit failed or took too long.
        """
        from modelrun.engines import audit

        process, sending, begun = self._process, self._sending, self._begun
        assert process is not None
        assert sending is not None
        assert begun is not None
        with stopping.interruptible():
            begun.shelf.folder()
            sending.join()
            try:
                _, said = process.communicate(timeout=LIMIT_SECONDS)
            except subprocess.TimeoutExpired as late:
                raise ModelrunError(
                    f"the audit was not ready after {LIMIT_SECONDS:.0f} s; run again with "
                    "execution.audit: 0% to go without"
                ) from late
        self._process = None
        if process.returncode:
            tail = said.decode(errors="replace")[-2000:]
            raise ModelrunError(f"the audit ended with {process.returncode}:\n{tail}")
        study = begun.plan.study
        return _compared(begun.plan, store, begun.chosen, *audit.read(study, self._out))

    def _send(self, process: subprocess.Popen[bytes], begun: _Begun) -> None:
        """Tell the process what to do as soon as the study lies in its folder."""
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # who waits for the outcome is told what went wrong
            order = {
                "study": str(begun.shelf.folder()),
                "out": str(self._out),
                "share": float(self._share),
                "among": None if begun.among is None else str(begun.among),
            }
            process.stdin.write(json.dumps(order).encode())
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.stdin = None


def _start(estimators: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "modelrun.engines.audit", *estimators],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # Small matrices only: a second thread of the BLAS would fight with the run for a core.
        env={**os.environ, **machine.ONE_THREAD},
    )


def _compared(
    plan: Plan,
    store: Store,
    chosen: Ints,
    samples: list[audit.Sample],
    theirs: list[pa.RecordBatch],
) -> AuditOutcome:
    """Compare what the audit has fitted with what is stored."""
    from modelrun.engines import audit

    study = plan.study
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
    return audit.compare(study, kept, ours, references, batched=_batched(plan, chosen))


def _batched(plan: Plan, chosen: Ints) -> int:
    """Return how many fits of a run are of batched models."""
    study = plan.study
    return sum(
        int(np.count_nonzero(chosen // len(study.slices) == at))
        for at, model in enumerate(study.models)
        if model.engine == "batched"
    )


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
    from modelrun.engines import audit

    random = np.intersect1d(sample.random, slices)
    return audit.Sample(sample.model, random, np.setdiff1d(slices, random))


def _stored(store: Store, positions: Ints) -> pa.RecordBatch:
    frames: list[pa.RecordBatch] = []
    for chunk in store.read(positions):
        frame = joined(chunk.batches)
        frames.append(frame if chunk.order is None else frame.take(arrays.from_numpy(chunk.order)))
    return joined(frames)
