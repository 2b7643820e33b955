"""Moving and growing windows, nonrobust, at a cost that does not depend on the window's length.

Sliding-window aggregation (van Herk 1992, Gil and Werman 1993) over the triangular factor of
[X | y]; see csrc/rolling.c. Never subtracts, so an outlier that leaves a window leaves no trace.
Not for robust covariances or residuals, which need the rows: `ols.fit` takes overlapping slices.
Not for designs without a column of ones: whether other columns span a constant needs the rows too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import load
from modelrun.engines.batched.coefficients import Coefficients
from modelrun.engines.batched.columns import Columns, slice_bounds
from modelrun.engines.batched.ols import STATISTICS, OlsFits


def fit(
    design: Columns,
    y: npt.ArrayLike,
    starts: npt.ArrayLike,
    stops: npt.ArrayLike,
    *,
    origins: npt.ArrayLike,
    block: int,
    keep: npt.ArrayLike | None = None,
    use_t: bool = True,
    conf_level: float = 0.95,
    f_test: bool = True,
    exact_condition: bool = False,
) -> OlsFits:
    """Fit y on the design in every window by OLS.

    Fast when windows of one segment follow each other in order; correct in any order. A window's
    numbers depend on its own bounds, its origin and the block alone, not on its neighbours in the
    call, so that any split into calls gives the same bits.

    Args:
        design: Columns of the whole panel, n rows, with a column of ones (None).
        y: Response, shape (n,).
        starts: First row of each window, shape (fits,).
        stops: Row after the last of each window, shape (fits,).
        origins: First row of the segment each window belongs to, shape (fits,).
        block: Rows between two boundaries, counted from the origin: the window's length for
            rolling windows of fixed length, a typical length otherwise; any value for growing
            windows, which start at their origin. Must be the same in every call of a study.
        keep: Mask of complete rows, shape (n,).
        use_t: Inference by the t distribution.
        conf_level: Of the intervals.
        f_test: Compute the p-value of F.
        exact_condition: Singular values for every window.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: Arrays do not fit together, or the design has no column of ones.
        MemoryError: block + 4 triangles of p + 1 columns do not fit.
    """
    kernels = load()
    first, last = slice_bounds(starts, stops)
    fits = len(first)
    if design.ones is None:
        message = "rolling.fit: the design has no column of ones (None); use ols.fit for it"
        raise ValueError(message)
    result = OlsFits(
        coefficients=Coefficients.empty(fits, design.p),
        statistics=np.empty((fits, len(STATISTICS))),
        cov=None,
        fitted=None,
        resid=None,
        status=np.empty(fits, dtype=np.int8),
        reasons=np.empty(fits, dtype=np.uint16),
        use_t=use_t,
    )
    kernels.rolling(
        design.data,
        np.ascontiguousarray(y, dtype=np.float64),
        None if keep is None else np.ascontiguousarray(keep, dtype=np.bool_),
        first,
        last,
        np.ascontiguousarray(np.broadcast_to(origins, first.shape), dtype=np.int64),
        block,
        (use_t, design.ones, f_test, exact_condition, conf_level),
        result.coefficients.arrays(),
        result.statistics,
        result.status,
        result.reasons,
    )
    return result
