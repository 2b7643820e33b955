"""The audit: some batched fits are done again by plain statsmodels, and compared by the contract.

It runs beside the run in a process of its own, because it needs statsmodels' imports and the run
does not. Half of the fits are drawn at random, which gives a bound on how many others can be wrong;
the other half are the hardest of many, where a defect would show first. Not for fits that the
gate has handed over: those are statsmodels' own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.backends.loading import load_for_good
from modelrun.engines import contract, piecewise, preloads
from modelrun.engines.contract import Comparison, Violation
from modelrun.plan.study import Study
from modelrun.plan.task import Task

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LEAST = 300
"""Fits that are audited at least, or all there are."""

CANDIDATES = 20
"""The hard half is taken from so many times as many random fits."""

MOST_POOLS = 4
"""Pools that are looked through for fits that the kernels do themselves."""

SHOWN = 20
"""Violations that are listed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The slices of one model that are audited."""

    model: int
    random: Ints
    hard: Ints

    def slices(self) -> Ints:
        """Return all of them, ascending, each once."""
        return np.unique(np.concatenate([self.random, self.hard]))


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What an audit found."""

    compared: int
    """Fits that were compared."""

    random: int
    """Those of them that were drawn at random."""

    batched: int
    """All batched fits."""

    violations: tuple[Violation, ...]
    models: tuple[str, ...]
    """Models with a violation: their batched fits have to be done by statsmodels."""

    largest: Mapping[str, float]
    """The largest difference of each column, in units of what the contract allows."""

    @property
    def clean(self) -> bool:
        """Whether everything was within the contract."""
        return not self.violations

    def sentence(self) -> str:
        """Say what was found and what that excludes."""
        if not self.compared:
            return "No fit was audited: none was fitted by the batched engine."
        worst = max(self.largest.items(), key=lambda item: item[1], default=("", 0.0))
        start = (
            f"{self.compared:,} of {self.batched:,} batched fits were done again by plain "
            "statsmodels"
        )
        if not self.clean:
            fits = len({violation.fit for violation in self.violations})
            return (
                f"{start}; {fits} of them were outside of the contract of equality "
                f"(models {', '.join(self.models)})."
            )
        bound = ""
        if 0 < self.random < self.batched:
            # Hanley and Lippman-Hand 1983: nothing found in n means less than 3/n, at 95 %.
            bound = (
                f" Of these, {self.random} were drawn at random: with 95 % confidence fewer than "
                f"{3 / self.random:.2%} of all batched fits are outside of it."
            )
        return (
            f"{start}; all were within the contract of equality, the largest difference "
            f"{worst[1]:.1e} of what it allows ({worst[0]}).{bound}"
        )

    def document(self) -> dict[str, Any]:
        """Return the outcome for run.json."""
        return {
            "fits": self.compared,
            "random": self.random,
            "batched": self.batched,
            "violations": len(self.violations),
            "models": list(self.models),
            "largest": dict(self.largest),
            "examples": [
                {"fit": v.fit, "column": v.column, "term": v.term, "ours": v.ours,
                 "theirs": v.theirs}
                for v in self.violations[:SHOWN]
            ],
            "sentence": self.sentence(),
        }  # fmt: skip


def choose(
    study: Study,
    *,
    share: float,
    seed: int = 0,
    least: int = LEAST,
    among: Ints | None = None,
) -> list[Sample]:
    """Choose fits of the batched models; the kernels alone are needed for that.

    Args:
        study: The study.
        share: Of all batched fits, such as 0.001.
        seed: Of the random half.
        least: Fits that are audited at least, where the kernels do as many.
        among: The fits of the run (model * S + slice), ascending; None: all of the study.
    """
    slices = len(study.slices)
    offered: dict[int, Ints] = {}
    for m, model in enumerate(study.models):
        if model.engine == "batched":
            own = np.arange(slices) if among is None else among[among // slices == m] % slices
            if len(own):
                offered[m] = own
    wanted = max(least, int(np.ceil(share * sum(map(len, offered.values())))))
    samples = []
    left = len(offered)
    # Small models first: what they cannot give, the larger ones do.
    for number, own in sorted(offered.items(), key=lambda item: len(item[1])):
        sample = _sample(study, number, own, -(-wanted // left), seed)
        samples.append(sample)
        wanted, left = max(0, wanted - len(sample.slices())), left - 1
    return sorted(samples, key=lambda sample: sample.model)


def _sample(study: Study, model: int, own: Ints, each: int, seed: int) -> Sample:
    """Return fits of one model that the kernels do themselves: half random, half the hardest."""
    if each >= len(own):
        return Sample(model, own, np.empty(0, np.int64))
    from modelrun.engines.batched_engine import BatchedEngine

    engine = BatchedEngine()
    order = np.random.default_rng([seed, model]).permutation(own)
    known = 0
    measures: list[tuple[Floats, ...]] = []
    random: list[int] = []
    pool = CANDIDATES * each
    # Fits that the gate hands over are skipped, so that the random half is full where it can be;
    # where nearly all are handed over, looking for the others must not cost a second run.
    while known < min(len(order), MOST_POOLS * pool) and len(random) < -(-each // 2):
        part = order[known : known + pool]
        measures.append(piecewise.difficulty(engine, study, model, part))
        gated = part[np.isfinite(measures[-1][0])]
        random.extend(gated[: -(-each // 2) - len(random)].tolist())
        known += len(part)
    joined = tuple(np.concatenate(parts) for parts in zip(*measures, strict=True))
    hard = _hardest(order[:known], joined, set(random), each // 2)
    return Sample(model, np.sort(np.array(random, np.int64)), hard)


def _hardest(pool: Ints, measures: tuple[Floats, ...], taken: set[int], count: int) -> Ints:
    """Return the slices of a pool that pass the gate most narrowly or iterate longest."""
    chosen: dict[int, None] = {}
    order = [np.argsort(-measure, kind="stable") for measure in measures]
    for ranks in zip(*order, strict=True):
        for at in ranks:
            if len(chosen) >= count:
                return np.array(list(chosen), dtype=np.int64)
            if np.isfinite(measures[0][at]) and int(pool[at]) not in taken:
                chosen[int(pool[at])] = None
    return np.array(list(chosen), dtype=np.int64)


def refit(study: Study, samples: list[Sample]) -> Iterator[pa.RecordBatch]:
    """Yield the frame of each sample by plain statsmodels."""
    from modelrun.engines.plain_guard import PlainGuard
    from modelrun.engines.statsmodels_engine import StatsmodelsEngine

    engine, guard = StatsmodelsEngine(), PlainGuard()
    for number, sample in enumerate(samples):
        yield piecewise.fit(engine, study, Task(number, sample.model, sample.slices()), guard)


def compare(
    study: Study,
    samples: list[Sample],
    ours: list[pa.RecordBatch],
    theirs: list[pa.RecordBatch],
    *,
    batched: int,
) -> AuditOutcome:
    """Compare what the run has stored with what statsmodels gave.

    Args:
        study: The study.
        samples: What was audited.
        ours: For each sample, the stored frame of its slices, in their order.
        theirs: For each sample, the frame of `refit`.
        batched: How many fits the batched engine has done in all.
    """
    found: list[tuple[str, Comparison]] = []
    random = 0
    for sample, mine, reference in zip(samples, ours, theirs, strict=True):
        model = study.models[sample.model]
        gated = _gated(mine)
        random += int((gated & np.isin(sample.slices(), sample.random)).sum())
        keep = arrays.from_numpy(np.flatnonzero(gated))
        comparison = contract.compare(
            mine.take(keep), reference.take(keep), solver=contract.solver(model.spec)
        )
        found.append((model.name, comparison))
    largest: dict[str, float] = {}
    for _, comparison in found:
        for name, value in comparison.largest.items():
            largest[name] = max(value, largest.get(name, 0.0))
    return AuditOutcome(
        compared=sum(comparison.fits for _, comparison in found),
        random=random,
        batched=batched,
        violations=tuple(v for _, comparison in found for v in comparison.violations),
        models=tuple(name for name, comparison in found if comparison.violations),
        largest=largest,
    )


def _gated(frame: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Return which fits are the kernels' own, shape (n,)."""
    engines = frame.column("engine").cast(pa.string()).to_pylist()
    words = frame.column("numerics").cast(pa.string()).to_pylist()
    return np.array(
        [e == "batched" and w == "gated" for e, w in zip(engines, words, strict=True)], np.bool_
    )


def write(
    folder: Path, out: Path, *, share: float, seed: int = 0, among: Ints | None = None
) -> None:
    """Choose and refit, and leave everything in one Arrow file; the audit's own process does it.

    Args:
        folder: The study.
        out: The file; it appears when it is complete.
        share: Of all batched fits.
        seed: Of the random half.
        among: The fits of the run; None: all of the study.
    """
    from modelrun.plan import study_files

    study = study_files.open_study(folder)
    samples = choose(study, share=share, seed=seed, among=among)
    part = out.with_name(out.name + ".part")
    with pa.OSFile(str(part), "wb") as sink:
        writer: Any = None
        for sample, frame in zip(samples, refit(study, samples), strict=True):
            marked = np.isin(sample.slices(), sample.random)
            batch = frame.append_column("__random__", arrays.from_numpy(marked))
            if writer is None:
                writer = pa.ipc.new_stream(sink, batch.schema)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()
    part.replace(out)


def read(study: Study, path: Path) -> tuple[list[Sample], list[pa.RecordBatch]]:
    """Return what `write` has left: the samples and statsmodels' frames."""
    if path.stat().st_size == 0:
        return [], []
    slices = len(study.slices)
    samples, frames = [], []
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_stream(source) as stream:
        for batch in stream:
            fits = arrays.to_numpy(batch.column("fit"))
            random = arrays.to_numpy(batch.column("__random__"))
            at = fits % slices
            samples.append(Sample(int(fits[0] // slices), at[random], at[~random]))
            frames.append(batch.drop_columns(["__random__"]))
    return samples, frames


def main() -> int:
    """Run as a process: load what the estimators named as arguments need, read the order, do it."""
    needed = (preloads.modules("statsmodels", estimator) for estimator in sys.argv[1:])
    load_for_good(chain.from_iterable(needed))
    order = sys.stdin.buffer.read()
    if not order:
        return 0  # there was nothing to audit
    given = json.loads(order)
    among = np.load(given["among"]) if given.get("among") else None
    write(Path(given["study"]), Path(given["out"]), share=given["share"], among=among)
    return 0


if __name__ == "__main__":
    sys.exit(main())
