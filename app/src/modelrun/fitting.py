"""From tasks to stored frames: the loop in the middle of a run.

Each model's first tasks are small and tell how long its fits take; the rest is cut by that. Every
outcome goes into the store before the next one is looked at, so that a stop at any moment loses
at most what is still at the workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from modelrun import arrays
from modelrun.backends.backend import Backend, Done, Lost, Outcome, Work
from modelrun.engines.frame_builder import lost_frame
from modelrun.plan.build import Plan
from modelrun.plan.task import Task
from modelrun.plan.tasks import cut
from modelrun.progress import Display, Tally
from modelrun.stopping import Stopping
from modelrun.store.frames import open_frame, stream_bytes
from modelrun.store.store import Store

Ints = npt.NDArray[np.int64]

PROBES_PER_MODEL = 4
"""Small tasks that tell how long fits of a model take, at most."""

FITS_PER_PROBE: Mapping[str, int] = {"batched": 256, "statsmodels": 3, "callable": 3}
"""Fits in each of them by engine: the first one carries imports, the others tell. A call of the
kernels for few fits would tell how long calls take, not fits."""

BATCHED_SECONDS = 1e-4
"""What a batched fit is taken for where there were no probes."""


@dataclass(slots=True)
class Durations:
    """What fits of each model have taken so far, in seconds."""

    total: dict[int, float] = field(default_factory=dict)
    count: dict[int, int] = field(default_factory=dict)

    def add(self, model: int, seconds: npt.NDArray[np.float64]) -> None:
        """Learn from one frame; the median speaks, since first fits carry imports."""
        if len(seconds):
            self.total[model] = self.total.get(model, 0.0) + float(np.median(seconds)) * len(
                seconds
            )
            self.count[model] = self.count.get(model, 0) + len(seconds)

    def per_fit(self, model: int) -> float:
        """Return the mean duration of a fit of this model, 0 where nothing is known."""
        count = self.count.get(model, 0)
        return self.total[model] / count if count else 0.0


@dataclass(slots=True)
class Fitting:
    """One pass over the fits that are not stored yet."""

    plan: Plan
    store: Store
    backend: Backend
    work: Work
    tally: Tally
    display: Display
    stopping: Stopping
    clock: Callable[[], float] = time.monotonic
    durations: Durations = field(default_factory=Durations)
    _left: dict[int, int] = field(default_factory=dict)
    _short: dict[int, list[Ints]] = field(default_factory=dict)
    """Fits of tasks that took longer than expected: they are cut anew, by what is known now."""

    def run(self, todo: Ints) -> None:
        """Fit and store.

        Args:
            todo: Fits that are not stored, as model * S + slice, ascending, shape (n,).

        Raises:
            Stopped: A signal came; what is finished is stored.
            InfrastructureError: Workers, scheduler or storage are away.
        """
        by_model = self._by_model(todo)
        self._left = {model: len(fits) for model, fits in by_model.items()}
        models = self.plan.study.models
        probed, rest = split_probes(
            by_model, {model: FITS_PER_PROBE[models[model].engine] for model in by_model}
        )
        self._work_through(probed)
        guess = {m: BATCHED_SECONDS if models[m].engine == "batched" else 0.0 for m in rest}
        while rest:
            self._work_through(
                cut(
                    rest,
                    seconds_per_fit={m: self.durations.per_fit(m) or guess[m] for m in rest},
                    weights={model: self._rows(fits) for model, fits in rest.items()},
                    workers=self.backend.workers,
                )
            )
            rest = {model: np.sort(np.concatenate(fits)) for model, fits in self._short.items()}
            self._short.clear()

    def _by_model(self, todo: Ints) -> dict[int, Ints]:
        slices = len(self.plan.study.slices)
        models = todo // slices
        return {int(m): todo[models == m] % slices for m in np.unique(models)}

    def _rows(self, fits: Ints) -> npt.NDArray[np.float64]:
        """Return the rows of each slice: what a fit of one model costs relative to another."""
        slices = self.plan.study.slices
        return (slices.stop - slices.start)[slices.base(fits)].astype(np.float64)

    def _work_through(self, tasks: Iterator[Task]) -> None:
        outcomes = self.backend.map(self.work, tasks)
        try:
            while True:
                with self.stopping.interruptible():
                    outcome = next(outcomes, None)
                if outcome is None:
                    return
                self._keep(outcome)
        finally:
            close = getattr(outcomes, "close", None)
            if close is not None:
                close()

    def _keep(self, outcome: Outcome) -> None:
        study = self.plan.study
        match outcome:
            case Done():
                content, frame = outcome.payload, open_frame(outcome.payload)
            case Lost():
                frame = lost_frame(
                    study.outputs,
                    fit=outcome.task.model * len(study.slices) + int(outcome.task.fits[0]),
                    engine=study.models[outcome.task.model].engine,
                    reason=outcome.reason,
                    message=outcome.message,
                    worker=outcome.worker,
                    attempts=outcome.attempts,
                )
                content = stream_bytes(frame)
        fits = arrays.to_numpy(frame.column("fit"))
        if len(fits) < len(outcome.task.fits):
            self._short.setdefault(outcome.task.model, []).append(outcome.task.fits[len(fits) :])
        status = self.store.append(content, self.plan.key_hi[fits], self.plan.key_lo[fits])
        seconds = arrays.to_numpy(frame.column("seconds"))
        self.durations.add(outcome.task.model, seconds)
        self._left[outcome.task.model] -= len(fits)
        self.tally.workers = self.backend.workers()
        self.tally.add(status, work=float(seconds.sum()))
        self.tally.work_left = sum(
            left * self.durations.per_fit(model) for model, left in self._left.items()
        )
        self.display.changed()


def split_probes(
    by_model: Mapping[int, Ints], sizes: Mapping[int, int]
) -> tuple[Iterator[Task], dict[int, Ints]]:
    """Take a few fits of each model as small tasks; return them and what is left.

    Probes are spread over the model's slices, so that long and short slices both tell; each is a
    run of neighbours, which are stored in the order in which they are read again. Where a
    model has few fits there are no probes.

    Args:
        by_model: Open fits by model, ascending.
        sizes: How many fits a probe of each model has.
    """
    probes: list[Task] = []
    rest: dict[int, Ints] = {}
    for model, fits in by_model.items():
        wanted = PROBES_PER_MODEL * sizes[model]
        if len(fits) < 4 * wanted:
            rest[model] = fits
            continue
        first = np.linspace(0, len(fits) - sizes[model], PROBES_PER_MODEL).astype(np.int64)
        chosen = first[:, None] + np.arange(sizes[model])
        rest[model] = np.delete(fits, chosen.reshape(-1))
        for part in chosen:
            probes.append(Task(number=-1 - len(probes), model=model, fits=fits[part]))
    return iter(probes), rest
