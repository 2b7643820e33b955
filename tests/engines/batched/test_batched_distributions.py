"""Tails and quantiles against SciPy and against exact values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from modelrun.engines.batched import available, distributions, load

pytestmark = pytest.mark.skipif(not available(), reason="the compiled kernels are missing")


def test_t_tails_equal_scipy_where_scipy_has_its_digits() -> None:
    rng = np.random.default_rng(0)
    t, df = np.exp(rng.uniform(-8, 3, 20000)), rng.integers(1, 400, 20000).astype(float)
    p = distributions.t_two_sided(t, df)
    reference = 2 * special.stdtr(df, -t)
    ordinary = (reference > 1e-12) & (df > 1)  # df = 1: SciPy is 6e-14 off near t = 0
    np.testing.assert_allclose(p[ordinary], reference[ordinary], rtol=2e-14)
    np.testing.assert_allclose(p, reference, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("t", "df", "exact"),
    [  # mpmath, 40 digits
        (36.395849124714154, 2966.0, 4.145663564674550e-240),
        (2.0301635760979315, 2567.0, 0.0424428336137723),
        (0.000337851122919692, 1.0, 1 - 2 * np.arctan(0.000337851122919692) / np.pi),
    ],
)
def test_t_tails_have_their_digits_far_out(t: float, df: float, exact: float) -> None:
    assert distributions.t_two_sided(t, df) == pytest.approx(exact, rel=5e-15)


def test_t_edges() -> None:
    p = distributions.t_two_sided([0.0, np.inf, np.nan, 1.0, 2.0], [5, 5, 5, np.inf, 0])
    np.testing.assert_allclose(p[:2], [1.0, 0.0])
    assert np.isnan(p[[2, 4]]).all()
    assert p[3] == pytest.approx(0.31731050786291415, rel=1e-15)


def test_normal_tails_and_quantiles_equal_scipy() -> None:
    z = np.linspace(0, 35, 5001)
    np.testing.assert_allclose(distributions.normal_two_sided(z), 2 * special.ndtr(-z), rtol=1e-13)
    near = z < 6
    np.testing.assert_allclose(
        distributions.normal_two_sided(z[near]), 2 * special.ndtr(-z[near]), rtol=1e-14
    )
    q = np.linspace(0.001, 0.999, 999)
    np.testing.assert_allclose(distributions.normal_quantile(q), special.ndtri(q), rtol=1e-13,
                               atol=1e-15)  # fmt: skip


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_t_quantiles_equal_scipy(level: float) -> None:
    df = np.arange(1.0, 2001.0)
    q = 1 - (1 - level) / 2
    np.testing.assert_allclose(distributions.t_quantile(q, df), special.stdtrit(df, q), rtol=2e-14)


def test_f_and_chi_squared_tails_equal_scipy() -> None:
    rng = np.random.default_rng(1)
    f = np.exp(rng.uniform(-3, 2.5, 5000))
    df1, df2 = rng.integers(1, 20, (2, 5000)).astype(float)
    df2 *= 10
    reference = special.fdtrc(df1, df2, f)
    shown = reference > 1e-14
    np.testing.assert_allclose(
        distributions.f_upper(f, df1, df2)[shown], reference[shown], rtol=1e-12
    )
    x = f * df1
    reference = special.chdtrc(df1, x)
    shown = reference > 1e-14
    np.testing.assert_allclose(
        distributions.chi2_upper(x, df1)[shown], reference[shown], rtol=1e-13
    )


def test_the_exponential_function_is_that_of_the_c_library_to_one_unit() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(scale=3, size=20_000), rng.uniform(-708, 708, 20_000)])
    out = np.empty_like(x)
    load().exp(x, out)
    expected = np.array([math.exp(value) for value in x])
    assert (np.abs(out - expected) <= np.spacing(expected)).all()


def test_the_exponential_function_at_its_ends() -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 709.5, 710.0, -720.0, -746.0, 1e300, -1e300])
    out = x.copy()
    load().exp(out, out)
    with np.errstate(over="ignore"):
        np.testing.assert_array_max_ulp(out, np.exp(x), maxulp=1)
