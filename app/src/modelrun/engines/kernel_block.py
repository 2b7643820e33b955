"""One call of the kernels for a block of fits, and its results as a frame.

Here a block of slices becomes ranges of rows, drawn rows are laid out, slices with too few rows
are set apart, and arrays of the kernels become columns of a frame. The engine beside this
module cuts tasks into blocks and hands over what the gate stops.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.datasets import ROW
from modelrun.engines import frame, frame_columns, kernel_call, kernel_resample
from modelrun.engines.batched.distinct import Distinct
from modelrun.engines.few_rows import too_few
from modelrun.engines.frame_columns import Columns
from modelrun.engines.kernel_call import Rows, Windows
from modelrun.engines.kernel_fits import KernelFits, joined
from modelrun.engines.slice_rows import PanelValues
from modelrun.engines.translation import NotBatchedError, Translation, translate
from modelrun.plan.study import PlannedModel, Study
from modelrun_api.failure import FitStatus

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_STATUS = (str(FitStatus.SUCCEEDED), str(FitStatus.NOT_CONVERGED), str(FitStatus.SKIPPED))


@dataclass(slots=True)
class Prepared:
    """One model of one study, ready for the kernels."""

    study: Study
    model: PlannedModel
    translation: Translation
    rows: Rows
    windows: Windows | None
    row_numbers: Ints | None
    complete: Ints | None
    """How many complete rows lie before each row, shape (n + 1,); None where all are complete."""

    by_counts: bool
    """Whether replicates are fitted by counts of distinct rows."""

    distinct: tuple[int, Distinct] | None
    """The base slice whose distinct rows were found last."""

    wrong: Ints | None
    """The same for rows that the kernels must not see."""

    def counts(self, starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
        """Return complete rows and wrong rows of ranges of the panel, each of shape (n,)."""
        whole = stops - starts
        kept = whole if self.complete is None else self.complete[stops] - self.complete[starts]
        if self.wrong is None:
            return kept, np.zeros_like(kept)
        return kept, self.wrong[stops] - self.wrong[starts]


def prepare(study: Study, model: PlannedModel, values: PanelValues) -> Prepared | None:
    """Return a model ready for the kernels, or None where its columns are not for them."""
    if model.design is None:
        return None
    try:
        translation = translate(model.spec, study.outputs)
        rows = kernel_call.rows_of_panel(study, model.design, translation, values)
    except (NotBatchedError, TypeError):
        return None
    wrong = rows.wrong
    if wrong is not None and rows.keep is not None:
        wrong = wrong & rows.keep
    return Prepared(
        study=study,
        model=model,
        translation=translation,
        rows=rows,
        windows=kernel_call.windows(study, translation, rows),
        row_numbers=values.column(ROW) if ROW in study.panel.column_names else None,
        by_counts=bool(study.slices.replicates)
        and kernel_resample.supports(translation, rows, study.outputs),
        distinct=None,
        complete=None if rows.keep is None else _before(rows.keep),
        wrong=None if wrong is None else _before(wrong),
    )


def _before(flags: Bools) -> Ints:
    return np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])


@dataclass(slots=True)
class Called:
    """What the kernels gave for a block of n slices, and which of them they were asked for."""

    fits: Ints
    rows: Rows
    found: KernelFits
    """Results of the asked slices only."""

    asked: Bools
    handed: Bools
    """Slices that statsmodels has to do."""

    few: Bools
    """Slices that are skipped."""

    nobs: Ints
    starts: Ints
    stops: Ints
    drawn: Ints | None
    """The panel's rows that were laid out one after the other."""


def call(prepared: Prepared, fits: Ints) -> Called:
    """Call the kernels for slices of a study, shape (n,)."""
    study = prepared.study
    if prepared.by_counts and len(fits):
        base = study.slices.base(fits)
        wrong = prepared.counts(study.slices.start[base], study.slices.stop[base])[1]
        if not wrong.any():
            return _by_counts(prepared, fits, base)
    slices = study.slices
    base = slices.base(fits)
    starts, stops = slices.start[base], slices.stop[base]
    rows, moving, drawn = prepared.rows, None, None
    if slices.replicates:
        drawn = _drawn(study, fits, starts, stops)
        rows = rows.taken(drawn)
        stops = np.cumsum(stops - starts)
        starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
        nobs = _count(rows.keep, starts, stops, absent=stops - starts)
        wrong = _count(rows.wrong, starts, stops, absent=np.zeros_like(nobs))
    else:
        nobs, wrong = prepared.counts(starts, stops)
        if prepared.windows is not None:
            moving = (prepared.windows.block, prepared.windows.origin[base])
    few = (nobs == 0) | (nobs < max(rows.design.p, study.min_rows or 0))
    asked = ~few & (wrong == 0)
    found = kernel_call.call(
        rows,
        starts[asked],
        stops[asked],
        translation=prepared.translation,
        outputs=study.outputs,
        statistics=frame.statistics(study.outputs),
        moving=None if moving is None else (moving[0], moving[1][asked]),
    )
    handed = ~few & ~asked
    handed[np.flatnonzero(asked)[found.hand_over]] = True
    return Called(fits, rows, found, asked, handed, few, nobs, starts, stops, drawn)


def _by_counts(prepared: Prepared, fits: Ints, base: Ints) -> Called:
    """Call the kernels that fit replicates by counts, one base slice after the other."""
    study = prepared.study
    resample = study.resample
    assert resample is not None
    starts, stops = study.slices.start[base], study.slices.stop[base]
    replicates = study.slices.replicate(fits)
    parts: list[KernelFits] = []
    edges = [0, *(np.flatnonzero(np.diff(base)) + 1).tolist(), len(fits)]
    for first, last in pairwise(edges):
        number = int(base[first])
        start, stop = int(starts[first]), int(stops[first])
        found = prepared.distinct
        if found is None or found[0] != number:
            found = (number, kernel_resample.distinct_rows(prepared.rows, start, stop))
            prepared.distinct = found
        length = min(resample.block_length or 0, stop - start)
        parts.append(
            kernel_resample.call(
                found[1],
                replicates[first:last],
                covariance=prepared.rows.covariance,
                seed=resample.seed,
                block=length if resample.method == "block" else 0,
                translation=prepared.translation,
                outputs=study.outputs,
                statistics=frame.statistics(study.outputs),
            )
        )
    whole = joined(parts)
    nobs = np.nan_to_num(whole.nobs).astype(np.int64)
    few = (nobs == 0) | (nobs < max(prepared.rows.design.p, study.min_rows or 0))
    handed = whole.hand_over & ~few
    return Called(
        fits, prepared.rows, whole.kept(~few), ~few, handed, few, nobs, starts, stops, None
    )


def fit(prepared: Prepared, model: int, fits: Ints) -> tuple[pa.RecordBatch, Bools]:
    """Return the frame of slices and which of them have to be done by statsmodels."""
    started = time.perf_counter()
    called = call(prepared, fits)
    seconds = (time.perf_counter() - started) / max(1, len(fits))
    given = _columns_of(prepared, model, called, seconds)
    if prepared.study.outputs.observations:
        given.observations = _observations(prepared, called)
    return frame_columns.from_columns(prepared.study.outputs, given), called.handed


def difficulty(prepared: Prepared, fits: Ints) -> tuple[Floats, ...]:
    """Return how hard slices are for the kernels, by several measures; NaN where not theirs."""
    called = call(prepared, fits)
    at = np.flatnonzero(called.asked)[~called.found.hand_over]
    measures = []
    for values in called.found.difficulty:
        whole = np.full(len(fits), np.nan)
        whole[at] = values[~called.found.hand_over]
        measures.append(whole)
    return tuple(measures)


def _count(flags: Bools | None, starts: Ints, stops: Ints, *, absent: Ints) -> Ints:
    if flags is None:
        return absent
    before = _before(flags)
    return before[stops] - before[starts]


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
    prepared: Prepared,
    model: int,
    called: Called,
    seconds: float,
) -> Columns:
    study, found = prepared.study, called.found
    fits, few, nobs = called.fits, called.few, called.nobs
    lengths = called.stops - called.starts
    n, design = len(fits), prepared.model.design
    assert design is not None
    spread = partial(_spread, ask=called.asked)
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
        has_terms=called.asked & ~called.handed,
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
    prepared: Prepared, called: Called
) -> tuple[Ints, Ints, dict[str, npt.NDArray[np.float64]]]:
    """Return sizes of all fits, and rows and values of those that stay here."""
    rows, found = called.rows, called.found
    assert found.fitted is not None
    lengths = np.where(called.asked, called.stops - called.starts, 0)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    at = np.arange(total) + np.repeat(called.starts - (ends - lengths), lengths)
    keep = np.repeat(called.asked & ~called.handed, lengths)
    if rows.keep is not None:
        keep &= rows.keep[at]
    of_fit = np.repeat(np.arange(len(lengths)), lengths)[keep]
    sizes = np.bincount(of_fit, minlength=len(lengths)).astype(np.int64)
    at, fitted = at[keep], found.fitted[keep]
    panel = at if called.drawn is None else called.drawn[at]
    numbers = panel if prepared.row_numbers is None else prepared.row_numbers[panel]
    values = {"fitted": fitted, "resid": rows.endog[at] - fitted}
    asked = prepared.study.outputs.observations
    return sizes, numbers.astype(np.int64), {name: values[name] for name in asked}
