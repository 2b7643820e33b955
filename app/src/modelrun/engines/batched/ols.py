"""OLS and WLS over many slices in one call.

Classical Gram-Schmidt twice (Giraud, Langou, Rozloznik and van den Eshof 2005) with every
covariance in the Q basis; see csrc/ols.c. Slices may overlap, so moving windows with a robust
covariance are the same call. Not for rank-deficient designs: those are reported, not estimated,
because statsmodels' minimum-norm answer is the contract there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import load
from modelrun.engines.batched.coefficients import Coefficients, by_row, to_fill
from modelrun.engines.batched.columns import Columns, Floats, slice_bounds
from modelrun.engines.batched.covariance import (
    Cluster,
    Covariance,
    Nonrobust,
    kernel_settings,
    uses_t,
)

STATISTICS = (
    "nobs", "k_constant", "df_model", "df_resid", "df_inference", "ssr", "scale", "tss",
    "r_squared", "adj_r_squared", "log_lik", "aic", "bic", "f_value", "f_p_value", "condition",
    "eta", "min_slack", "clusters",
)  # fmt: skip
"""Columns of OlsFits.statistics, in order."""

_INDEX = {name: j for j, name in enumerate(STATISTICS)}
_CONSTANT = {"detect": -1, "absent": 0, "present": 1}


@dataclass(frozen=True, slots=True)
class OlsFits:
    """Results of many fits.

    Attributes:
        coefficients: Arrays of shape (fits, p).
        statistics: Shape (fits, len(STATISTICS)); read a column by `statistic(name)`. `condition`
            is kappa_2, or an upper bound of it where the bound already passes the gate, unless
            exact_condition was asked for.
        cov: Covariance of the estimates, shape (fits, p, p), or None when not asked for.
        fitted: Fitted values of all slices one after the other, NaN in dropped rows, or None.
        resid: Residuals in the same layout, or None.
        status: gate.Status of each fit, shape (fits,), int8.
        reasons: gate.Reason flags of each fit, shape (fits,), uint16; see gate.hand_over.
        use_t: Whether inference used the t distribution.
    """

    coefficients: Coefficients
    statistics: Floats
    cov: Floats | None
    fitted: Floats | None
    resid: Floats | None
    status: npt.NDArray[np.int8]
    reasons: npt.NDArray[np.uint16]
    use_t: bool

    @classmethod
    def empty(
        cls,
        fits: int,
        p: int,
        *,
        use_t: bool,
        cov: bool = False,
        fitted: int | None = None,
        resid: int | None = None,
    ) -> OlsFits:
        """Arrays to be filled; `fitted` and `resid` are numbers of rows, None for none."""
        return cls(
            **to_fill(fits, p, len(STATISTICS), cov=cov),
            fitted=by_row(fitted),
            resid=by_row(resid),
            use_t=use_t,
        )

    def statistic(self, name: str) -> Floats:
        """One statistic of every fit, shape (fits,); `sigma` is the root of the scale.

        Raises:
            KeyError: No such statistic; the message lists them.
        """
        if name == "sigma":
            return np.sqrt(self.statistics[:, _INDEX["scale"]])
        if name not in _INDEX:
            message = f"no statistic {name!r}; there are {', '.join((*STATISTICS, 'sigma'))}"
            raise KeyError(message)
        return self.statistics[:, _INDEX[name]]


def fit(
    design: Columns,
    y: npt.ArrayLike,
    starts: npt.ArrayLike,
    stops: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    keep: npt.ArrayLike | None = None,
    covariance: Covariance | None = None,
    use_t: bool | None = None,
    conf_level: float = 0.95,
    constant: Literal["detect", "absent", "present"] = "detect",
    f_test: bool = True,
    want_cov: bool = False,
    want_fitted: bool = False,
    want_resid: bool = False,
    exact_condition: bool = False,
) -> OlsFits:
    """Fit y on the design in every slice.

    Args:
        design: Columns of the whole panel, n rows.
        y: Response, shape (n,).
        starts: First row of each fit, shape (fits,).
        stops: Row after the last of each fit, shape (fits,). Slices may overlap.
        weights: WLS weights, shape (n,), or None for OLS.
        keep: Mask of complete rows, shape (n,); others are dropped from each fit.
        covariance: Nonrobust() when None.
        use_t: statsmodels' default when None: t only for the nonrobust covariance.
        conf_level: Of the intervals, between 0 and 1.
        constant: Whether the design has a constant; statsmodels' detection by default.
        f_test: Compute the F statistic's p-value and, for robust covariances, the Wald F.
        want_cov: Return the covariance matrices.
        want_fitted: Return fitted values.
        want_resid: Return residuals.
        exact_condition: Singular values for every fit, for a published condition number.

    Raises:
        ImportError: The compiled module is missing; see modelrun.engines.batched.available.
        ValueError: Arrays do not fit together.
        MemoryError: The workspace of the largest slice does not fit.
    """
    kernels = load()
    first, last = slice_bounds(starts, stops)
    fits, p = len(first), design.p
    covariance = covariance if covariance is not None else Nonrobust()
    kind, lags, uniform, correction, df_correction, scale = kernel_settings(covariance)
    t = uses_t(covariance) if use_t is None else use_t
    clusters = covariance if isinstance(covariance, Cluster) else None
    rows = int((last - first).sum())
    result = OlsFits.empty(
        fits,
        p,
        use_t=t,
        cov=want_cov,
        fitted=rows if want_fitted else None,
        resid=rows if want_resid else None,
    )
    kernels.ols(
        design.data,
        np.ascontiguousarray(y, dtype=np.float64),
        None if weights is None else np.ascontiguousarray(weights, dtype=np.float64),
        None if keep is None else np.ascontiguousarray(keep, dtype=np.bool_),
        None if clusters is None else np.ascontiguousarray(clusters.groups, dtype=np.int32),
        0 if clusters is None else clusters.count,
        first,
        last,
        (
            kind, lags, uniform, correction, df_correction, t, _CONSTANT[constant], f_test,
            exact_condition, conf_level, scale,
        ),
        result.coefficients.arrays(),
        result.statistics,
        result.cov,
        result.fitted,
        result.resid,
        result.status,
        result.reasons,
    )  # fmt: skip
    return result
