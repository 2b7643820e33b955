"""The Kalman filter of one series with one shock, with the bits of statsmodels' filter.

An optimiser filters a series some fifty times, and most of a fit of ARIMA or SARIMAX is spent in
it. csrc/kalman.c does statsmodels' operations in the order in which OpenBLAS adds, without calls
of BLAS for matrices of three rows and without products with zeros. The order depends on the
processor and on the library, so both known ones are tried; the caller compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelrun.engines.batched import load
from modelrun.engines.batched.columns import Floats

ORDERS = (0, 1)
"""In which sums are taken: csrc/kalman.h."""


@dataclass(frozen=True, slots=True)
class System:
    """A state space model of a series of n observations, in m states; arrays are not copied.

    y[t] = d[t] + Z a[t] + noise, a[t + 1] = c[t] + T a[t] + R shock, in the words of Durbin and
    Koopman (2012), chapter 4. Matrices lie in memory by columns: hand over what is transposed.
    """

    endog: Floats
    """(n,), NaN where missing."""

    obs_intercept: Floats
    """d: (1,), or (n,)."""

    obs_cov: float
    """Variance of the noise."""

    design: Floats
    """Z: (m,)."""

    transition: Floats
    """T transposed: (m, m)."""

    state_intercept: Floats
    """c: (m,), or (n, m)."""

    selection: Floats
    """R: (m,)."""

    tolerance: float
    """Squared change of the covariance from which on it is constant; 0 for never."""

    def loglikelihood(
        self, variance: float, initial: Any, initial_cov: Any, order: int, out: Floats
    ) -> bool:
        """Fill the log-likelihood of each observation.

        Args:
            variance: Of the shock.
            initial: a[0]: (m,).
            initial_cov: Its covariance transposed: (m, m).
            order: One of ORDERS.
            out: (n,).

        Returns:
            Whether it is defined; else a forecast variance was below 1e-12, where statsmodels goes
            on with another filter.

        Raises:
            ValueError: An array is too short.
            TypeError: An array does not hold double precision.
        """
        defined: bool = load().kalman(
            self.endog,
            self.obs_intercept,
            self.obs_cov,
            self.design,
            self.transition,
            self.state_intercept,
            self.selection,
            variance,
            initial,
            initial_cov,
            self.tolerance,
            order,
            out,
        )
        return defined
