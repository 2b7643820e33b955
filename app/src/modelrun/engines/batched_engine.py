"""The engine of the compiled kernels: whole tasks as arrays, no Python between two fits.

Fits that the gate does not let through go to the statsmodels engine, one by one, and are marked
with it in the column `engine`. Neither pandas nor statsmodels nor scipy.stats is imported before
that happens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.datasets.source import ROW
from modelrun.engines import frame, frame_columns, frame_join, kernel_call
from modelrun.engines.few_rows import too_few
from modelrun.engines.frame_columns import Columns
from modelrun.engines.guard import Caught, Guard
from modelrun.engines.kernel_call import Rows, Windows
from modelrun.engines.kernel_fits import KernelFits
from modelrun.engines.slice_rows import PanelValues
from modelrun.engines.translation import Translation, translate
from modelrun.plan.study import PlannedModel, Study
from modelrun.plan.task import Task
from modelrun_api.failure import FitStatus

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BLOCK_FITS = 8192
"""Fits in one call of a kernel at most: the guard's time limit holds for a call."""

BLOCK_ROWS = 4_000_000
"""Rows that one call reads at most, for the same reason."""

DRAWN_ROWS = 400_000
"""Drawn rows that are laid out in memory at once."""

_STATUS = (str(FitStatus.SUCCEEDED), str(FitStatus.NOT_CONVERGED), str(FitStatus.SKIPPED))


@dataclass(slots=True)
class _Prepared:
    """One model of one study, ready for the kernels."""

    study: Study
    model: PlannedModel
    translation: Translation
    rows: Rows
    windows: Windows | None
    row_numbers: Ints | None
    complete: Ints | None
    """How many complete rows lie before each row, shape (n + 1,); None where all are complete."""

    wrong: Ints | None
    """The same for rows that the kernels must not see."""

    def counts(self, starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
        """Return complete rows and wrong rows of ranges of the panel, each of shape (n,)."""
        whole = stops - starts
        kept = whole if self.complete is None else self.complete[stops] - self.complete[starts]
        if self.wrong is None:
            return kept, np.zeros_like(kept)
        return kept, self.wrong[stops] - self.wrong[starts]


class BatchedEngine:
    """Fits whole tasks by the compiled kernels."""

    name = "batched"

    def __init__(self) -> None:
        """Nothing is prepared yet."""
        self._lock = threading.Lock()
        self._study: Study | None = None
        self._ready: dict[int, _Prepared | None] = {}
        self._values: PanelValues | None = None

    def fit(self, study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
        """Fit every slice of the task; see modelrun.engines.engine.Engine."""
        prepared = self._prepare(study, task.model)
        if prepared is None:
            return _by_statsmodels(study, task, guard)
        parts = [_block(prepared, task, fits, guard) for fits in _blocks(prepared, task.fits)]
        return parts[0] if len(parts) == 1 else frame_join.joined(parts)

    def _prepare(self, study: Study, number: int) -> _Prepared | None:
        """Return the prepared model, or None where its columns are not for the kernels."""
        with self._lock:
            if self._study is not study:
                self._study, self._ready = study, {}
                self._values = PanelValues(study.panel)
            if number not in self._ready:
                assert self._values is not None
                self._ready[number] = _prepared(study, study.models[number], self._values)
            return self._ready[number]


def _prepared(study: Study, model: PlannedModel, values: PanelValues) -> _Prepared | None:
    if model.design is None:
        return None
    translation = translate(model.spec, study.outputs)
    try:
        rows = kernel_call.rows_of_panel(study, model.design, translation, values)
    except TypeError:
        return None
    wrong = rows.wrong
    if wrong is not None and rows.keep is not None:
        wrong = wrong & rows.keep
    return _Prepared(
        study=study,
        model=model,
        translation=translation,
        rows=rows,
        windows=kernel_call.windows(study, translation, rows),
        row_numbers=values.column(ROW) if ROW in study.panel.column_names else None,
        complete=None if rows.keep is None else _before(rows.keep),
        wrong=None if wrong is None else _before(wrong),
    )


def _before(flags: Bools) -> Ints:
    return np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])


def _blocks(prepared: _Prepared, fits: Ints) -> Iterator[Ints]:
    """Cut the fits of a task into calls; where they are cut changes no number."""
    slices = prepared.study.slices
    base = slices.base(fits)
    lengths = slices.stop[base] - slices.start[base]
    limit = DRAWN_ROWS if slices.replicates else BLOCK_ROWS
    mean = max(1.0, float(lengths.mean())) if len(lengths) else 1.0
    size = int(min(BLOCK_FITS, max(1, limit // mean)))
    for first in range(0, max(1, len(fits)), size):
        yield fits[first : first + size]


def _by_statsmodels(study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
    from modelrun.engines.catalog import engine

    return engine("statsmodels").fit(study, task, guard)


def _block(prepared: _Prepared, task: Task, fits: Ints, guard: Guard) -> pa.RecordBatch:
    outcome = guard.call(-1, partial(_fitted, prepared, task.model, fits))
    if isinstance(outcome, Caught):
        # One of them was too much for a whole call (time, memory): find it one by one.
        return _by_statsmodels(prepared.study, replace(task, fits=fits), guard)
    batch, handed = outcome
    if not handed.any():
        return batch
    theirs = _by_statsmodels(prepared.study, replace(task, fits=fits[handed]), guard)
    return frame_join.replaced(batch, handed, frame_join.marked(theirs, "numerics", "unstable"))


def _fitted(prepared: _Prepared, model: int, fits: Ints) -> tuple[pa.RecordBatch, Bools]:
    """Return the frame of these fits and which of them have to be done by statsmodels."""
    started = time.perf_counter()
    study = prepared.study
    slices = study.slices
    base = slices.base(fits)
    starts, stops = slices.start[base], slices.stop[base]
    rows, moving, drawn = prepared.rows, None, None
    if slices.replicates:
        drawn = _drawn(study, fits, starts, stops)
        rows = rows.taken(drawn)
        stops = np.cumsum(stops - starts)
        starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
        complete = np.arange(rows.design.n + 1) if rows.keep is None else _before(rows.keep)
        nobs = complete[stops] - complete[starts]
        wrong_before = None if rows.wrong is None else _before(rows.wrong)
        wrong = (
            np.zeros_like(nobs)
            if wrong_before is None
            else (wrong_before[stops] - wrong_before[starts])
        )
    else:
        nobs, wrong = prepared.counts(starts, stops)
        if prepared.windows is not None:
            moving = (prepared.windows.block, prepared.windows.origin[base])
    p = rows.design.p
    few = (nobs == 0) | (nobs < max(p, study.min_rows or 0))
    ask = ~few & (wrong == 0)
    statistics = frame.statistics(study.outputs)
    found = kernel_call.call(
        rows,
        starts[ask],
        stops[ask],
        translation=prepared.translation,
        outputs=study.outputs,
        statistics=statistics,
        moving=None if moving is None else (moving[0], moving[1][ask]),
    )
    handed = ~few & ~ask
    handed[np.flatnonzero(ask)[found.hand_over]] = True
    seconds = (time.perf_counter() - started) / max(1, len(fits))
    given = _columns_of(prepared, model, fits, found, ask, few, nobs, stops - starts, seconds)
    if study.outputs.observations:
        given.observations = _observations(
            prepared, rows, found, drawn, starts=starts, stops=stops, ask=ask, handed=handed
        )
    given.has_terms &= ~handed
    return frame_columns.from_columns(study.outputs, given), handed


def _drawn(study: Study, fits: Ints, starts: Ints, stops: Ints) -> Ints:
    from modelrun.plan import resample

    assert study.resample is not None
    parts = [
        start + resample.rows(study.resample, stop - start, replicate)
        for start, stop, replicate in zip(
            starts.tolist(),
            stops.tolist(),
            study.slices.replicate(fits).tolist(),
            strict=True,
        )
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _columns_of(
    prepared: _Prepared,
    model: int,
    fits: Ints,
    found: KernelFits,
    ask: Bools,
    few: Bools,
    nobs: Ints,
    lengths: Ints,
    seconds: float,
) -> Columns:
    study = prepared.study
    n, design = len(fits), prepared.model.design
    assert design is not None
    spread = partial(_spread, ask=ask)
    converged = spread(found.converged, fill=False)
    status = np.where(few, 2, np.where(converged, 0, 1)).astype(np.int32)
    failures = {
        int(at): too_few(
            int(nobs[at]),
            int(lengths[at]),
            min_rows=study.min_rows,
            parameters=len(design.exog_names),
        )
        for at in np.flatnonzero(few)
    }
    unknown = np.where(few, -1, 0).astype(np.int32)
    return Columns(
        fits=model * len(study.slices) + fits,
        status=(status, _STATUS),
        nobs=nobs,
        converged=converged,
        seconds=np.full(n, seconds),
        numerics=(unknown, ("gated",)),
        engine=(np.zeros(n, np.int32), ("batched",)),
        terms=design.exog_names,
        coefficients={k: spread(v, fill=np.nan) for k, v in found.coefficients.items()},
        df=spread(found.df, fill=np.nan),
        dist=found.dist,
        has_terms=ask.copy(),
        statistics={k: spread(v, fill=np.nan) for k, v in found.statistics.items()},
        separated=None if found.separated is None else spread(found.separated, fill=False),
        rank_deficient=np.zeros(n, np.bool_),
        failures={at: (str(reason), text) for at, (reason, text) in failures.items()},
    )


def _spread(values: npt.NDArray[Any], *, ask: Bools, fill: float) -> npt.NDArray[Any]:
    """Return values of the asked fits at their places among all."""
    if len(values) == len(ask):
        return values
    whole = np.full((len(ask), *values.shape[1:]), fill, dtype=values.dtype)
    whole[ask] = values
    return whole


def _observations(
    prepared: _Prepared,
    rows: Rows,
    found: KernelFits,
    drawn: Ints | None,
    *,
    starts: Ints,
    stops: Ints,
    ask: Bools,
    handed: Bools,
) -> tuple[Ints, Ints, dict[str, npt.NDArray[np.float64]]]:
    """Return sizes of all fits, and rows and values of those that stay here."""
    assert found.fitted is not None
    lengths = np.where(ask, stops - starts, 0)
    ends = np.cumsum(lengths)
    at = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(
        starts - (ends - lengths), lengths
    )
    keep = np.repeat(ask & ~handed, lengths)
    if rows.keep is not None:
        keep &= rows.keep[at]
    sizes = np.zeros(len(ask), np.int64)
    np.add.at(sizes, np.repeat(np.arange(len(ask)), lengths)[keep], 1)
    at, fitted = at[keep], found.fitted[keep]
    panel = at if drawn is None else drawn[at]
    numbers = panel if prepared.row_numbers is None else prepared.row_numbers[panel]
    values = {"fitted": fitted, "resid": rows.endog[at] - fitted}
    asked = prepared.study.outputs.observations
    return sizes, numbers.astype(np.int64), {name: values[name] for name in asked}
