"""The frame: finished fits as one Arrow record batch, one row per fit.

This is the one shape that results have from the worker's hands to the tables: it travels from
worker to runner, lies in the store and is taken apart only when the tables are written. What
belongs to a fit many times over (terms, observations) is a list column.
"""

from __future__ import annotations

import pyarrow as pa

from modelrun.plan.study import Outputs

WORDS = pa.dictionary(pa.int32(), pa.string())
"""Text with few distinct values."""

FIT_INTEGERS = frozenset({"nobs", "iterations"})
"""Statistics of a fit that are whole numbers."""

ALWAYS = (
    pa.field("fit", pa.int64()),
    pa.field("status", WORDS),
    pa.field("nobs", pa.int64()),
    pa.field("converged", pa.bool_()),
    pa.field("warnings", pa.string()),
    pa.field("separated", pa.bool_()),
    pa.field("rank_deficient", pa.bool_()),
    pa.field("numerics", WORDS),
    pa.field("engine", WORDS),
    pa.field("seconds", pa.float64()),
)
"""Columns that every frame has: `fit` is model * S + slice; status a FitStatus; numerics `gated`
(within the contract) or `unstable` (not reproducible to the contract's digits)."""

FAILURE = pa.struct(
    [
        pa.field("reason", pa.string()),
        pa.field("message", pa.string()),
        pa.field("traceback", pa.string()),
        pa.field("worker", pa.string()),
        pa.field("attempts", pa.int32()),
    ]
)
"""Why a fit failed or was skipped: a FailureReason or a SkipReason."""


def coefficient_type(outputs: Outputs) -> pa.StructType:
    """Return the type of one term: component, term, the asked columns, df and dist."""
    return pa.struct(
        [
            pa.field("component", WORDS),
            pa.field("term", WORDS),
            *(pa.field(name, pa.float64()) for name in outputs.coefficients),
            pa.field("df", pa.float64()),
            pa.field("dist", WORDS),
        ]
    )


def observation_type(outputs: Outputs) -> pa.StructType:
    """Return the type of one observation: its row in the data as read, then the asked columns."""
    return pa.struct(
        [
            pa.field("row", pa.int64()),
            *(pa.field(name, pa.float64()) for name in outputs.observations),
        ]
    )


def statistics(outputs: Outputs) -> tuple[str, ...]:
    """Return the asked statistics that are not columns of every frame anyway."""
    always = {field.name for field in ALWAYS}
    return tuple(name for name in outputs.fits if name not in always)


def schema(outputs: Outputs) -> pa.Schema:
    """Return the schema of a frame for these outputs."""
    return pa.schema(
        [
            *ALWAYS,
            *(
                pa.field(name, pa.int64() if name in FIT_INTEGERS else pa.float64())
                for name in statistics(outputs)
            ),
            pa.field("coefficients", pa.list_(coefficient_type(outputs))),
            pa.field("observations", pa.list_(observation_type(outputs))),
            pa.field("failure", FAILURE),
        ]
    )
