"""The filter of a state space model of statsmodels, by our kernel where it gets the same bits.

Nothing is taken on trust. In which order sums are taken depends on the processor and the library:
one model of many states tells, once a process. The first model of each kind is filtered by
statsmodels and by the kernel at a few other parameters as well, because zeros among its first ones
may hide a difference. Then each model is compared where its fit begins, and, by whoever uses this,
where it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Any

import numpy as np

from modelrun.engines.batched import available
from modelrun.engines.batched.columns import Floats
from modelrun.engines.batched.kalman import ORDERS, System

Filter = Callable[[], Floats | None]
"""Returns the log-likelihood of each observation; None where statsmodels must filter."""

_CONVENTIONAL, _DIVISION, _SYMMETRIC = 1, 1, 1
"""filter_method, a bit of inversion_method, stability_method."""

LEAST_TRIALS = 2
"""At how many other parameters statsmodels and the kernel must have been compared."""

_kinds: dict[Hashable, bool] = {}
"""Whether the kernel has the bits of statsmodels for models of a kind."""


def same_filter(
    space: Any, kalman: Any, *, kind: Hashable, elsewhere: Iterable[Callable[[], None]]
) -> Filter | None:
    """Return a filter that does what a filter of statsmodels has just done.

    Args:
        space: A dStatespace; its system matrices are read anew on each call.
        kalman: Its dKalmanFilter, after a pass over all observations.
        kind: What models have in common whose filters do the same operations.
        elsewhere: Each writes the system at other parameters, and leaves it so.

    Returns:
        None where there is none, or its bits differ.
    """
    if not available() or not _plain(space, kalman):
        return None
    order = known_order()
    if order is None:
        return None
    pass_over = kernel_pass(space, kalman, order)
    if not _alike(pass_over, kalman):
        return None
    if kind not in _kinds:
        tried = [_alike(pass_over, kalman) for move in elsewhere if _moved(move, kalman)]
        if len(tried) < LEAST_TRIALS:
            return None
        _kinds[kind] = all(tried)
    return pass_over if _kinds[kind] else None


@cache
def known_order() -> int | None:
    """Return the order in which sums are taken here; None where it is none of the kernel's."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    at = np.arange(1.0, 201.0)
    model = SARIMAX(10 * np.sin(at) + np.cos(at**2), order=(7, 1, 4), seasonal_order=(0, 1, 0, 7))
    model.loglike(np.concatenate([np.sin(np.arange(1.0, 12.0)) / 9, [2.0]]))
    space, kalman = model.ssm._statespaces["d"], model.ssm._kalman_filters["d"]  # noqa: SLF001
    return next((o for o in ORDERS if _alike(kernel_pass(space, kalman, o), kalman)), None)


def _moved(move: Callable[[], None], kalman: Any) -> bool:
    """Let statsmodels filter at other parameters; tell whether that says something."""
    changed = np.asarray(kalman.univariate_filter)
    move()
    try:
        kalman()
        return not changed.any() and bool(np.isfinite(kalman.loglikelihood).all())
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        return False
    finally:
        changed[:] = 0  # it would remember where it has changed its method


def _alike(pass_over: Filter, kalman: Any) -> bool:
    """Tell whether the kernel has the bits of statsmodels' last pass."""
    ours = pass_over()
    return ours is not None and np.array_equal(ours, np.asarray(kalman.loglikelihood))


def kernel_pass(space: Any, kalman: Any, order: int) -> Filter:
    """Return the kernel's filter; each call fills the same array.

    Args:
        space: A dStatespace with one shock and one series.
        kalman: Its dKalmanFilter.
        order: In which sums are taken.
    """
    variance = np.asarray(space.state_cov)[:, 0, 0]
    system = System(
        endog=np.asarray(space.obs)[0],
        obs_intercept=np.asarray(space.obs_intercept)[0],
        obs_cov=float(space.obs_cov[0, 0, 0]),
        design=np.asarray(space.design)[0, :, 0],
        transition=np.asarray(space.transition)[:, :, 0].T,
        state_intercept=np.asarray(space.state_intercept).T,
        selection=np.asarray(space.selection)[:, 0, 0],
        tolerance=kalman.tolerance if kalman.time_invariant else 0.0,
    )

    out = np.empty(len(kalman.loglikelihood))

    def pass_over() -> Floats | None:
        initial, initial_cov = space.initial_state, space.initial_state_cov.T
        defined = system.loglikelihood(variance[0], initial, initial_cov, order, out)
        return out if defined else None

    return pass_over


def _plain(space: Any, kalman: Any) -> bool:
    """Tell whether the kernel knows the kind of filter."""
    constant = (space.design, space.obs_cov, space.transition, space.selection, space.state_cov)
    return bool(
        space.k_endog == 1
        and space.k_posdef == 1
        and all(matrix.shape[2] == 1 for matrix in constant)
        and kalman.filter_method == _CONVENTIONAL
        and kalman.inversion_method & _DIVISION
        and kalman.stability_method == _SYMMETRIC
        and kalman.filter_timing == 0
        and kalman.nobs_diffuse == 0
        and not np.any(kalman.univariate_filter)
    )
