"""statsmodels' SARIMAX and ARIMA without the bookkeeping around each likelihood.

An optimiser asks for the likelihood some fifty times a fit, and half of each answer is spent on
handling arguments and on copying every system matrix, changed or not. Here the numbers that
depend on the parameters are written where the filter reads them, and the filter runs: ours, if it
has the bits of statsmodels' (modelrun.engines.series_filter), else statsmodels'. The arithmetic is
statsmodels' own, operation by operation, so results have the same bits; whatever is out of the
ordinary (fixed parameters, complex steps, a concentrated scale, regression in the states, the
representation of Hamilton) goes the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from modelrun.engines.batched.columns import Floats
from modelrun.engines.series_filter import same_filter

_LBFGS_STEP = 1e-8
"""Of scipy's lbfgs, where statsmodels names none."""

_PREFIX = "d"
"""The system matrices in double precision, in the words of BLAS."""

_TRIALS = 4
"""At how many other parameters our filter is compared with statsmodels', once a kind of model."""


@dataclass(frozen=True, slots=True)
class _Likelihood:
    """The likelihood of a model by the shortcut."""

    of_each: Callable[[Floats], Floats]
    """Returns that of each observation, at unconstrained parameters."""

    burn: int
    """How many observations do not count."""

    def __call__(self, params: Floats) -> float:
        return float(np.sum(self.of_each(params)[self.burn :]))


@lru_cache(maxsize=2)
def lean_class(name: str) -> Any:
    """Return the lean twin of SARIMAX or ARIMA; statsmodels is imported on the first call."""
    from statsmodels.tsa.arima.model import ARIMA
    from statsmodels.tsa.base.tsa_model import TimeSeriesModel
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    base = {"ARIMA": ARIMA, "SARIMAX": SARIMAX}[name]

    class Differences(TimeSeriesModel):  # type: ignore[misc]
        """Comes after MLEModel in the order of bases, where its fit calls the optimiser."""

        def fit(self, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("method") == "lbfgs" and kwargs.get("approx_grad"):
                step = kwargs.pop("epsilon", _LBFGS_STEP)
                kwargs["approx_grad"] = False
                kwargs["loglike_and_score"] = _with_differences(self, step)
            found = super().fit(*args, **kwargs)
            self._optimum = found.params
            return found

    class Lean(base, Differences):  # type: ignore[misc, valid-type]
        """The class of statsmodels with a shorter way to the likelihood and its gradient."""

        _likelihood: _Likelihood | None = None
        _optimum: Floats | None = None
        """Where the optimiser ended, in unconstrained parameters."""

        _own_filter = True

        def loglike(self, params: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs or len(args) != 1 or not _ordinary(args[0]):
                return super().loglike(params, *args, **kwargs)
            if self._likelihood is None:
                # The first evaluation makes the compiled filter and is done in full.
                value = super().loglike(params, *args)
                self._likelihood = _shortcut(self, params, own_filter=self._own_filter)
                return value
            return self._likelihood(params)

        def fit(self, *args: Any, **kwargs: Any) -> Any:
            self._likelihood = self._optimum = None
            results = super().fit(*args, **kwargs)
            if self._own_filter and not self._ends_alike(results):
                self._own_filter = False
                results = self.fit(*args, **kwargs)
            return results

        def _ends_alike(self, results: Any) -> bool:
            """Tell whether statsmodels' filter has our likelihoods where the optimiser ended."""
            if self._likelihood is None or self._optimum is None or not hasattr(results, "llf"):
                return True
            theirs = results.llf_obs
            if theirs is None or len(theirs) != self.nobs:  # those of each are not kept
                return bool(self._likelihood(self._optimum) == results.llf)
            ours = self._likelihood.of_each(self._optimum)
            return np.array_equal(ours, theirs, equal_nan=True)

    Lean.__name__ = Lean.__qualname__ = name
    return Lean


def _with_differences(model: Any, step: float) -> Callable[..., tuple[float, Floats]]:
    """Return likelihood and forward differences, both over the number of observations.

    The differences are those of scipy.optimize, which takes them for lbfgs where it is given none,
    without its machinery for any method, any bounds and many workers.
    """
    nobs = model.endog.shape[0]

    def both(params: Floats, *args: Any) -> tuple[float, Floats]:
        value = model.loglike(params, *args) / nobs
        taken = (params + step) - params
        steps = np.full(len(params), step)
        if not taken.all():
            small = np.sqrt(np.finfo(np.float64).eps) * np.where(params >= 0, 1.0, -1.0)
            steps = np.where(taken == 0, small * np.maximum(1.0, np.abs(params)), steps)
        gradient = np.empty(len(params))
        for i, moved in enumerate(params + steps):
            there = params.copy()
            there[i] = moved
            away = model.loglike(there, *args) / nobs
            gradient[i] = (away - value) / (moved - params[i])
        return value, gradient

    return both


def _ordinary(flags: Any) -> bool:
    """Tell whether an optimiser that works with unconstrained real parameters asks."""
    return (
        isinstance(flags, dict)
        and flags.get("transformed", True) is False
        and not flags.get("complex_step", False)
    )


def _shortcut(model: Any, first: Floats, *, own_filter: bool) -> _Likelihood | None:
    """Return the likelihood of a model whose filter has run once, or None where it is not plain.

    Args:
        model: A Lean.
        first: The unconstrained parameters at which it has run.
        own_filter: Whether our filter may take the place of statsmodels'.
    """
    ssm = model.ssm
    if (
        model._has_fixed_params  # noqa: SLF001 - as in the rest of this module: a twin is inside
        or model.hamilton_representation
        or model.measurement_error
        or model.state_regression
        or model.concentrate_scale
        or not model.state_error
        or ssm._complex_endog  # noqa: SLF001
        or ssm.prefix != _PREFIX
    ):
        return None
    matrices = ssm._representations[_PREFIX]  # noqa: SLF001
    space = ssm._statespaces[_PREFIX]  # noqa: SLF001
    kalman = ssm._kalman_filters[_PREFIX]  # noqa: SLF001
    initial = ssm.initialization
    transform = model.transform_params
    trend = model._k_trend  # noqa: SLF001
    exog = model._k_exog if model.mle_regression else 0  # noqa: SLF001
    ar_at = trend + exog
    ma_at = ar_at + model.k_ar_params
    seasonal_ar_at = ma_at + model.k_ma_params
    seasonal_ma_at = seasonal_ar_at + model.k_seasonal_ar_params
    end = seasonal_ma_at + model.k_seasonal_ma_params
    write_transition = _writer(matrices["transition"], model, "transition_ar_params_idx")
    write_selection = _writer(matrices["selection"], model, "selection_ma_params_idx")
    has_ar = model.k_ar > 0 or model.k_seasonal_ar > 0
    has_ma = model.k_ma > 0 or model.k_seasonal_ma > 0
    moving = matrices["state_intercept"][model._k_states_diff] if trend else None  # noqa: SLF001
    if moving is not None and len(moving) != len(model._trend_data):  # noqa: SLF001
        return None
    intercept, variance = matrices["obs_intercept"], matrices["state_cov"]
    if exog and intercept.shape[1] != len(model.exog):
        return None
    polynomials = (
        (model._polynomial_ar, model._polynomial_ar_idx),  # noqa: SLF001
        (model._polynomial_ma, model._polynomial_ma_idx),  # noqa: SLF001
        (model._polynomial_seasonal_ar, model._polynomial_seasonal_ar_idx),  # noqa: SLF001
        (model._polynomial_seasonal_ma, model._polynomial_seasonal_ma_idx),  # noqa: SLF001
    )

    def filled(which: int, values: Floats) -> Floats:
        polynomial: Floats = polynomials[which][0].copy()
        polynomial[polynomials[which][1]] = values
        return polynomial

    def write(given: Floats) -> None:
        params = transform(given)
        if exog:
            intercept[0] = np.dot(model.exog, params[trend:ar_at])
        if moving is not None:
            moving[:] = np.dot(model._trend_data, params[:trend])  # noqa: SLF001
        if has_ar:
            ar: Any = filled(0, -params[ar_at:ma_at])
            if model.k_seasonal_ar > 0:
                ar = np.polymul(ar, filled(2, -params[seasonal_ar_at:seasonal_ma_at]))
            write_transition(-ar[1:])
        if has_ma:
            ma: Any = filled(1, params[ma_at:seasonal_ar_at])
            if model.k_seasonal_ma > 0:
                ma = np.polymul(ma, filled(3, params[seasonal_ma_at:end]))
            write_selection(ma[1:])
        variance[0, 0] = params[end]
        space.initialize(initial, complex_step=False)

    own = None
    if own_filter:
        kind = (model.k_states, str(model.order), str(model.seasonal_order), str(model.trend), exog)
        elsewhere = (partial(write, there) for there in _around(first))
        own = same_filter(space, kalman, kind=(*kind, trend), elsewhere=elsewhere)

    def of_each(given: Floats) -> Floats:
        nonlocal own
        write(given)
        each = own() if own is not None else None
        if each is None:
            own = None  # statsmodels' filter remembers where it has changed its method
            kalman()
            each = np.asarray(kalman.loglikelihood)
        return each

    return _Likelihood(of_each, ssm.loglikelihood_burn)


def _around(params: Floats) -> Iterator[Floats]:
    """Yield parameters near those, none of them zero."""
    size, at = np.maximum(np.abs(params), 0.1), np.arange(1, 1 + len(params))
    for trial in range(1, 1 + _TRIALS):
        yield params + 0.1 * size * np.cos(at * trial)


def _writer(matrix: Floats, model: Any, name: str) -> Callable[[Floats], None]:
    """Return what writes coefficients into a system matrix where statsmodels has them."""
    index = getattr(model, name, None)
    if index is None:
        return lambda values: None  # noqa: ARG005
    place = index[1:]
    if matrix.shape[-1] == 1 and len(place) == matrix.ndim - 1:
        place = (*place, 0)

    def write(values: Floats) -> None:
        matrix[place] = values

    return write
