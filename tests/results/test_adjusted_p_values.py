import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from modelrun.results.adjust import adjust


@pytest.mark.parametrize("method", ["bonferroni", "holm", "fdr_bh", "fdr_by"])
@pytest.mark.parametrize("tests", [1, 2, 5, 1000])
def test_adjusted_p_values_are_those_of_statsmodels(method, tests) -> None:
    draw = np.random.default_rng(tests)
    p = draw.random(tests) ** 3
    p[draw.integers(0, tests, tests // 4)] = p[0]  # ties
    p[draw.integers(0, tests, tests // 50)] = 0.0
    expected = multipletests(p, method=method)[1]
    found = adjust(p, np.zeros(tests, np.int64), method)
    assert np.abs(found - expected).max() <= 1e-14


@pytest.mark.parametrize("method", ["bonferroni", "holm", "fdr_bh", "fdr_by"])
def test_missing_p_values_stay_missing_and_do_not_count(method) -> None:
    p = np.array([0.01, np.nan, 0.04, 0.5, np.nan])
    found = adjust(p, np.zeros(5, np.int64), method)
    there = ~np.isnan(p)
    assert np.isnan(found).tolist() == (~there).tolist()
    assert np.abs(found[there] - multipletests(p[there], method=method)[1]).max() <= 1e-14


def test_nothing_to_adjust_is_no_mistake() -> None:
    assert adjust(np.zeros(0), np.zeros(0, np.int64), "holm").tolist() == []
    assert np.isnan(adjust(np.full(3, np.nan), np.arange(3), "fdr_bh")).all()
