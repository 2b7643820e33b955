"""Certified values of the NIST StRD reference datasets for linear least squares regression."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from engines.handmade import columns_of, rows_of, study_of
from modelrun.engines.batched import available
from modelrun.engines.batched_engine import BatchedEngine

LONGLEY = {
    "Intercept": (-3482258.63459582, 890420.383607373),
    "GNPDEFL": (15.0618722713733, 84.9149257747669),
    "GNP": (-0.358191792925910e-01, 0.334910077722432e-01),
    "UNEMP": (-2.02022980381683, 0.488399681651699),
    "ARMED": (-1.03322686717359, 0.214274163161675),
    "POP": (-0.511041056535807e-01, 0.226073200069370),
    "YEAR": (1829.15146461355, 455.478499142212),
}
"""Estimates and standard deviations of estimates, in the units of the data."""


def digits(ours: np.ndarray, certified: np.ndarray) -> float:
    """The log relative error: how many digits agree."""
    return float(-np.log10(np.max(np.abs(ours - certified) / np.abs(certified)) + 1e-16))


@pytest.mark.parametrize("engine", ["statsmodels", "batched"])
def test_longley(engine: str) -> None:
    if engine == "batched" and not available():
        pytest.skip("the kernels were not compiled")
    data = sm.datasets.longley.load_pandas().data
    study = study_of(
        data,
        {"name": "m", "estimator": "OLS", "formula": "TOTEMP ~ " + " + ".join(list(LONGLEY)[1:])},
        whole=True,
    )
    (row,) = rows_of(study, engine=BatchedEngine() if engine == "batched" else None)
    columns = columns_of(row)
    certified = np.array(list(LONGLEY.values()))
    assert digits(columns["estimate"], certified[:, 0]) > 7
    assert digits(columns["std_error"], certified[:, 1]) > 7
    assert row["r_squared"] == pytest.approx(0.995479004577296, abs=1e-10)
    assert row["sigma"] == pytest.approx(304.854073561965, rel=1e-8)


@pytest.mark.parametrize("engine", ["statsmodels", "batched"])
def test_wampler_five(engine: str) -> None:
    if engine == "batched" and not available():
        pytest.skip("the kernels were not compiled")
    x = np.arange(21.0)
    noise = [759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048,
             -2048, 1838, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 759]  # fmt: skip
    data = pd.DataFrame({"x": x, "y": sum(x**k for k in range(6)) + np.array(noise, float)})
    formula = "y ~ x + I(x ** 2) + I(x ** 3) + I(x ** 4) + I(x ** 5)"
    study = study_of(data, {"name": "m", "estimator": "OLS", "formula": formula}, whole=True)
    (row,) = rows_of(study, engine=BatchedEngine() if engine == "batched" else None)
    # The noise is orthogonal to the polynomials: the certified estimates are exactly one.
    assert digits(columns_of(row)["estimate"], np.ones(6)) > 5
