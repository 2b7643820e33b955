import subprocess
import sys
from pathlib import Path

ASSEMBLE = """
import sys
sys.path.insert(0, sys.argv[1])
import modelrun.results.assemble, modelrun.results.run_json, modelrun.results.summary
import numpy as np
from support.runs import run
run(sys.argv[2])
from modelrun.results.summary import summarise
summarise(sys.argv[2])
assert not {"pandas", "statsmodels", "matplotlib"} & set(sys.modules)
import pandas as pd, pyarrow as pa
assert pa.array(pd.Series([1.0, np.nan])).null_count == 1
assert isinstance(pa.table({"x": [1, 2]}).to_pandas(), pd.DataFrame)
"""


def test_results_are_assembled_without_pandas_and_pandas_works_afterwards(tmp_path) -> None:
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", ASSEMBLE, tests, str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
