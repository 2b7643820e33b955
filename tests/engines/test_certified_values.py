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


NORRIS = """0.1 0.2 338.8 337.4 118.1 118.2 888.0 884.6 9.2 10.1 228.1 226.5 668.5 666.3 998.5 996.3
449.1 448.6 778.9 777.0 559.2 558.2 0.3 0.4 0.1 0.6 778.1 775.5 668.8 666.9 339.3 338.0 448.9 447.5
10.8 11.6 557.7 556.0 228.3 228.1 998.0 995.8 888.8 887.6 119.6 120.2 0.3 0.3 0.6 0.3 557.6 556.8
339.3 339.1 888.0 887.2 998.5 999.0 778.9 779.0 10.2 11.1 117.6 118.3 228.9 229.2 668.4 669.1
449.2 448.9 0.2 0.5"""
"""Pairs of y and x: 36 observations of lower difficulty."""


def kind_of(engine: str) -> BatchedEngine | None:
    if engine == "batched" and not available():
        pytest.skip("the kernels were not compiled")
    return BatchedEngine() if engine == "batched" else None


@pytest.mark.parametrize("engine", ["statsmodels", "batched"])
def test_norris(engine: str) -> None:
    pairs = np.array(NORRIS.split(), dtype=float).reshape(-1, 2)
    data = pd.DataFrame({"y": pairs[:, 0], "x": pairs[:, 1]})
    study = study_of(data, {"name": "m", "estimator": "OLS", "formula": "y ~ x"}, whole=True)
    (row,) = rows_of(study, engine=kind_of(engine))
    columns = columns_of(row)
    assert digits(columns["estimate"], np.array([-0.262323073774029, 1.00211681802045])) > 11
    assert digits(columns["std_error"], np.array([0.232818234301152, 0.429796848199937e-03])) > 11
    assert row["sigma"] == pytest.approx(0.884796396144373, rel=1e-11)
    assert row["r_squared"] == pytest.approx(0.999993745883712, abs=1e-12)
    assert row["f_statistic"] == pytest.approx(5436385.54079785, rel=1e-10)


@pytest.mark.parametrize("engine", ["statsmodels", "batched"])
def test_no_intercept_one(engine: str) -> None:
    x = np.arange(60.0, 71.0)
    data = pd.DataFrame({"y": np.arange(130.0, 141.0), "x": x})
    study = study_of(data, {"name": "m", "estimator": "OLS", "formula": "y ~ x - 1"}, whole=True)
    (row,) = rows_of(study, engine=kind_of(engine))
    columns = columns_of(row)
    assert digits(columns["estimate"], np.array([2.07438016528926])) > 13
    assert digits(columns["std_error"], np.array([0.165289256198347e-01])) > 11
    assert row["sigma"] == pytest.approx(3.56753034006338, rel=1e-11)
    assert row["r_squared"] == pytest.approx(0.999365492298663, abs=1e-12)
    assert row["df_residual"] == 10


@pytest.mark.parametrize("engine", ["statsmodels", "batched"])
def test_no_intercept_two(engine: str) -> None:
    data = pd.DataFrame({"y": [3.0, 4.0, 4.0], "x": [4.0, 5.0, 6.0]})
    study = study_of(data, {"name": "m", "estimator": "OLS", "formula": "y ~ x - 1"}, whole=True)
    (row,) = rows_of(study, engine=kind_of(engine))
    columns = columns_of(row)
    assert digits(columns["estimate"], np.array([0.727272727272727])) > 13
    assert digits(columns["std_error"], np.array([0.420827318078432e-01])) > 12
    assert row["sigma"] == pytest.approx(0.369274472937998, rel=1e-12)


WAMPLER = {
    # what is added to the polynomial, and the certified standard deviations of the estimates
    1: (1.0, 0.0),
    2: (0.1, 0.0),
}


@pytest.mark.parametrize("engine", ["statsmodels", "batched"])
@pytest.mark.parametrize("number", WAMPLER)
def test_wampler_one_and_two_are_fitted_perfectly(number: int, engine: str) -> None:
    """Their certified residuals are zero, so the engines hand over and errors are rounding."""
    base = WAMPLER[number][0]
    x = np.arange(21.0)
    data = pd.DataFrame({"x": x, "y": sum((base * x) ** k for k in range(6))})
    formula = "y ~ x + I(x ** 2) + I(x ** 3) + I(x ** 4) + I(x ** 5)"
    study = study_of(data, {"name": "m", "estimator": "OLS", "formula": formula}, whole=True)
    (row,) = rows_of(study, engine=kind_of(engine))
    certified = np.array([base**k for k in range(6)])
    assert digits(columns_of(row)["estimate"], certified) > 5
    assert row["r_squared"] == pytest.approx(1.0, abs=1e-12)
    assert row["numerics"] == "unstable"
