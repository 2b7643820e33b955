"""How long it takes to store, find and assemble half a million fits; prints, asserts nothing.

python tests/results/assembly_speed.py [FITS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from modelrun.results.assemble import assemble
from modelrun.store.store import Store
from modelrun_api.spec import Adjust, Results
from support.finished import finished, keys, study

GROUPS, TASK = 500, 500


@contextmanager
def timed(what: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:<40}{wall:8.2f} s{cpu:8.2f} s of CPU")


def main(fits: int = 500_000) -> None:
    the_study = study(models=1, groups=GROUPS, windows=fits // GROUPS)
    hi, lo = keys(np.arange(fits))
    every = Results(coefficients=["estimate", "std_error", "p_value"])
    adjusted = Results(coefficients=[*every.coefficients, "p_adjusted"], adjust=Adjust())
    with tempfile.TemporaryDirectory() as folder:
        frames = [finished(np.arange(first, first + TASK)) for first in range(0, fits, TASK)]
        with Store.open(folder, study_name="speed") as store:
            with timed(f"append {len(frames):,} frames"):
                for number, frame in enumerate(frames):
                    rows = slice(number * TASK, (number + 1) * TASK)
                    store.append(frame, hi[rows], lo[rows])
            del frames
        with timed(f"open {fits:,} stored fits"):
            store = Store.open(folder, study_name="speed")
        with store:
            with timed("look them all up"):
                positions = store.lookup(hi, lo)
            for what, results in (("tables", every), ("tables with adjusted p-values", adjusted)):
                with timed(what):
                    done = assemble(the_study, hi, lo, store, positions, results)
    print(", ".join(f"{name}: {rows:,} rows" for name, rows in done.rows.items()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory, hand-made frames included: {peak:,.0f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
