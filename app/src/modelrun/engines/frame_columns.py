"""From the columns of many fits to an Arrow frame, without a loop over fits.

This is the door of the batched engine: its fits come as whole arrays. See frame_builder.py for
fits made one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.engines import frame
from modelrun.plan.study import Outputs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]


@dataclass(slots=True)
class Columns:
    """Finished fits of one model in columns: n fits of the same k terms."""

    fits: Ints
    """Numbers of the fits, shape (n,)."""

    status: tuple[Codes, Sequence[str]]
    """Codes of shape (n,) and the words they stand for."""

    nobs: Ints
    converged: Bools
    seconds: Floats
    numerics: tuple[Codes, Sequence[str]]
    engine: tuple[Codes, Sequence[str]]
    terms: Sequence[str]
    """The k names."""

    coefficients: Mapping[str, Floats]
    """The asked columns, each of shape (n, k)."""

    df: Floats
    """Shape (n,); NaN where statistics are normal."""

    dist: str
    has_terms: Bools
    """Fits with coefficients, shape (n,); the others failed or were skipped."""

    statistics: Mapping[str, Floats]
    """The asked statistics, each of shape (n,); NaN stays NaN."""

    separated: Bools | None = None
    rank_deficient: Bools | None = None
    warnings: Sequence[str | None] | None = None
    failures: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """Reason and message of single fits by their position."""

    observations: tuple[Ints, Ints, Mapping[str, Floats]] | None = None
    """Sizes per fit of shape (n,), rows, and the asked columns, where any was asked for."""


def from_columns(outputs: Outputs, given: Columns) -> pa.RecordBatch:
    """Return the frame of fits that were made all at once, without a loop over them."""
    n = len(given.fits)
    schema = frame.schema(outputs)
    missing = ~given.has_terms
    columns: dict[str, pa.Array] = {
        "fit": arrays.from_numpy(given.fits),
        "status": _coded(*given.status),
        "nobs": arrays.from_numpy(given.nobs),
        "converged": arrays.from_numpy(given.converged, missing=missing),
        "warnings": pa.nulls(n, pa.string())
        if given.warnings is None
        else arrays.strings(given.warnings),
        "separated": _flags(given.separated, missing),
        "rank_deficient": _flags(given.rank_deficient, missing),
        "numerics": _coded(*given.numerics),
        "engine": _coded(*given.engine),
        "seconds": arrays.from_numpy(given.seconds),
    }
    for name in frame.statistics(outputs):
        kind = schema.field(name).type
        values = given.statistics.get(name)
        if values is None:
            columns[name] = pa.nulls(n, kind)
        else:
            absent = missing
            if kind == pa.int64():
                absent = missing | ~np.isfinite(values)
                values = np.where(absent, 0, values).astype(np.int64)
            columns[name] = arrays.from_numpy(values, missing=absent)
    columns["coefficients"] = _coefficient_lists(outputs, given)
    columns["observations"] = _observation_lists(outputs, given)
    columns["failure"] = _failure_column(given)
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _coded(codes: Codes, words: Sequence[str]) -> pa.DictionaryArray:
    """Return coded words; a negative code is null."""
    absent = codes < 0
    indices = arrays.from_numpy(np.where(absent, 0, codes).astype(np.int32), missing=absent)
    return pa.DictionaryArray.from_arrays(indices, arrays.strings(words))


def _flags(values: Bools | None, missing: Bools) -> pa.Array:
    if values is None:
        return pa.nulls(len(missing), pa.bool_())
    return arrays.from_numpy(values, missing=missing)


def _offsets(sizes: Ints) -> pa.Array:
    edges = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=edges[1:])
    return arrays.from_numpy(edges)


def _coefficient_lists(outputs: Outputs, given: Columns) -> pa.ListArray:
    kind = frame.coefficient_type(outputs)
    k = len(given.terms)
    there = given.has_terms
    count = int(there.sum())
    codes = np.tile(np.arange(k, dtype=np.int32), count)
    same = np.zeros(count * k, np.int32)
    parts: list[pa.Array] = []
    for item in kind:
        match item.name:
            case "component":
                parts.append(_coded(same, [""]))
            case "term":
                parts.append(_coded(codes, given.terms))
            case "dist":
                parts.append(_coded(same, [given.dist]))
            case "df":
                df = np.repeat(given.df[there], k)
                parts.append(arrays.from_numpy(df, missing=np.isnan(df)))
            case name:
                values = given.coefficients[name]
                kept = values if count == len(there) else values[there]
                parts.append(arrays.from_numpy(np.ascontiguousarray(kept).reshape(-1)))
    values = pa.StructArray.from_arrays(parts, fields=list(kind))
    sizes = np.where(there, k, 0).astype(np.int64)
    return pa.ListArray.from_arrays(_offsets(sizes), values, type=pa.list_(kind))


def _observation_lists(outputs: Outputs, given: Columns) -> pa.ListArray:
    kind = frame.observation_type(outputs)
    sizes = np.zeros(len(given.fits), np.int64)
    rows = np.empty(0, np.int64)
    columns: Mapping[str, Floats] = {}
    if given.observations is not None:
        sizes, rows, columns = given.observations
    parts = [arrays.from_numpy(rows)]
    nothing = np.full(len(rows), np.nan)
    parts += [arrays.from_numpy(columns.get(name, nothing)) for name in outputs.observations]
    values = pa.StructArray.from_arrays(parts, fields=list(kind))
    return pa.ListArray.from_arrays(_offsets(sizes), values, type=pa.list_(kind))


def _failure_column(given: Columns) -> pa.StructArray:
    n = len(given.fits)
    if not given.failures:
        return pa.nulls(n, frame.FAILURE)
    reason: list[str | None] = [None] * n
    message: list[str | None] = [None] * n
    absent = np.ones(n, np.bool_)
    for position, (why, text) in given.failures.items():
        reason[position], message[position], absent[position] = why, text, False
    return pa.StructArray.from_arrays(
        [
            arrays.strings(reason),
            arrays.strings(message),
            pa.nulls(n, pa.string()),
            pa.nulls(n, pa.string()),
            arrays.from_numpy(np.ones(n, np.int32), missing=absent),
        ],
        fields=list(frame.FAILURE),
        mask=arrays.from_numpy(absent),
    )
