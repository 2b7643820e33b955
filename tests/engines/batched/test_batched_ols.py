"""OLS and WLS over many slices against statsmodels, by the gated contract."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelrun.engines.batched import gate, ols
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import HAC, HC, Cluster, Covariance, FixedScale, Nonrobust


def _reference(
    y: Any, x: Any, covariance: Covariance, rows: Any, weights: Any = None, use_t: Any = None
) -> Any:
    model = sm.OLS(y[rows], x[rows]) if weights is None else sm.WLS(y[rows], x[rows], weights[rows])
    match covariance:
        case Nonrobust():
            return model.fit(use_t=use_t)
        case FixedScale(scale):
            return model.fit(cov_type="fixed scale", cov_kwds={"scale": scale}, use_t=use_t)
        case HC(kind):
            return model.fit(cov_type=kind, use_t=use_t)
        case HAC(maxlags, kernel, use_correction):
            words = {"maxlags": maxlags, "kernel": kernel, "use_correction": use_correction}
            return model.fit(cov_type="HAC", cov_kwds=words, use_t=use_t)
        case Cluster():
            words = {
                "groups": covariance.groups[rows].astype(int),
                "use_correction": covariance.use_correction,
                "df_correction": covariance.df_correction,
            }
            return model.fit(cov_type="cluster", cov_kwds=words, use_t=use_t)


def _panel(seed: int, lengths: list[int], p: int) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    y = x @ rng.normal(size=p) + rng.standard_t(5, size=n)
    stops = np.cumsum(lengths)
    return x, y, stops - lengths, stops


def _covariances(groups: Any) -> list[Covariance]:
    return [
        Nonrobust(),
        FixedScale(2.5),
        *(HC(kind) for kind in ("HC0", "HC1", "HC2", "HC3")),
        HAC(6),
        HAC(3, use_correction=True),
        HAC(None),
        HAC(2, kernel="uniform"),
        Cluster.coded(groups),
        Cluster.coded(groups, use_correction=False, df_correction=False),
    ]


@pytest.mark.parametrize("which", range(12))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("use_t", [None, True])
def test_every_covariance_meets_the_contract_on_ragged_slices(
    linear_contract: Any, which: int, weighted: bool, use_t: bool | None
) -> None:
    lengths = [40, 41, 17, 250, 63, 8]
    x, y, starts, stops = _panel(which, lengths, 4)
    rng = np.random.default_rng(7)
    covariance = _covariances(rng.integers(0, 12, len(y)))[which]
    weights = rng.uniform(0.5, 3, len(y)) if weighted else None
    keep = rng.random(len(y)) > 0.1
    fits = ols.fit(
        Columns.of_matrix(x), y, starts, stops,
        weights=weights, keep=keep, covariance=covariance, use_t=use_t,
    )  # fmt: skip
    assert (fits.status == gate.Status.OK).all()
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        rows = np.flatnonzero(keep[start:stop]) + start
        reference = _reference(y, x, covariance, rows, weights, use_t)
        wald = bool(fits.reasons[index] & gate.Reason.WALD)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            linear_contract(fits, index, reference, f_test=not wald)
    assert not gate.hand_over(fits.reasons, wald=False).any()


def test_residuals_and_fitted_values_line_up_with_the_rows(linear_contract: Any) -> None:
    x, y, _, _ = _panel(3, [57], 3)
    weights = np.random.default_rng(1).uniform(0.1, 9, 57)
    keep = np.arange(57) % 7 != 3
    fits = ols.fit(
        Columns.of_matrix(x), y, [0], [57],
        weights=weights, keep=keep, want_fitted=True, want_resid=True,
    )  # fmt: skip
    assert np.isnan(fits.resid[~keep]).all()
    linear_contract(fits, 0, _reference(y, x, Nonrobust(), np.flatnonzero(keep), weights))


def test_the_covariance_matrix_is_the_whole_matrix() -> None:
    x, y, _, _ = _panel(4, [90], 5)
    for covariance in (Nonrobust(), HC("HC3"), HAC(4)):
        fits = ols.fit(Columns.of_matrix(x), y, [0], [90], covariance=covariance, want_cov=True)
        reference = _reference(y, x, covariance, np.arange(90))
        np.testing.assert_allclose(fits.cov[0], reference.cov_params(), rtol=1e-9, atol=1e-14)


def test_a_long_slice_with_many_columns_meets_the_contract(linear_contract: Any) -> None:
    x, y, starts, stops = _panel(5, [1000], 21)
    for covariance in (Nonrobust(), HC("HC3"), HAC(6)):
        fits = ols.fit(Columns.of_matrix(x), y, starts, stops, covariance=covariance)
        linear_contract(fits, 0, _reference(y, x, covariance, np.arange(1000)))


def test_the_constant_is_found_as_statsmodels_finds_it(linear_contract: Any) -> None:
    rng = np.random.default_rng(6)
    n = 60
    dummies = np.eye(3)[rng.integers(0, 3, n)]
    wave = rng.normal(size=n)
    y = rng.normal(size=n) + 3
    designs = {
        "explicit, not one": np.column_stack([wave, np.full(n, 2.5)]),
        "implicit, all dummies": np.column_stack([dummies, wave]),
        "none": np.column_stack([wave, wave**2]),
    }
    for name, x in designs.items():
        for covariance in (Nonrobust(), HC("HC1")):
            fits = ols.fit(Columns.of_matrix(x), y, [0], [n], covariance=covariance)
            assert not gate.hand_over(fits.reasons).any(), name
            linear_contract(fits, 0, _reference(y, x, covariance, np.arange(n)))


def test_collinear_short_and_infinite_slices_are_classes_not_numbers() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=30)
    columns = Columns.of([None, x, np.r_[2 * x[:10] + 1, rng.normal(size=20)]])
    y = rng.normal(size=30)
    y[25] = np.inf
    fits = ols.fit(columns, y, [0, 10, 10, 10, 20], [10, 20, 12, 10, 30])
    assert list(fits.status) == [
        gate.Status.RANK_DEFICIENT,
        gate.Status.OK,
        gate.Status.TOO_SHORT,
        gate.Status.TOO_SHORT,
        gate.Status.NON_FINITE,
    ]
    assert list(gate.hand_over(fits.reasons)) == [True, False, True, True, True]
    assert np.isnan(fits.coefficients.params[[0, 2, 3, 4]]).all()
    assert gate.names(int(fits.reasons[0])) == ("Collinear",)


def test_what_statsmodels_itself_cannot_settle_is_handed_over() -> None:
    rng = np.random.default_rng(9)
    n = 50
    x = rng.normal(size=n)
    single = np.zeros(n)
    single[4] = 1
    noise = rng.normal(size=n)
    gdp = rng.uniform(1e13, 2e13, n)
    cases = {
        "perfect fit": ([None, x], 1 + 2 * x, Nonrobust(), "IllConditioned"),
        "constant response": ([None, x], np.full(n, 3.0), Nonrobust(), "IllConditioned"),
        "leverage one": ([None, x, single], noise, HC("HC3"), "LeverageOne"),
        "scale": ([None, gdp, gdp**2], noise, Nonrobust(), "ScaleTruncated"),
        "nearly collinear": ([None, x, x + 1e-9 * noise], noise, Nonrobust(), "IllConditioned"),
        "no degrees of freedom": ([None, x], noise, Nonrobust(), "TooShort"),
        "one cluster": ([None, x], noise, Cluster.coded(np.zeros(n)), "TooFewClusters"),
    }
    for name, (columns, y, covariance, reason) in cases.items():
        stop = 2 if name == "no degrees of freedom" else n
        fits = ols.fit(Columns.of(columns), y, [0], [stop], covariance=covariance)
        assert gate.hand_over(fits.reasons).all(), name
        assert reason in gate.names(int(fits.reasons[0])), name


def test_longley_has_more_certified_digits_than_statsmodels() -> None:
    data = sm.datasets.longley.load_pandas()
    x = np.column_stack([np.ones(16), data.exog.to_numpy(float)])
    y = data.endog.to_numpy(float)
    certified = np.array([
        -3482258.63459582, 15.0618722713733, -0.358191792925910e-01, -2.02022980381683,
        -1.03322686717359, -0.511041056535807e-01, 1829.15146461355,
    ])  # fmt: skip
    errors = np.array([
        890420.383607373, 84.9149257747669, 0.334910077722432e-01, 0.488399681651699,
        0.214274163161675, 0.226073200069370, 455.478499142212,
    ])  # fmt: skip
    fits = ols.fit(Columns.of_matrix(x), y, [0], [16])
    ours = np.abs(fits.coefficients.params[0] / certified - 1).max()
    theirs = np.abs(sm.OLS(y, x).fit().params / certified - 1).max()
    assert ours < 1e-11
    assert ours <= theirs
    np.testing.assert_allclose(fits.coefficients.bse[0], errors, rtol=1e-11)
    np.testing.assert_allclose(fits.statistic("sigma")[0], 304.854073561965, rtol=1e-12)


def test_wampler_polynomials_have_their_certified_coefficients() -> None:
    t = np.arange(21.0)
    x = [None, *(t**k for k in range(1, 6))]
    delta = np.array([
        759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048, -2048, 1838, -2048,
        2048, -2048, 2523, -2048, 2048, -2048, 759,
    ])  # fmt: skip
    one = sum(t**k for k in range(6))
    two = sum((0.1 * t) ** k for k in range(6))
    for y, b, tolerance in (
        (one, np.ones(6), 1e-9),
        (two, 10.0 ** -np.arange(6), 1e-9),
        (one + delta, np.ones(6), 1e-8),
        (one + 100 * delta, np.ones(6), 1e-6),
    ):
        fits = ols.fit(Columns.of(x), y, [0], [21])
        np.testing.assert_allclose(fits.coefficients.params[0], b, rtol=tolerance)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(4, 60),
    p=st.integers(1, 6),
    scale=st.sampled_from([1e-150, 1e-6, 1.0, 1e5, 1e120]),
    nearly=st.sampled_from([0.0, 1e-4, 1e-7, 1e-12]),
    which=st.integers(0, 11),
    weighted=st.booleans(),
)
@example(seed=7280, n=37, p=3, scale=1e-6, nearly=1e-4, which=7, weighted=False)
def test_any_design_meets_the_contract_or_is_handed_over(
    linear_contract: Any, seed: int, n: int, p: int, scale: float, nearly: float, which: int,
    weighted: bool,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * np.exp(rng.normal(size=p))
    if seed % 3:
        x[:, 0] = 1.0
    if nearly and p > 2:
        x[:, 2] = x[:, 1] + nearly * x[:, 2]
    y = (x @ rng.normal(size=p) + rng.normal(size=n)) * scale
    weights = np.exp(rng.normal(size=n)) if weighted else None
    groups = rng.integers(0, max(2, n // 4), n)
    covariance = _covariances(groups)[which]
    fits = ols.fit(Columns.of_matrix(x), y, [0], [n], weights=weights, covariance=covariance)
    if gate.hand_over(fits.reasons, wald=False)[0]:
        return
    reference = _reference(y, x, covariance, np.arange(n), weights)
    wald = bool(fits.reasons[0] & gate.Reason.WALD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linear_contract(fits, 0, reference, f_test=not wald)


def test_the_gate_passes_ordinary_data() -> None:
    x, y, starts, stops = _panel(11, [40] * 500, 4)
    fits = ols.fit(Columns.of_matrix(x), y, starts, stops)
    assert gate.hand_over(fits.reasons).mean() < 0.01


def test_bits_do_not_depend_on_how_fits_are_split_into_calls() -> None:
    x, y, starts, stops = _panel(12, [30, 80, 11, 55], 4)
    design = Columns.of_matrix(x)
    whole = ols.fit(design, y, starts, stops, covariance=HAC(4))
    for index in range(4):
        part = slice(index, index + 1)
        alone = ols.fit(design, y, starts[part], stops[part], covariance=HAC(4))
        assert (alone.coefficients.p_value == whole.coefficients.p_value[part]).all()
        assert (alone.statistics == whole.statistics[part])[~np.isnan(alone.statistics)].all()


def test_threads_work_side_by_side_and_give_the_same_bits() -> None:
    x, y, starts, stops = _panel(13, [60] * 400, 5)
    design = Columns.of_matrix(x)
    groups = Cluster.coded(np.arange(len(y)) // 7)

    def fit(part: slice) -> Any:
        return ols.fit(design, y, starts[part], stops[part], covariance=groups, use_t=True)

    whole = fit(slice(None))
    parts = [slice(k, k + 50) for k in range(0, 400, 50)]
    with ThreadPoolExecutor(4) as pool:
        for part, found in zip(parts, pool.map(fit, parts), strict=True):
            for ours, all_ in zip(
                found.coefficients.arrays(), whole.coefficients.arrays(), strict=True
            ):
                assert (ours == all_[part]).all()


def test_wrong_arrays_are_refused_with_the_row_and_the_range() -> None:
    design = Columns.of([None, np.arange(5.0)])
    with pytest.raises(ValueError, match=r"slice 0 is \[2, 9\); allowed is 0 <= start"):
        ols.fit(design, np.zeros(5), [2], [9])
    with pytest.raises(ValueError, match="column: at least 6 items"):
        ols.fit(design, np.zeros(6), [0], [5])
    with pytest.raises(ValueError, match="one length"):
        Columns.of([np.zeros(3), np.zeros(4)])
