"""The filter of a state space model of statsmodels, by our kernel where it gets the same bits.

Nothing is taken on trust: a filter is used for a model after it has reproduced every bit of an
evaluation that statsmodels has done, and whoever uses it compares again where the optimiser ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelrun.engines.batched import available
from modelrun.engines.batched.columns import Floats
from modelrun.engines.batched.kalman import ORDERS, System

Filter = Callable[[], Floats | None]
"""Returns the log-likelihood of each observation; None where statsmodels must filter."""

_CONVENTIONAL, _DIVISION, _SYMMETRIC = 1, 1, 1
"""filter_method, a bit of inversion_method, stability_method."""


def same_filter(space: Any, kalman: Any) -> Filter | None:
    """Return a filter that does what a filter of statsmodels has just done.

    Args:
        space: A dStatespace; its system matrices are read anew on each call.
        kalman: Its dKalmanFilter, after a pass over all observations.

    Returns:
        None where there is none, or its bits differ.
    """
    if not available() or not _plain(space, kalman):
        return None
    run = kernel_pass(space, kalman)
    theirs = np.array(kalman.loglikelihood)
    out = np.empty_like(theirs)
    for order in ORDERS:
        if run(order, out) and np.array_equal(out, theirs):
            return lambda: out if run(order, out) else None
    return None


def kernel_pass(space: Any, kalman: Any) -> Callable[[int, Floats], bool]:
    """Return what passes over all observations, as System.loglikelihood does.

    Args:
        space: A dStatespace with one shock and one series.
        kalman: Its dKalmanFilter.
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

    def run(order: int, out: Floats) -> bool:
        return system.loglikelihood(
            variance[0], space.initial_state, space.initial_state_cov.T, order, out
        )

    return run


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
