"""Logit, Probit and Poisson over many slices in one call: statsmodels' Newton method, compiled.

With its ridge of 1e-10 on the mean Hessian, its starting values and its verdicts (csrc/newton.c):
where a badly scaled column makes statsmodels stop early, so does this. The null model's likelihood
is exact, statsmodels' is a numerical optimum.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import likelihood
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import Covariance, Nonrobust
from modelrun.engines.batched.likelihood import Inputs, LikelihoodFits, Settings, Wanted

ModelName = Literal["Logit", "Probit", "Poisson"]

FAMILY_AND_LINK: dict[str, tuple[int, int]] = {
    "Logit": (2, 2),
    "Probit": (2, 3),
    "Poisson": (1, 1),
}
"""Distribution and link of each model as the kernels number them (csrc/family.h)."""


def fit(
    design: Columns,
    y: npt.ArrayLike,
    starts: npt.ArrayLike,
    stops: npt.ArrayLike,
    *,
    model: ModelName,
    offset: npt.ArrayLike | None = None,
    exposure: npt.ArrayLike | None = None,
    keep: npt.ArrayLike | None = None,
    covariance: Covariance | None = None,
    use_t: bool = False,
    conf_level: float = 0.95,
    maxiter: int = 35,
    wanted: Wanted | None = None,
) -> LikelihoodFits:
    """Fit a discrete model in every slice by Newton's method.

    Args:
        design: Columns of the whole panel, n rows.
        y: Response, shape (n,): in [0, 1] for Logit, 0 or 1 for Probit, counts for Poisson.
        starts: First row of each fit, shape (fits,).
        stops: Row after the last of each fit, shape (fits,).
        model: Which one.
        offset: Added to the linear predictor, shape (n,).
        exposure: Its logarithm is added; Poisson only.
        keep: Mask of complete rows, shape (n,).
        covariance: Nonrobust() when None; HC0 to HC3 are one here, as in statsmodels.
        use_t: Inference by the t distribution.
        conf_level: Of the intervals.
        maxiter: Iterations at most; statsmodels calls a fit that needs exactly that many not
            converged, and so does this.
        wanted: Null model only when None.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: Arrays do not fit together.
        MemoryError: The workspace of the largest slice does not fit.
    """
    if exposure is not None:
        logs = np.log(np.asarray(exposure, dtype=np.float64))
        offset = logs if offset is None else np.asarray(offset, dtype=np.float64) + logs
    family, link = FAMILY_AND_LINK[model]
    settings = Settings(
        newton=True, family=family, link=link, alpha=1.0, scale_type=0, scale=1.0,
        max_iterations=maxiter,
    )  # fmt: skip
    return likelihood.fit(
        design, y, starts, stops, Inputs(offset=offset, keep=keep), settings,
        covariance if covariance is not None else Nonrobust(), wanted or Wanted(),
        use_t=use_t, conf_level=conf_level,
    )  # fmt: skip
