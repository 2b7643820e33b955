"""Quantile regression over many slices in one call: statsmodels' own iteration, compiled.

The iterates of statsmodels are reproduced, including where they stop; they are not quite the
quantile solution, because residuals are kept 1e-6 away from zero (csrc/quantile_irls.c). Rounding
can turn the iteration elsewhere; `check` finds where. These 1e-6, and the stop test, are absolute:
of responses of size one about 2 % are flagged, of size 1,000 half, since what rounding does to them
is as large. Contract: the same number of iterations and 1e-8 of max(|b|, se) in 99.5 % of the fits
that pass, 1e-6, which is statsmodels' own stop test, in all.

`exact` is another solver under its own name: the optimum of the linear program, by an interior
point and the simplex method (csrc/frisch.c). Contract: the loss is above the optimum by less than
1e-10 of it. A slice with several optima is flagged, because any of them would do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import load
from modelrun.engines.batched.coefficients import Coefficients, by_row, to_fill
from modelrun.engines.batched.columns import Columns, Floats, slice_bounds

STATISTICS = (
    "nobs", "k_constant", "df_model", "df_resid", "pseudo_r_squared", "bandwidth", "sparsity",
    "iterations", "converged", "condition", "eta",
)  # fmt: skip
"""Columns of QuantileFits.statistics, in order."""

_INDEX = {name: j for j, name in enumerate(STATISTICS)}
_KERNELS = {"epa": 0, "biw": 1, "cos": 2, "gau": 3, "par": 4}
_BANDWIDTHS = {"hsheather": 0, "bofinger": 1, "chamberlain": 2}
_CONSTANT = {"detect": -1, "absent": 0, "present": 1}

KernelName = Literal["epa", "biw", "cos", "gau", "par"]
BandwidthName = Literal["hsheather", "bofinger", "chamberlain"]


class Options(TypedDict, total=False):
    """What is fitted, and how; `settings` has the defaults.

    Attributes:
        q: The quantile, between 0 and 1.
        vcov: Sandwich or iid covariance.
        kernel: Of the density of the errors.
        bandwidth: Its rule.
        max_iter: Iterations at most.
        p_tol: Largest move of a coefficient at the stop.
        check: Send a disturbed twin beside each iteration, and flag what it could turn elsewhere.
        exact: Go to the optimum instead of following statsmodels' iteration; max_iter, p_tol and
            check then mean nothing.
        use_t: Inference by the t distribution.
        conf_level: Of the intervals.
        constant: Whether the design has a constant.
    """

    q: float
    vcov: Literal["robust", "iid"]
    kernel: KernelName
    bandwidth: BandwidthName
    max_iter: int
    p_tol: float
    check: bool
    exact: bool
    use_t: bool
    conf_level: float
    constant: Literal["detect", "absent", "present"]


@dataclass(frozen=True, slots=True)
class QuantileFits:
    """Results of many fits; the attributes are those of ols.OlsFits.

    A fit that reached max_iter, or runs in a circle, is NOT_CONVERGED and keeps its coefficients.
    """

    coefficients: Coefficients
    statistics: Floats
    cov: Floats | None
    fitted: Floats | None
    resid: Floats | None
    status: npt.NDArray[np.int8]
    reasons: npt.NDArray[np.uint16]
    use_t: bool
    exact: bool

    @classmethod
    def empty(
        cls,
        fits: int,
        p: int,
        options: Options,
        *,
        cov: bool = False,
        fitted: int | None = None,
        resid: int | None = None,
    ) -> QuantileFits:
        """Arrays to be filled; `fitted` and `resid` are numbers of rows, None for none."""
        return cls(
            **to_fill(fits, p, len(STATISTICS), cov=cov),
            fitted=by_row(fitted),
            resid=by_row(resid),
            use_t=options.get("use_t", True),
            exact=options.get("exact", False),
        )

    def statistic(self, name: str) -> Floats:
        """One statistic of every fit, shape (fits,).

        Raises:
            KeyError: No such statistic; the message lists them.
        """
        if name not in _INDEX:
            message = f"no statistic {name!r}; there are {', '.join(STATISTICS)}"
            raise KeyError(message)
        return self.statistics[:, _INDEX[name]]


def settings(
    *,
    q: float = 0.5,
    vcov: Literal["robust", "iid"] = "robust",
    kernel: KernelName = "epa",
    bandwidth: BandwidthName = "hsheather",
    max_iter: int = 1000,
    p_tol: float = 1e-6,
    check: bool = True,
    exact: bool = False,
    use_t: bool = True,
    conf_level: float = 0.95,
    constant: Literal["detect", "absent", "present"] = "detect",
) -> tuple[float, ...]:
    """Options with their defaults, in the order that the compiled module expects.

    Raises:
        ValueError: q is not strictly between 0 and 1.
    """
    if not 0 < q < 1:
        message = f"q is {q}; allowed is a quantile strictly between 0 and 1"
        raise ValueError(message)
    return (
        q, vcov == "robust", _KERNELS[kernel], _BANDWIDTHS[bandwidth], max_iter, p_tol,
        check, use_t, _CONSTANT[constant], conf_level, exact,
    )  # fmt: skip


def fit(
    design: Columns,
    y: npt.ArrayLike,
    starts: npt.ArrayLike,
    stops: npt.ArrayLike,
    *,
    keep: npt.ArrayLike | None = None,
    want_cov: bool = False,
    want_fitted: bool = False,
    want_resid: bool = False,
    **options: Unpack[Options],
) -> QuantileFits:
    """Fit one quantile in every slice.

    Args:
        design: Columns of the whole panel, n rows.
        y: Response, shape (n,).
        starts: First row of each fit, shape (fits,).
        stops: Row after the last of each fit, shape (fits,).
        keep: Mask of complete rows, shape (n,).
        want_cov: Return the covariance matrices.
        want_fitted: Return fitted values.
        want_resid: Return residuals.
        options: See Options.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: Arrays do not fit together, or q is not strictly between 0 and 1.
        MemoryError: The workspace of the largest slice does not fit.
    """
    numbers = settings(**options)
    kernels = load()
    first, last = slice_bounds(starts, stops)
    fits, p, rows = len(first), design.p, int((last - first).sum())
    result = QuantileFits.empty(
        fits,
        p,
        options,
        cov=want_cov,
        fitted=rows if want_fitted else None,
        resid=rows if want_resid else None,
    )
    kernels.quantile(
        design.data,
        np.ascontiguousarray(y, dtype=np.float64),
        None if keep is None else np.ascontiguousarray(keep, dtype=np.bool_),
        first,
        last,
        numbers,
        result.coefficients.arrays(),
        result.statistics,
        result.cov,
        result.fitted,
        result.resid,
        result.status,
        result.reasons,
    )
    return result
