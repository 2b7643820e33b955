"""ARIMA and SARIMAX without bookkeeping give the bits of statsmodels', not only its numbers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.statespace.sarimax import SARIMAX

from engines.handmade import columns_of, rows_of, study_of
from modelrun.engines import naive
from modelrun.engines.lean_sarimax import lean_class

pytestmark = pytest.mark.filterwarnings("ignore")

CLASSES = {"ARIMA": ARIMA, "SARIMAX": SARIMAX}
KNOWN = np.random.default_rng(5).normal(size=(60, 2))
MODELS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("ARIMA", {"order": (1, 0, 1)}, {}),
    ("ARIMA", {"order": (2, 1, 1)}, {}),
    ("ARIMA", {"order": (1, 0, 0), "seasonal_order": (1, 0, 1, 4)}, {}),
    ("ARIMA", {"order": (1, 0, 1), "exog": KNOWN}, {}),
    ("ARIMA", {"order": (1, 0, 1), "trend": "ct"}, {}),
    ("ARIMA", {"order": (1, 0, 1), "concentrate_scale": True}, {}),
    ("SARIMAX", {"order": (1, 0, 1), "trend": "c"}, {}),
    ("SARIMAX", {"order": (1, 1, 1), "seasonal_order": (0, 1, 1, 4), "exog": KNOWN}, {}),
    ("SARIMAX", {"order": (0, 0, 2)}, {}),
    ("SARIMAX", {"order": (2, 0, 0), "measurement_error": True}, {}),
    ("SARIMAX", {"order": (1, 0, 0), "hamilton_representation": True, "trend": "c"}, {}),
    ("SARIMAX", {"order": (1, 0, 1), "enforce_stationarity": False}, {}),
    ("SARIMAX", {"order": (1, 0, 1)}, {"method": "bfgs"}),
    ("SARIMAX", {"order": (1, 0, 1)}, {"method": "nm", "maxiter": 60}),
    ("SARIMAX", {"order": (1, 0, 1)}, {"optim_score": "approx"}),
    ("SARIMAX", {"order": (1, 0, 1)}, {"cov_type": "oim"}),
]


def series(seed: int, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise, y = rng.normal(size=n + 30), np.zeros(n + 30)
    for t in range(1, n + 30):
        y[t] = 0.5 * y[t - 1] + noise[t] + 0.3 * noise[t - 1]
    return y[30:] + 1.0


@pytest.mark.parametrize(("name", "init", "fit"), MODELS)
def test_a_lean_fit_has_the_bits_of_statsmodels(
    name: str, init: dict[str, Any], fit: dict[str, Any]
) -> None:
    y = series(3)
    if init == {"order": (1, 0, 1)}:
        y[17] = np.nan

    def fitted(kind: Any) -> Any:
        short: dict[str, Any] = {"maxiter": 6}
        words = {"disp": 0, **short, **fit} if name == "SARIMAX" else {"method_kwargs": short}
        return kind(y, **init).fit(**words)

    theirs, ours = fitted(CLASSES[name]), fitted(lean_class(name))
    assert ours.params.tolist() == theirs.params.tolist()
    assert np.array_equal(ours.bse, theirs.bse, equal_nan=True)
    assert ours.llf == theirs.llf
    assert ours.mle_retvals.get("iterations") == theirs.mle_retvals.get("iterations")
    assert ours.mle_retvals["converged"] == theirs.mle_retvals["converged"]
    assert ours.model._own_filter, "it was fitted twice"


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a series and a model, ordinary or not."""
    n = int(rng.choice([6, 12, 30, 60]))
    y = np.cumsum(rng.normal(size=n)) * 10.0 ** rng.integers(-6, 7)
    if n > 20:
        y[rng.choice(n, 2, replace=False)] = np.nan
    init: dict[str, Any] = {"order": tuple(map(int, rng.integers(0, (4, 3, 4))))}
    if rng.random() < 0.4:
        init["seasonal_order"] = (*map(int, rng.integers(0, 2, 3)), int(rng.choice([4, 7, 12])))
    if rng.random() < 0.3:
        init["exog"] = rng.normal(size=(n, 2))
    if rng.random() < 0.3:
        init["trend"] = str(rng.choice(["c", "t", "ct"]))
    for which in ("enforce_stationarity", "enforce_invertibility"):
        init[which] = bool(rng.random() < 0.7)
    return y, init


@pytest.mark.parametrize("seed", range(24))
def test_any_model_has_the_bits_of_statsmodels(seed: int) -> None:
    y, init = drawn(np.random.default_rng(seed))

    def fitted(kind: Any) -> Any:
        try:
            results = kind(y, **init).fit(disp=0, maxiter=6)
        except (ValueError, np.linalg.LinAlgError, IndexError) as error:
            return type(error), str(error)
        return repr((results.params.tolist(), np.asarray(results.bse).tolist(), results.llf))

    assert fitted(lean_class("SARIMAX")) == fitted(SARIMAX)


def test_a_second_fit_of_one_model_starts_anew() -> None:
    y = series(4)
    model = lean_class("ARIMA")(y, order=(1, 0, 1))
    first = model.fit().params
    with model.fix_params({"ar.L1": 0.2}):
        fixed = model.fit().params
    reference = ARIMA(y, order=(1, 0, 1))
    assert first.tolist() == reference.fit().params.tolist()
    with reference.fix_params({"ar.L1": 0.2}):
        assert fixed.tolist() == reference.fit().params.tolist()


def test_the_shortcut_is_taken() -> None:
    model = lean_class("ARIMA")(series(5), order=(1, 0, 1))
    model.fit()
    assert model._likelihood is not None


def test_the_engine_fits_series_with_the_bits_of_a_naive_fit() -> None:
    data = pd.DataFrame({"y": np.concatenate([series(6), series(7)]), "g": [0] * 60 + [1] * 60})
    spec = {"name": "m", "estimator": "ARIMA", "endog": "y", "init": {"order": [1, 0, 1]}}
    study = study_of(data, spec, by="g")
    for index, row in enumerate(rows_of(study)):
        reference = naive.fit(study, study.models[0], index)
        columns = columns_of(row)
        assert columns["estimate"].tolist() == np.asarray(reference.params).tolist()
        assert columns["std_error"].tolist() == np.asarray(reference.bse).tolist()
        assert [term["term"] for term in row["coefficients"]] == reference.model.param_names
