"""Which models our Kalman filter gets other bits for than statsmodels', on this processor.

`OPENBLAS_CORETYPE=Haswell python -m engines.batched.kalman_bits` asks for another processor.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import threadpoolctl
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.statespace.sarimax import SARIMAX

from modelrun.engines.series_filter import kernel_pass, known_order

KNOWN = frozenset({"Haswell", "Zen", "SkylakeX"})
"""Processors, in the words of OpenBLAS, in whose order of sums the kernel adds."""

NOBS = 120
POINTS = 6
ORDERS = ((1, 0, 0), (0, 0, 1), (1, 0, 1), (2, 1, 1), (3, 0, 3), (5, 0, 2), (2, 2, 2), (8, 0, 0))
SEASONS = ((1, 0, 1, 4), (1, 1, 1, 4), (0, 1, 1, 12), (2, 1, 0, 7), (0, 1, 1, 7))


def architecture() -> str:
    """Return the processor that SciPy's OpenBLAS, which statsmodels calls, takes this one for."""
    return next(
        library["architecture"]
        for library in threadpoolctl.threadpool_info()
        if "scipy.libs" in library["filepath"] or library["prefix"] == "libscipy_openblas"
    )


def models() -> Iterator[tuple[str, Any]]:
    """Yield models of every kind of order, with and without gaps, trends and regressors."""
    rng = np.random.default_rng(7)
    y = np.cumsum(rng.normal(size=NOBS))
    gaps = y.copy()
    gaps[[5, 17, 18, 100]] = np.nan
    known = rng.normal(size=(NOBS, 2))
    for order in ORDERS:
        yield f"ARIMA {order}", ARIMA(y, order=order)
        yield f"SARIMAX {order}", SARIMAX(y, order=order)
        yield f"SARIMAX {order} with gaps", SARIMAX(gaps, order=order)
    for season in SEASONS:
        yield f"{season}", SARIMAX(y, order=(1, 1, 1), seasonal_order=season)
        yield f"{season} twice", SARIMAX(y, order=(0, 2, 2), seasonal_order=season)
        yield f"{season} ct", SARIMAX(y, order=(2, 0, 1), seasonal_order=season, trend="ct")
        yield (
            f"{season} with gaps and regressors",
            SARIMAX(gaps, exog=known, order=(2, 1, 1), seasonal_order=season),
        )


def evaluated(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield statsmodels' system and filter after a pass at each of some parameters."""
    rng = np.random.default_rng(11)
    start = model.untransform_params(model.start_params)
    for point in range(POINTS):
        moved = start + 0.2 * point * rng.normal(size=len(start)) * (point > 0)
        model.loglike(moved, transformed=False)
        yield model.ssm._statespaces["d"], model.ssm._kalman_filters["d"]


def differing() -> list[str]:
    """Return the models for which the kernel has not all bits of statsmodels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        order = known_order()
        assert order is not None
        return [name for name, model in models() if not _alike(model, order)]


def _alike(model: Any, order: int) -> bool:
    return all(
        np.array_equal(kernel_pass(space, kalman, order)(), np.asarray(kalman.loglikelihood))
        for space, kalman in evaluated(model)
    )


if __name__ == "__main__":
    print(architecture(), *differing(), sep="\n")
