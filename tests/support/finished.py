"""Hand-made finished fits: frames in the published schema, and the study they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from modelrun.engines import frame
from modelrun.plan.slices import Slices
from modelrun.plan.study import ModelSpec, Outputs, PlannedModel, Study
from modelrun_api.spec import Model

COEFFICIENTS = ("estimate", "std_error", "p_value")
TERMS = ("Intercept", "mkt", "smb", "hml")
STATUSES = np.array(["succeeded", "notConverged", "failed", "skipped"])


def outputs(observations: tuple[str, ...] = ()) -> Outputs:
    return Outputs(COEFFICIENTS, ("nobs", "r_squared", "converged"), observations, 0.95)


def study(
    models: int = 2,
    groups: int = 3,
    windows: int = 5,
    replicates: int = 0,
    observations: tuple[str, ...] = (),
) -> Study:
    """A study of models x groups x windows x replicates fits, one row of data per window."""
    base = groups * windows
    months = np.tile(np.datetime64("2001-01") + np.arange(windows), groups)
    rows = np.arange(base)
    return Study(
        folder=Path("."),
        models=tuple(
            PlannedModel(
                f"model-{i}",
                ModelSpec.of(Model(name=f"model-{i}", estimator="OLS", formula="excess ~ mkt")),
                ("excess", "mkt"),
                "statsmodels",
                "",
                None,
                "",
            )
            for i in range(models)
        ),
        slices=Slices(rows, rows + 1, rows // windows, rows, rows, replicates),
        panel=pa.table({"date": pa.array(months.astype("datetime64[ns]"))}),
        groups=pa.table(
            {
                "portfolio": pa.array([f"P{i}" for i in range(groups)]),
                "size": pa.array(np.arange(groups) // 2),
            }
        ),
        window_column="date",
        min_rows=None,
        resample=None,
        outputs=outputs(observations),
        fit_timeout_seconds=10.0,
        code_folder=None,
        formula_engine="patsy",
    )


def keys(fits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys of fits: as good as random, the same every time."""
    mixed = (fits.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return mixed, mixed ^ (mixed >> np.uint64(29))


def status_of(fits: np.ndarray) -> np.ndarray:
    """Most fits succeed, a few of every other kind."""
    code = np.select([fits % 11 == 3, fits % 13 == 5, fits % 17 == 7], [1, 2, 3], 0)
    return STATUSES[code]


def finished(
    fits: np.ndarray,
    *,
    made: Outputs | None = None,
    status: np.ndarray | None = None,
    reason: str = "EstimatorError",
    shift: float = 0.0,
) -> pa.RecordBatch:
    """A frame of these fits; its numbers depend on the fit alone, plus `shift`."""
    made = made or outputs()
    n = len(fits)
    status = status_of(fits) if status is None else status
    whole = np.isin(status, ["succeeded", "notConverged"])
    terms = np.where(whole, 1 + fits % len(TERMS), 0)
    owner = np.repeat(fits, terms)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(terms) - terms, terms)
    noise = np.modf(np.sin(owner * 12.9898 + place * 78.233) * 43758.5453)[0]
    values = {name: noise * (k + 1) + shift for k, name in enumerate(made.coefficients)}
    values["p_value"] = np.where(owner % 19 == 4, np.nan, np.abs(noise))
    # The words come in another order in every frame, as they do from engines.
    words = list(np.roll(TERMS, int(fits[0]) if n else 0))
    term = np.array([words.index(TERMS[p]) for p in place], np.int32)
    kind = frame.coefficient_type(made)
    children = [
        _words(np.zeros(len(owner), np.int32), [""]),
        _words(term, words),
        *(pa.array(values[name]) for name in made.coefficients),
        pa.array(np.full(len(owner), 56.0)),
        _words(np.zeros(len(owner), np.int32), ["t"]),
    ]
    struct = pa.StructArray.from_arrays(children, fields=list(kind))
    seen = np.where(whole, 2 + fits % 3, 0) if made.observations else np.zeros(n, int)
    rows = np.arange(seen.sum(), dtype=np.int64) - np.repeat(np.cumsum(seen) - seen, seen)
    observed = [pa.array(rows)]
    observed += [pa.array(rows * 1.5 + np.repeat(fits, seen)) for _ in made.observations]
    failures = [
        None if s not in {"failed", "skipped"}
        else {
            "reason": reason if s == "failed" else "TooFewRows",
            "message": f"fit {f} went wrong",
            "traceback": "Traceback ...",
            "worker": "worker-1",
            "attempts": 1,
        }
        for f, s in zip(fits.tolist(), status.tolist(), strict=True)
    ]  # fmt: skip
    columns = {
        "fit": pa.array(fits.astype(np.int64)),
        "status": pa.array(status.tolist(), pa.string()).dictionary_encode(),
        "nobs": pa.array(60 + fits),
        "converged": pa.array(status == "succeeded"),
        "warnings": pa.array([None if f % 5 else "careful" for f in fits.tolist()], pa.string()),
        "separated": pa.nulls(n, pa.bool_()),
        "rank_deficient": pa.array(np.zeros(n, bool)),
        "numerics": _words(np.zeros(n, np.int32), ["gated"]),
        "engine": _words(np.zeros(n, np.int32), ["statsmodels"]),
        "seconds": pa.array(fits / 1000.0),
        "r_squared": pa.array(np.modf(fits * 0.37)[0] + shift),
        "coefficients": pa.ListArray.from_arrays(_offsets(terms), struct),
        "observations": pa.ListArray.from_arrays(
            _offsets(seen),
            pa.StructArray.from_arrays(observed, fields=list(frame.observation_type(made))),
        ),
        "failure": pa.array(failures, frame.FAILURE),
    }
    schema = frame.schema(made)
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _words(codes: np.ndarray, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words))


def _offsets(lengths: np.ndarray) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
