"""`fit: {method: exact}`: quantile regression to its optimum, against the linear program itself."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from engines.handmade import columns_of, frame_of, rows_of, study_of
from modelrun.engines import contract, naive, preflight
from modelrun.engines.batched import available, bootstrap, gate, quantreg
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.distinct import distinct
from modelrun.engines.batched_engine import BatchedEngine
from modelrun.errors import UserMistake
from modelrun.plan import resample
from modelrun_api.spec import Model, Resample

pytestmark = pytest.mark.filterwarnings("ignore")
compiled = pytest.mark.skipif(not available(), reason="the kernels were not compiled")

GAP = 1e-10
"""How far above the optimum the loss may be, as a share of it."""

FITS = ("nobs", "df_model", "df_residual", "pseudo_r_squared", "iterations", "converged")


def loss(y: np.ndarray, x: np.ndarray, b: np.ndarray, q: float) -> float:
    e = y - x @ b
    return float(np.where(e >= 0, q * e, (q - 1) * e).sum())


def optimum(y: np.ndarray, x: np.ndarray, q: float) -> float:
    """The least loss, by the primal linear program: y = X (b+ - b-) + u - v.

    On an orthonormal basis and residuals of least squares, which have the same least loss: the
    solver's tolerances are absolute.
    """
    n, p = x.shape
    basis = np.linalg.qr(x)[0]
    rest = y - basis @ (basis.T @ y)
    rest -= basis @ (basis.T @ rest)
    unit = np.abs(rest).mean()
    cost = np.concatenate([np.zeros(2 * p), np.full(n, q), np.full(n, 1 - q)])
    equations = np.hstack([basis, -basis, np.eye(n), -np.eye(n)])
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(cost, A_eq=equations, b_eq=rest / unit, method="highs", options=tight)
    assert found.success
    return float(found.fun * unit)


def spec(q: float = 0.4, **fit: Any) -> dict[str, Any]:
    return {
        "name": "m",
        "estimator": "QuantReg",
        "formula": "y ~ a + b",
        "fit": {"q": q, "method": "exact", **fit},
    }


@compiled
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(9, 150),
    p=st.integers(1, 6),
    q=st.sampled_from([0.02, 0.1, 0.25, 0.5, 0.77, 0.95]),
    unit=st.sampled_from([1e-7, 1.0, 1e8]),
    level=st.sampled_from([0.0, 1e3]),
    ties=st.booleans(),
)
def test_the_loss_is_the_least_loss(
    seed: int, n: int, p: int, q: float, unit: float, level: float, ties: bool
) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1)) * unit + level])
    y = x @ rng.normal(size=p) + rng.standard_t(2, size=n)
    if ties:
        x[:, 1:] = np.round(rng.normal(size=(n, p - 1)) * 2)
        y = np.round(x.sum(axis=1) + rng.normal(size=n))
    fits = quantreg.fit(Columns.of_matrix(x), y, [0], [n], q=q, exact=True)
    if fits.status[0] != gate.Status.OK:
        assert gate.hand_over(fits.reasons).all()  # collinear, or fitted perfectly
        return
    least = optimum(y, x, q)
    ours = loss(y, x, fits.coefficients.params[0], q)
    rounding = n * np.finfo(float).eps * (np.abs(x) @ np.abs(fits.coefficients.params[0])).max()
    assert ours - least <= GAP * least + 4 * rounding


@compiled
@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
def test_replicates_by_counts_have_the_least_loss_of_the_drawn_rows(q: float) -> None:
    rng = np.random.default_rng(4)
    n = 90
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    y = x.sum(axis=1) + rng.standard_t(3, size=n)
    again = rng.integers(0, 60, n)  # rows of the slice that repeat themselves
    keep = np.arange(n) % 7 != 2
    plan = Resample(method="pairs", replicates=6, seed=9)
    for of in (np.arange(n), again):
        slice_ = distinct(Columns.of_matrix(x[of]), y[of], 0, n, keep=keep)
        fits = bootstrap.quantile(slice_, bootstrap.Draws(plan.seed, np.arange(6)), q=q, exact=True)
        assert not gate.hand_over(fits.reasons).any()
        for replicate in range(6):
            rows = resample.rows(plan, n, replicate)
            rows = of[rows[keep[rows]]]
            least = optimum(y[rows], x[rows], q)
            ours = loss(y[rows], x[rows], fits.coefficients.params[replicate], q)
            assert ours - least <= GAP * least
            assert fits.statistic("nobs")[replicate] == len(rows)


@compiled
def test_both_ways_to_the_optimum_give_one_table() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(12, 80, 30)
    group = np.repeat(np.arange(30), sizes)
    data = pd.DataFrame({"g": group, "a": rng.normal(size=len(group))})
    data["b"] = rng.normal(size=len(group)) * 1e4
    data["y"] = 1 + data.a + rng.normal(size=len(group))
    data.loc[rng.uniform(size=len(group)) < 0.1, "a"] = np.nan
    data.loc[data.g == 3, "b"] = 2 * data.a
    data.loc[data.g == 4, "y"] = data.a
    for q in (0.1, 0.5, 0.9):
        study = study_of(
            data, spec(q), by="g", whole=True, fits=FITS, observations=("fitted", "resid")
        )
        ours, theirs = frame_of(study, engine=BatchedEngine()), frame_of(study)
        assert contract.compare(ours, theirs).violations == ()
        engines = ours.column("engine").to_pylist()
        assert engines[3] == engines[4] == "statsmodels"
        assert engines.count("batched") > 20


@compiled
@pytest.mark.parametrize("vcov", ["robust", "iid"])
@pytest.mark.parametrize("kernel", ["epa", "gau"])
def test_errors_are_those_of_statsmodels_at_the_optimum(vcov: str, kernel: str) -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
    data["y"] = data.a + rng.standard_t(3, size=90)
    study = study_of(data, spec(0.3, vcov=vcov, kernel=kernel), whole=True, fits=FITS)
    ours, theirs = (
        columns_of(rows_of(study, engine=engine)[0]) for engine in (BatchedEngine(), None)
    )
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-8)
    reference = naive.fit(study, study.models[0], 0)
    np.testing.assert_allclose(ours["std_error"], reference.bse, rtol=1e-8)


@compiled
def test_several_optima_are_not_decided_by_rounding() -> None:
    """Ten rows, the median of each half: every plane between two of them is as good."""
    x = np.column_stack([np.ones(10), np.repeat([0.0, 1.0], 5)])[:8]
    y = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 9.0])
    even = quantreg.fit(Columns.of_matrix(x), y, [1], [7], q=0.5, exact=True)
    assert gate.hand_over(even.reasons).all()
    assert loss(y[1:7], x[1:7], even.coefficients.params[0], 0.5) == pytest.approx(
        optimum(y[1:7], x[1:7], 0.5), abs=1e-12
    )


def test_it_is_never_taken_unless_a_file_names_it() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    data["y"] = data.a + rng.standard_t(2, size=60)
    exact = study_of(data, spec(0.5), whole=True, fits=FITS)
    plain = spec(0.5)
    del plain["fit"]["method"]
    usual = study_of(data, plain, whole=True, fits=FITS)
    (optimal,), (iterated,) = rows_of(exact), rows_of(usual)
    x = np.column_stack([np.ones(60), data.a, data.b])
    losses = [
        loss(data.y.to_numpy(), x, columns_of(row)["estimate"], 0.5) for row in (optimal, iterated)
    ]
    assert losses[0] < losses[1]
    assert optimal["iterations"] is None
    assert iterated["iterations"] > 1


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        ({"method": "br"}, "QuantReg has no method 'br': write method: exact"),
        ({"method": "exact", "max_iter": 50}, "max_iter belongs to statsmodels' iteration"),
    ],
)
def test_other_words_are_refused(fit: dict[str, Any], message: str) -> None:
    model = Model.model_validate(
        {"name": "m", "estimator": "QuantReg", "formula": "y ~ a", "fit": fit}
    )
    with pytest.raises(UserMistake, match=message):
        preflight.check(model, field="spec.models[0]")
