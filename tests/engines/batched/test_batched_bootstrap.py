"""Bootstrap by counts against the same kernels on drawn rows, and against statsmodels."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from modelrun.engines.batched import available, bootstrap, gate, glm, ols, quantreg
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import HAC, HC, Cluster, FixedScale, Nonrobust
from modelrun.engines.batched.distinct import distinct

pytestmark = pytest.mark.skipif(not available(), reason="the compiled kernels are missing")

SEED = 11


def _drawn(n: int, replicate: int, block: int) -> Any:
    """Draw by the published definition, in NumPy."""
    philox = np.random.Philox(key=np.array([SEED, replicate], dtype=np.uint64))
    length = min(block, n) if block else 1
    below = n - length + 1
    words = philox.random_raw(-(-n // length))
    starts = ((words >> np.uint64(11)).astype(np.float64) * 2.0**-53 * below).astype(np.int64)
    return (starts[:, None] + np.arange(length)).ravel()[:n]


def _data(n: int) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(1)
    x = np.column_stack(
        [np.ones(n), rng.integers(0, 5, n), rng.integers(0, 2, n), rng.normal(size=n)]
    )
    x[:, 3] = np.round(x[:, 3], 1)
    linear = x @ np.array([0.3, 0.1, -0.4, 0.2])
    counts = rng.poisson(np.exp(linear)).astype(float)
    return x, counts, (counts > 1).astype(float), linear + rng.normal(size=n)


def _equal(fits: Any, index: int, reference: Any) -> None:
    b, se = np.asarray(reference.params), np.asarray(reference.bse)
    ours = fits.coefficients
    assert (np.abs(ours.params[index] - b) <= 1e-9 * np.maximum(np.abs(b), se)).all()
    np.testing.assert_allclose(ours.bse[index], se, rtol=1e-9)
    np.testing.assert_allclose(ours.p_value[index], reference.pvalues, rtol=1e-6, atol=1e-300)
    np.testing.assert_allclose(fits.statistic("log_lik")[index], reference.llf, rtol=1e-11)
    assert fits.statistic("nobs")[index] == reference.nobs
    assert fits.statistic("df_resid")[index] == reference.df_resid


@pytest.mark.parametrize("block", [0, 7])
def test_replicates_equal_statsmodels_on_the_drawn_rows(block: int) -> None:
    n = 300
    x, counts, binary, y = _data(n)
    design = Columns.of_matrix(x)
    draws = bootstrap.Draws(SEED, np.arange(4), block)
    poisson, binomial = glm.Family("Poisson"), glm.Family("Binomial")
    of = {"y": y, "counts": counts, "binary": binary}
    slices = {name: distinct(design, values, 0, n) for name, values in of.items()}
    fits = {
        "OLS": bootstrap.ols(slices["y"], draws),
        "poisson": bootstrap.likelihood(slices["counts"], draws, model="GLM", family=poisson),
        "binomial": bootstrap.likelihood(slices["binary"], draws, model="GLM", family=binomial),
        "Logit": bootstrap.likelihood(slices["binary"], draws, model="Logit"),
        "Poisson": bootstrap.likelihood(slices["counts"], draws, model="Poisson"),
    }
    for replicate in range(4):
        rows = _drawn(n, replicate, block)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            references = {
                "OLS": sm.OLS(y[rows], x[rows]).fit(),
                "poisson": sm.GLM(counts[rows], x[rows], family=sm.families.Poisson()).fit(),
                "binomial": sm.GLM(binary[rows], x[rows], family=sm.families.Binomial()).fit(),
                "Logit": sm.Logit(binary[rows], x[rows]).fit(disp=0),
                "Poisson": sm.Poisson(counts[rows], x[rows]).fit(disp=0),
            }
        for name, reference in references.items():
            assert not gate.hand_over(fits[name].reasons).any(), name
            _equal(fits[name], replicate, reference)
        for name in ("poisson", "binomial"):
            iterations = fits[name].statistic("iterations")[replicate]
            assert iterations == references[name].fit_history["iteration"]
            for statistic in ("deviance", "null_deviance", "pearson_chi2"):
                np.testing.assert_allclose(
                    fits[name].statistic(statistic)[replicate],
                    getattr(references[name], statistic), rtol=1e-9,
                )  # fmt: skip
        for name in ("Logit", "Poisson"):
            iterations = fits[name].statistic("iterations")[replicate]
            assert iterations == references[name].mle_retvals["iterations"]
        np.testing.assert_allclose(
            fits["OLS"].statistic("r_squared")[replicate], references["OLS"].rsquared, atol=1e-12
        )
        np.testing.assert_allclose(
            fits["OLS"].statistic("f_p_value")[replicate], references["OLS"].f_pvalue, rtol=1e-6
        )


FAMILIES = [
    glm.Family("Gaussian"),
    glm.Family("Gaussian", "Log"),
    glm.Family("Poisson", "Sqrt"),
    glm.Family("Poisson", "Identity"),
    glm.Family("Binomial", "Probit"),
    glm.Family("Binomial", "CLogLog"),
    glm.Family("Gamma"),
    glm.Family("Gamma", "Log"),
    glm.Family("NegativeBinomial", "Log", alpha=0.7),
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.name}-{family.link_name}")
@pytest.mark.parametrize("distinct_rows", [True, False])
def test_every_family_equals_statsmodels_on_the_drawn_rows(
    family: glm.Family, distinct_rows: bool
) -> None:
    n = 300
    x, counts, binary, _ = _data(n)
    if not distinct_rows:
        x[:, 3] = np.random.default_rng(4).normal(size=n)
    mean = np.exp(x @ np.array([0.8, 0.1, -0.2, 0.1]))
    y = {
        "Gaussian": 5 + mean + np.random.default_rng(5).normal(size=n),
        "Poisson": counts + 1,
        "Binomial": binary,
        "Gamma": np.random.default_rng(6).gamma(3.0, mean / 3.0),
        "NegativeBinomial": counts,
    }[family.name]
    fits = bootstrap.likelihood(
        distinct(Columns.of_matrix(x), y, 0, n),
        bootstrap.Draws(SEED, np.arange(3)),
        model="GLM",
        family=family,
    )
    links = {"Identity": "Identity", "InversePower": "InversePower", "Sqrt": "Sqrt"}
    link = getattr(sm.families.links, links.get(family.link_name, family.link_name))()
    more = {"alpha": family.alpha} if family.name == "NegativeBinomial" else {}
    theirs = getattr(sm.families, family.name)(link=link, **more)
    for replicate in range(3):
        rows = _drawn(n, replicate, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = sm.GLM(y[rows], x[rows], family=theirs).fit()
        assert not gate.hand_over(fits.reasons)[replicate]
        _equal(fits, replicate, reference)
        assert fits.statistic("iterations")[replicate] == reference.fit_history["iteration"]
        for name, value in (
            ("scale", reference.scale),
            ("deviance", reference.deviance),
            ("null_deviance", reference.null_deviance),
            ("pearson_chi2", reference.pearson_chi2),
            ("log_lik", reference.llf),
        ):
            np.testing.assert_allclose(fits.statistic(name)[replicate], value, rtol=1e-9)


def test_probit_equals_statsmodels_on_the_drawn_rows() -> None:
    n = 300
    x, _, binary, _ = _data(n)
    fits = bootstrap.likelihood(
        distinct(Columns.of_matrix(x), binary, 0, n),
        bootstrap.Draws(SEED, np.arange(3)),
        model="Probit",
    )
    for replicate in range(3):
        rows = _drawn(n, replicate, 0)
        reference = sm.Probit(binary[rows], x[rows]).fit(disp=0)
        assert not gate.hand_over(fits.reasons)[replicate]
        _equal(fits, replicate, reference)
        assert fits.statistic("iterations")[replicate] == reference.mle_retvals["iterations"]
        np.testing.assert_allclose(fits.statistic("ll_null")[replicate], reference.llnull)


COVARIANCES: dict[str, dict[str, Any]] = {
    "nonrobust": {},
    "HC0": {"cov_type": "HC0"},
    "HC1": {"cov_type": "HC1", "use_t": True},
    "HC2": {"cov_type": "HC2"},
    "HC3": {"cov_type": "HC3"},
    "cluster": {"cov_type": "cluster"},
    "cluster-plain": {
        "cov_type": "cluster",
        "use_t": True,
        "cov_kwds": {"use_correction": False, "df_correction": False},
    },
}


@pytest.mark.parametrize("block", [0, 7])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", COVARIANCES)
@pytest.mark.parametrize("distinct_rows", [True, False])
def test_least_squares_equal_statsmodels_on_the_drawn_rows(
    name: str,
    distinct_rows: bool,
    weighted: bool,
    block: int,
    linear_contract: Callable[..., None],
) -> None:
    n = 240
    rng = np.random.default_rng(12)
    x, y = _repeated(n)
    weights = rng.choice([0.5, 1.0, 2.5], n)
    labels = rng.integers(0, 9, n)
    if distinct_rows:
        x[:, 3], weights = rng.normal(size=n), rng.uniform(0.2, 3, n)
    keep = np.arange(n) % 11 != 3
    fit = {**COVARIANCES[name]}
    kind = fit.get("cov_type", "nonrobust")
    covariance: Any = Nonrobust() if kind == "nonrobust" else HC("HC0")
    if kind.startswith("HC"):
        covariance = HC(kind)
    if kind == "cluster":
        covariance = Cluster.coded(labels, **fit.get("cov_kwds", {}))
    slice_ = distinct(
        Columns.of_matrix(x), y, 0, n, keep=keep, weights=weights if weighted else None,
        groups=covariance.groups if kind == "cluster" else None,
    )  # fmt: skip
    fits = bootstrap.ols(
        slice_,
        bootstrap.Draws(SEED, np.arange(4), block),
        covariance=covariance,
        use_t=fit.get("use_t"),
    )
    assert not gate.hand_over(fits.reasons).any()
    for replicate in range(4):
        rows = _drawn(n, replicate, block)
        rows = rows[keep[rows]]
        model = sm.WLS(y[rows], x[rows], weights=weights[rows]) if weighted else None
        if kind == "cluster":
            fit["cov_kwds"] = {**fit.get("cov_kwds", {}), "groups": labels[rows]}
        reference = (model or sm.OLS(y[rows], x[rows])).fit(**fit)
        linear_contract(fits, replicate, reference)


LIKELIHOODS: dict[str, tuple[str, str, set[str], str]] = {
    "seen-often": ("GLM", "Poisson", {"freq_weights"}, "nonrobust"),
    "of-variance": ("GLM", "Gamma", {"var_weights"}, "nonrobust"),
    "all": ("GLM", "Poisson", {"freq_weights", "var_weights", "offset"}, "nonrobust"),
    "null-with-offset": ("GLM", "Gaussian", {"offset"}, "nonrobust"),
    "robust": ("GLM", "Binomial", set(), "HC1"),
    "robust-seen-often": ("GLM", "Binomial", {"freq_weights"}, "HC0"),
    "clusters": ("GLM", "Gaussian", {"var_weights"}, "cluster"),
    "clusters-seen-often": ("GLM", "Poisson", {"freq_weights"}, "cluster"),
    "Logit-robust": ("Logit", "Binomial", set(), "HC0"),
    "Logit-clusters": ("Logit", "Binomial", set(), "cluster"),
    "Probit-robust": ("Probit", "Binomial", set(), "HC3"),
    "Poisson-robust": ("Poisson", "Poisson", {"offset"}, "HC0"),
    "Poisson-clusters": ("Poisson", "Poisson", {"offset"}, "cluster"),
    "Poisson-null": ("Poisson", "Poisson", {"offset"}, "nonrobust"),
}


@pytest.mark.parametrize("block", [0, 7])
@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("distinct_rows", [True, False])
def test_likelihoods_with_all_they_have_equal_statsmodels_on_the_drawn_rows(
    name: str, block: int, *, distinct_rows: bool
) -> None:
    model, family, beside, kind = LIKELIHOODS[name]
    n = 240
    rng = np.random.default_rng(5)
    x, counts, binary, y = _data(n)
    if distinct_rows:
        x[:, 3] = rng.normal(size=n)
    response = {"Poisson": counts, "Binomial": binary, "Gaussian": y, "Gamma": np.exp(y / 3)}[
        family
    ]
    keep = np.arange(n) % 11 != 3
    given = {
        "freq_weights": rng.integers(1, 4, n).astype(float),
        "var_weights": rng.choice([0.5, 1.0, 2.5], n),
        "offset": np.round(rng.normal(size=n), 1),
    }
    own = {key: values for key, values in given.items() if key in beside}
    labels = rng.integers(0, 12, n)
    covariance: Any = {"nonrobust": Nonrobust(), "cluster": Cluster.coded(labels)}.get(kind)
    covariance = covariance if covariance is not None else HC(kind)
    kinds = {"Gamma": "Log"}
    slice_ = distinct(
        Columns.of_matrix(x), response, 0, n, keep=keep, offset=own.get("offset"),
        weights=own.get("freq_weights"), var_weights=own.get("var_weights"),
        groups=covariance.groups if kind == "cluster" else None,
    )  # fmt: skip
    fits = bootstrap.likelihood(
        slice_,
        bootstrap.Draws(SEED, np.arange(4), block),
        model=model,
        family=glm.Family(family, kinds.get(family)) if model == "GLM" else None,
        covariance=covariance,
    )
    assert not gate.hand_over(fits.reasons).any()
    for replicate in range(4):
        rows = _drawn(n, replicate, block)
        rows = rows[keep[rows]]
        fit: dict[str, Any] = {} if kind == "nonrobust" else {"cov_type": kind}
        if kind == "cluster":
            fit["cov_kwds"] = {"groups": labels[rows]}
        drawn = {key: values[rows] for key, values in own.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if model == "GLM":
                link = sm.families.links.Log() if family in kinds else None
                how = getattr(sm.families, family)(link)
                reference = sm.GLM(response[rows], x[rows], family=how, **drawn).fit(**fit)
                null = reference.null_deviance
                assert fits.statistic("null_deviance")[replicate] == pytest.approx(null, rel=1e-9)
            else:
                made = getattr(sm, model)(response[rows], x[rows], **drawn)
                reference = made.fit(disp=False, **fit)
                null = reference.llnull
                assert fits.statistic("ll_null")[replicate] == pytest.approx(null, rel=1e-6)
        b, se = np.asarray(reference.params), np.asarray(reference.bse)
        params = fits.coefficients.params[replicate]
        assert (np.abs(params - b) <= 1e-9 * np.maximum(np.abs(b), se)).all()
        np.testing.assert_allclose(fits.coefficients.bse[replicate], se, rtol=1e-8)
        np.testing.assert_allclose(
            fits.coefficients.p_value[replicate], reference.pvalues, rtol=1e-6, atol=1e-300
        )
        assert fits.statistic("log_lik")[replicate] == pytest.approx(reference.llf, rel=1e-9)
        assert fits.statistic("df_resid")[replicate] == reference.df_resid
        assert fits.statistic("nobs")[replicate] == len(rows)
        assert fits.statistic("bic")[replicate] == pytest.approx(
            reference.bic_llf if model == "GLM" else reference.bic, rel=1e-9
        )


@pytest.mark.parametrize("columns", ["none", "dummies", "two"])
def test_least_squares_know_whether_the_drawn_columns_hold_a_constant(
    columns: str, linear_contract: Callable[..., None]
) -> None:
    n = 120
    x, y = _repeated(n)
    x = x[:, 2:]
    if columns == "dummies":
        x = np.column_stack([x[:, 0], 1 - x[:, 0], x[:, 1]])
    if columns == "two":
        x = np.column_stack([np.full(n, 2.0), x])
    fits = bootstrap.ols(
        distinct(Columns.of_matrix(x), y, 0, n),
        bootstrap.Draws(SEED, np.arange(4)),
        covariance=HC("HC1"),
    )
    for replicate in range(4):
        rows = _drawn(n, replicate, 0)
        reference = sm.OLS(y[rows], x[rows]).fit(cov_type="HC1")
        assert fits.statistic("k_constant")[replicate] == (columns != "none")
        linear_contract(fits, replicate, reference, f_test=columns == "two")


def test_least_squares_of_small_slices_are_classes_as_on_drawn_rows() -> None:
    n, replicates = 8, 80
    x = np.column_stack([np.ones(n), np.arange(n) == 6, np.arange(n) % 3])
    y = np.array([0.3, 1.9, 1.2, 4.4, 2.5, 3.1, 0.7, 1.1])
    keep = np.arange(n) > 2
    codes = np.array([0, 0, 1, 1, 2, 2, 2, 3])
    rows = np.concatenate([_drawn(n, replicate, 0) for replicate in range(replicates)])
    starts = np.arange(replicates) * n
    few = np.array([len(set(rows[start : start + n]) - {0, 1, 2}) <= 3 for start in starts])
    assert few.any()
    assert not few.all()
    seen = set()
    for covariance in (Nonrobust(), HC("HC0"), HC("HC2"), HC("HC3"), Cluster.coded(codes)):
        clustered = isinstance(covariance, Cluster)
        fits = bootstrap.ols(
            distinct(Columns.of_matrix(x), y, 0, n, keep=keep, groups=codes if clustered else None),
            bootstrap.Draws(SEED, np.arange(replicates)),
            covariance=covariance,
        )
        drawn = ols.fit(
            Columns.of_matrix(x[rows]),
            y[rows],
            starts,
            starts + n,
            keep=keep[rows],
            covariance=Cluster.coded(codes[rows]) if clustered else covariance,
        )
        for name in ("nobs", "df_resid", "clusters", "k_constant"):
            np.testing.assert_array_equal(fits.statistic(name), drawn.statistic(name))
        assert (fits.status == drawn.status).all()
        ours, theirs = gate.hand_over(fits.reasons), gate.hand_over(drawn.reasons)
        assert (ours[~few] == theirs[~few]).all()
        assert ours[few].all()
        both = ~ours & ~theirs
        np.testing.assert_allclose(
            fits.coefficients.bse[both], drawn.coefficients.bse[both], rtol=1e-9
        )
        seen |= {*fits.status.tolist()}
    assert {gate.Status.OK, gate.Status.RANK_DEFICIENT, gate.Status.TOO_SHORT} <= seen


def _repeated(n: int) -> tuple[Any, Any]:
    """Rows of which most stand more than once."""
    x, _, _, y = _data(n)
    rows = np.random.default_rng(8).integers(0, n // 3, n)
    return x[rows], y[rows]


QUANTILES: list[dict[str, Any]] = [
    {"q": 0.5},
    {"q": 0.3, "vcov": "iid", "kernel": "gau"},
    {"q": 0.75, "kernel": "biw", "bandwidth": "bofinger"},
    {"q": 0.6, "kernel": "par", "bandwidth": "chamberlain", "max_iter": 9},
]


@pytest.mark.parametrize("block", [0, 7])
@pytest.mark.parametrize("options", QUANTILES, ids=lambda options: str(options["q"]))
@pytest.mark.parametrize("distinct_rows", [True, False])
def test_quantiles_equal_statsmodels_on_the_drawn_rows(
    options: dict[str, Any],
    distinct_rows: bool,
    block: int,
    quantile_contract: Callable[..., None],
) -> None:
    n = 300
    x, _, _, y = _data(n)
    if not distinct_rows:
        x, y = _repeated(n)
    keep = np.arange(n) % 11 != 3
    slice_ = distinct(Columns.of_matrix(x), y, 0, n, keep=keep)
    assert (len(slice_.y) < keep.sum() * 0.8) != distinct_rows
    fits = bootstrap.quantile(slice_, bootstrap.Draws(SEED, np.arange(8), block), **options)
    compared = 0
    for replicate in np.flatnonzero(~gate.hand_over(fits.reasons)):
        rows = _drawn(n, int(replicate), block)
        rows = rows[keep[rows]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = sm.QuantReg(y[rows], x[rows]).fit(**options)
        quantile_contract(fits, replicate, reference, 1e-6)
        assert fits.statistic("nobs")[replicate] == len(rows)
        ended = fits.status[replicate] == gate.Status.NOT_CONVERGED
        assert ended == (options.get("max_iter") == 9)
        compared += 1
    assert compared >= 6


@pytest.mark.parametrize("columns", ["none", "dummies"])
def test_quantiles_know_whether_the_drawn_columns_hold_a_constant(columns: str) -> None:
    n = 120
    x, y = _repeated(n)
    x = x[:, 2:]
    if columns == "dummies":
        x = np.column_stack([x[:, 0], 1 - x[:, 0], x[:, 1]])
    fits = bootstrap.quantile(
        distinct(Columns.of_matrix(x), y, 0, n), bootstrap.Draws(SEED, np.arange(4)), q=0.5
    )
    for replicate in range(4):
        rows = _drawn(n, replicate, 0)
        reference = sm.QuantReg(y[rows], x[rows]).fit(q=0.5)
        assert fits.statistic("k_constant")[replicate] == (columns == "dummies")
        assert fits.statistic("df_model")[replicate] == reference.df_model


def test_quantiles_of_small_slices_are_classes_as_on_drawn_rows() -> None:
    n, replicates = 7, 60
    x = np.column_stack([np.ones(n), [0, 0, 0, 0, 0, 0, 1], np.arange(n) % 3])
    y = np.array([0.3, 1.9, 1.2, 4.4, 2.5, 3.1, 0.7])
    keep = np.arange(n) > 2
    fits = bootstrap.quantile(
        distinct(Columns.of_matrix(x), y, 0, n, keep=keep),
        bootstrap.Draws(SEED, np.arange(replicates)),
    )
    rows = np.concatenate([_drawn(n, replicate, 0) for replicate in range(replicates)])
    starts = np.arange(replicates) * n
    drawn = quantreg.fit(Columns.of_matrix(x[rows]), y[rows], starts, starts + n, keep=keep[rows])
    for name in ("nobs", "k_constant", "df_resid"):
        np.testing.assert_array_equal(fits.statistic(name), drawn.statistic(name))
    few = np.array([len(set(rows[start : start + n]) - {0, 1, 2}) <= 3 for start in starts])
    assert (fits.status == drawn.status).all()
    assert {gate.Status.RANK_DEFICIENT, gate.Status.TOO_SHORT} <= {*fits.status.tolist()}
    assert few.any()
    assert gate.hand_over(fits.reasons)[few].all()
    assert gate.hand_over(fits.reasons)[gate.hand_over(drawn.reasons)].all()


def test_a_slice_without_a_complete_row_is_too_short() -> None:
    x, _, _, y = _data(20)
    slice_ = distinct(Columns.of_matrix(x), y, 0, 20, keep=np.zeros(20, np.bool_))
    draws = bootstrap.Draws(SEED, np.arange(2))
    for fits in (
        bootstrap.ols(slice_, draws),
        bootstrap.likelihood(slice_, draws, model="Poisson"),
        bootstrap.quantile(slice_, draws),
    ):
        assert (fits.status == gate.Status.TOO_SHORT).all()
        assert np.isnan(fits.coefficients.params).all()


def test_distinct_rows_are_numbered_by_their_first_appearance() -> None:
    x = np.array([2.0, 0.0, 2.0, -0.0, 5.0, 2.0])
    y = np.array([1.0, 3.0, 1.0, 3.0, 1.0, 4.0])
    groups = np.array([7, 7, 7, 7, 7, 4], dtype=np.int32)
    keep = np.array([True, True, True, True, False, True])
    found = distinct(Columns.of([None, x]), y, 0, 6, keep=keep)
    assert [c if c is None else c.tolist() for c in found.patterns.data] == [None, [2.0, 0.0]]
    assert found.pattern_of.tolist() == [0, 1, 0]
    assert found.y.tolist() == [1.0, 3.0, 4.0]
    assert found.pair_of.tolist() == [0, 1, 0, 1, -1, 2]
    weights = np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0])
    found = distinct(Columns.of([None, x]), y, 0, 6, keep=keep, weights=weights, groups=groups)
    assert found.patterns.n == 3
    assert found.group is not None
    assert found.group.tolist() == [1, 1, 0]
    assert found.weight is not None
    assert found.weight.tolist() == [1.0, 1.0, 2.0, 1.0]
    assert found.pair_of.tolist() == [0, 1, 2, 1, -1, 3]
    assert distinct(Columns.of([None, x]), y, 3, 3).patterns.n == 0
    only_ones = distinct(Columns.of([None], n=6), y, 0, 6)
    assert (only_ones.patterns.n, only_ones.y.tolist()) == (1, [1.0, 3.0, 4.0])


def test_missing_rows_are_drawn_and_then_dropped_and_offsets_are_kept() -> None:
    n = 200
    x, counts, _, _ = _data(n)
    offset = np.round(np.random.default_rng(2).normal(size=n), 1)
    keep = np.arange(n) % 11 != 3
    slice_ = distinct(Columns.of_matrix(x), counts, 0, n, offset=offset, keep=keep)
    fits = bootstrap.likelihood(
        slice_, bootstrap.Draws(SEED, np.arange(3)), model="GLM", family=glm.Family("Poisson")
    )
    for replicate in range(3):
        rows = _drawn(n, replicate, 0)
        rows = rows[keep[rows]]
        reference = sm.GLM(
            counts[rows], x[rows], family=sm.families.Poisson(), offset=offset[rows]
        ).fit()
        _equal(fits, replicate, reference)


def test_bits_do_not_depend_on_the_split() -> None:
    x, counts, _, y = _data(150)
    design = Columns.of_matrix(x)
    for fit in (
        lambda draws: bootstrap.ols(distinct(design, y, 10, 140), draws),
        lambda draws: bootstrap.likelihood(
            distinct(design, counts, 10, 140), draws, model="Poisson"
        ),
        lambda draws: bootstrap.quantile(distinct(design, y, 10, 140), draws, q=0.4),
    ):
        whole = fit(bootstrap.Draws(SEED, np.arange(6)))
        for replicate in range(6):
            alone = fit(bootstrap.Draws(SEED, np.array([replicate])))
            assert (alone.coefficients.bse[0] == whole.coefficients.bse[replicate]).all()


def test_a_replicate_without_variation_is_a_class() -> None:
    x = np.zeros(12)
    x[0] = 1.0
    y = np.arange(12.0)
    fits = bootstrap.ols(distinct(Columns.of([None, x]), y, 0, 12),
                         bootstrap.Draws(SEED, np.arange(40)))  # fmt: skip
    absent = np.array([0 not in _drawn(12, replicate, 0) for replicate in range(40)])
    assert absent.any()
    assert ((fits.status == gate.Status.RANK_DEFICIENT) == absent).all()


def test_what_needs_drawn_rows_is_refused() -> None:
    x, counts, _, _ = _data(50)
    slice_ = distinct(Columns.of_matrix(x), counts, 0, 50)
    draws = bootstrap.Draws(SEED, np.arange(2))
    assert bootstrap.supports("QuantReg")
    assert not bootstrap.supports("RLM")
    with pytest.raises(ValueError, match="not fitted by counts"):
        bootstrap.likelihood(slice_, draws, model="QuantReg")
    for covariance in (HAC(2), FixedScale(1.0)):
        assert not bootstrap.supports("OLS", None, covariance)
        with pytest.raises(ValueError, match="not fitted by counts"):
            bootstrap.ols(slice_, draws, covariance=covariance)
        assert not bootstrap.supports("Logit", None, covariance)
        with pytest.raises(ValueError, match="not fitted by counts"):
            bootstrap.likelihood(slice_, draws, model="Poisson", covariance=covariance)
    cloglog = glm.Family("Binomial", "CLogLog")
    assert bootstrap.supports("GLM", cloglog)
    assert not bootstrap.supports("GLM", cloglog, HC("HC0"))
    with pytest.raises(ValueError, match="no groups"):
        bootstrap.ols(slice_, draws, covariance=Cluster.coded(counts))
    with pytest.raises(ValueError, match="no groups"):
        bootstrap.likelihood(slice_, draws, model="Poisson", covariance=Cluster.coded(counts))
