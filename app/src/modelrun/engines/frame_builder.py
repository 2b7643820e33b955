"""From the records of single fits to an Arrow frame.

The other door, for fits made all at once, is frame_columns.py. Both give the schema of
frame.schema(outputs) with the same meaning of missing values: a statistic that does not apply is
null, a number that came out as not-a-number stays one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.engines import frame
from modelrun.engines.record import Failure, FitRecord
from modelrun.plan.study import Outputs
from modelrun_api.failure import FailureReason, FitStatus

Floats = npt.NDArray[np.float64]


def from_records(
    outputs: Outputs, fits: npt.NDArray[np.int64], records: Sequence[FitRecord]
) -> pa.RecordBatch:
    """Return the frame of fits that were made one by one.

    Args:
        outputs: What was asked for.
        fits: The numbers of the fits (model * S + slice), shape (n,).
        records: One for each of them, in the same order.
    """
    schema = frame.schema(outputs)
    columns: dict[str, pa.Array] = {"fit": pa.array(fits, pa.int64())}
    for name in ("status", "numerics", "engine"):
        columns[name] = _words([getattr(record, name) for record in records])
    for name in ("nobs", "converged", "warnings", "separated", "rank_deficient", "seconds"):
        values = [getattr(record, name) for record in records]
        columns[name] = pa.array(values, schema.field(name).type)
    for name in frame.statistics(outputs):
        values = [
            _number(record.statistics.get(name), schema.field(name).type) for record in records
        ]
        columns[name] = pa.array(values, schema.field(name).type)
    columns["coefficients"] = _terms(outputs, records)
    columns["observations"] = _observations(outputs, records)
    columns["failure"] = pa.array([_failure(record) for record in records], frame.FAILURE)
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def lost_frame(
    outputs: Outputs,
    *,
    fit: int,
    engine: str,
    reason: FailureReason,
    message: str,
    worker: str,
    attempts: int,
) -> pa.RecordBatch:
    """Return the frame of a single fit that ended its worker.

    Args:
        outputs: What was asked for.
        fit: Its number, model * S + slice.
        engine: The engine that was to fit it.
        reason: WorkerDied, OutOfMemory or Timeout.
        message: What happened, in words.
        worker: The worker that it ended last.
        attempts: How often it was tried.
    """
    record = FitRecord(
        FitStatus.FAILED,
        engine,
        failure=Failure(reason, message, worker=worker, attempts=attempts),
    )
    return from_records(outputs, np.array([fit], dtype=np.int64), [record])


def _number(value: float | None, kind: pa.DataType) -> float | int | None:
    if value is None or kind != pa.int64():
        return value
    return int(value) if np.isfinite(value) else None


def _words(values: Sequence[str | None]) -> pa.DictionaryArray:
    return (
        pa.array([None if v is None else str(v) for v in values])
        .cast(pa.string())
        .dictionary_encode()
        .cast(frame.WORDS)
    )


def _failure(record: FitRecord) -> dict[str, Any] | None:
    if record.failure is None:
        return None
    return {
        "reason": str(record.failure.reason),
        "message": record.failure.message,
        "traceback": record.failure.traceback,
        "worker": record.failure.worker,
        "attempts": record.failure.attempts,
    }


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)


def _offsets(sizes: Sequence[int]) -> pa.Array:
    edges = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=edges[1:])
    return pa.array(edges, pa.int32())


def _terms(outputs: Outputs, records: Sequence[FitRecord]) -> pa.ListArray:
    kind = frame.coefficient_type(outputs)
    found = [record.terms for record in records if record.terms is not None]
    arrays: list[pa.Array] = []
    for item in kind:
        match item.name:
            case "component" | "term":
                arrays.append(_words([w for t in found for w in getattr(t, item.name)]))
            case "dist":
                arrays.append(_words([t.dist or None for t in found for _ in t.term]))
            case "df":
                repeated = [np.full(len(t.term), np.nan if t.df is None else t.df) for t in found]
                arrays.append(pa.array(_joined(repeated), pa.float64(), from_pandas=True))
            case name:
                nothing = [t.columns.get(name, np.full(len(t.term), np.nan)) for t in found]
                arrays.append(pa.array(_joined(nothing), pa.float64()))
    values = pa.StructArray.from_arrays(arrays, fields=list(kind))
    sizes = [0 if record.terms is None else len(record.terms.term) for record in records]
    return pa.ListArray.from_arrays(_offsets(sizes), values, type=pa.list_(kind))


def _observations(outputs: Outputs, records: Sequence[FitRecord]) -> pa.ListArray:
    kind = frame.observation_type(outputs)
    found = [record.observations for record in records if record.observations is not None]
    rows = [o.row for o in found]
    arrays: list[pa.Array] = [
        pa.array(np.concatenate(rows) if rows else np.empty(0, np.int64), pa.int64())
    ]
    for name in outputs.observations:
        parts = [o.columns.get(name, np.full(len(o.row), np.nan)) for o in found]
        arrays.append(pa.array(_joined(parts), pa.float64()))
    values = pa.StructArray.from_arrays(arrays, fields=list(kind))
    sizes = [0 if r.observations is None else len(r.observations.row) for r in records]
    return pa.ListArray.from_arrays(_offsets(sizes), values, type=pa.list_(kind))
