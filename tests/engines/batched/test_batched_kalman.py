"""The Kalman filter has every bit of statsmodels', or is not used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from engines.batched import kalman_bits
from modelrun.engines import series_filter
from modelrun.engines.batched.kalman import ORDERS, System
from modelrun.engines.lean_sarimax import lean_class

pytestmark = pytest.mark.filterwarnings("ignore")

TESTS = Path(__file__).resolve().parents[2]
SERIES = np.cumsum(np.random.default_rng(3).normal(size=80))


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is the first to see a kind of model, on a processor that is known."""
    series_filter.known_order()
    monkeypatch.setattr(series_filter, "_kinds", {})


def system(**changes: Any) -> System:
    """One that adds noise to a state of order one."""
    plain: dict[str, Any] = {
        "endog": np.array([1.0, np.nan, 2.0]),
        "obs_intercept": np.zeros(1),
        "obs_cov": 0.0,
        "design": np.ones(1),
        "transition": np.full((1, 1), 0.5),
        "state_intercept": np.zeros(1),
        "selection": np.ones(1),
        "tolerance": 0.0,
    }
    return System(**(plain | changes))


def test_models_of_all_kinds_have_all_bits_on_this_processor() -> None:
    known = series_filter.known_order() is not None
    assert known or kalman_bits.architecture() not in kalman_bits.KNOWN
    if known:
        assert kalman_bits.differing() == []


def test_and_on_one_without_wide_registers() -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or " fma " not in flags.read_text():
        pytest.skip("not a processor that can do what Haswell does")
    said = subprocess.run(
        [sys.executable, "-m", "engines.batched.kalman_bits"],
        env={**os.environ, "OPENBLAS_CORETYPE": "Haswell", "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert said.stdout.split() == ["Haswell"]


@pytest.mark.parametrize("order", ORDERS)
def test_any_order_of_sums_is_right_to_rounding(order: int) -> None:
    for name, model in kalman_bits.models():
        space, kalman = next(kalman_bits.evaluated(model))
        theirs = np.array(kalman.loglikelihood)
        out = series_filter.kernel_pass(space, kalman, order)()
        assert out is not None
        np.testing.assert_allclose(out, theirs, rtol=1e-6, atol=1e-6, err_msg=name)


def test_one_state_by_hand() -> None:
    out = np.empty(3)
    assert system().loglikelihood(0.75, np.zeros(1), np.ones((1, 1)), 0, out)
    # the first value is known exactly, so the third is 0.25 of it with the shocks of two steps
    spread = 0.75 * (1 + 0.25)
    expected = [-0.5 * (np.log(2 * np.pi) + 1), 0.0]
    expected.append(-0.5 * (np.log(2 * np.pi * spread) + (2 - 0.25) ** 2 / spread))
    np.testing.assert_allclose(out, expected, rtol=1e-14)


def test_a_forecast_without_variance_is_not_defined() -> None:
    assert not system().loglikelihood(0.0, np.zeros(1), np.zeros((1, 1)), 0, np.empty(3))


@pytest.mark.parametrize(
    ("changes", "error", "word"),
    [
        ({"transition": np.empty((0, 0))}, ValueError, "transition"),
        ({"design": np.empty(0)}, ValueError, "design"),
        ({"endog": np.zeros(3, dtype=np.float32)}, TypeError, "endog"),
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(
    changes: dict[str, Any], error: type[Exception], word: str
) -> None:
    with pytest.raises(error, match=word):
        system(**changes).loglikelihood(1.0, np.zeros(1), np.ones((1, 1)), 0, np.empty(3))


def fitted(kind: Any) -> Any:
    return kind(SERIES, order=(2, 1, 1)).fit(disp=0)


def bits(results: Any) -> list[Any]:
    return [*results.params, *results.bse, results.llf, results.mle_retvals["iterations"]]


@pytest.fixture
def wrong_from(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the kernel be a little wrong from a number of calls on."""
    right, calls = System.loglikelihood, []

    def install(number: int) -> list[int]:
        def wrong(self: System, *args: Any) -> bool:
            defined = right(self, *args)
            calls.append(len(calls))
            if len(calls) > number:
                args[-1][-1] += 1e-9
            return defined

        monkeypatch.setattr(System, "loglikelihood", wrong)
        return calls

    return install


def test_a_kernel_with_other_bits_is_not_used(wrong_from: Any) -> None:
    calls = wrong_from(0)
    assert bits(fitted(lean_class("SARIMAX"))) == bits(fitted(SARIMAX))
    assert len(calls) == 1


def test_one_that_goes_wrong_later_is_found_where_the_fit_ends(wrong_from: Any) -> None:
    calls = wrong_from(20)
    assert bits(fitted(lean_class("SARIMAX"))) == bits(fitted(SARIMAX))
    assert len(calls) > 20


def test_a_kernel_that_gives_up_leaves_the_fit_to_statsmodels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right, calls = System.loglikelihood, []

    def sometimes(self: System, *args: Any) -> bool:
        calls.append(right(self, *args))
        return len(calls) < 15

    monkeypatch.setattr(System, "loglikelihood", sometimes)
    assert bits(fitted(lean_class("SARIMAX"))) == bits(fitted(SARIMAX))
    assert len(calls) == 15


def test_the_kernel_does_the_passes_of_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    if series_filter.known_order() is None:
        pytest.skip("its order of sums is not known")
    right, calls = System.loglikelihood, []
    monkeypatch.setattr(
        System, "loglikelihood", lambda self, *args: calls.append(1) or right(self, *args)
    )
    results = fitted(lean_class("SARIMAX"))
    each_point = 1 + len(results.params)
    assert len(calls) > results.mle_retvals["iterations"] * each_point
