"""A finished run on disk, for whatever reads one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modelrun.results.assemble import assemble
from modelrun.results.run_json import bundle, write
from modelrun.store.store import Store
from modelrun_api.spec import Adjust, Results
from support.finished import finished, keys, study

RESULTS = Results(coefficients=["estimate", "std_error", "p_value", "p_adjusted"], adjust=Adjust())


def run(folder: str | Path, *, shift: float = 0.0, leave_out: int = 0, windows: int = 5) -> str:
    """Write the results of a run of two models on three groups and some windows."""
    fits = np.arange(6 * windows)
    kept = fits[: len(fits) - leave_out]
    hi, lo = keys(fits)
    the_study = study(windows=windows)
    with Store.open(str(folder), study_name="hand-made") as store:
        store.append(finished(kept, shift=shift), hi[kept], lo[kept])
        positions = store.lookup(hi, lo)
        done = assemble(
            the_study, hi, lo, store, positions, RESULTS, file="hand-made.yaml",
            complete=not leave_out,
        )  # fmt: skip
        document = bundle(
            study="hand-made",
            spec={"data": {"dataset": "french"}, "models": [{"name": "model-0"}]},
            counts=done.counts,
            data={"fingerprint": "0123", "rows": 15},
            seconds={"reading": 0.25, "fitting": 1.5},
            started="2026-01-01T00:00:00Z",
            finished="2026-01-01T00:00:02Z",
            formula_engine="patsy",
            backend={"name": "serial", "workers": 1},
            environment={"OMP_NUM_THREADS": "1"},
            audit={"sentence": "An audit refitted 300 fits and found no violation."},
        )
        write(store.place, document)
    return str(folder)
