"""How far the digits of a linear fit can be trusted: the gate of the contract, and collinearity.

statsmodels does not agree with itself to 1e-8 on every data set; eta says on which it does. The
kernels judge by the same numbers, so that a fit has the same word in the column `numerics`
whichever engine it went through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched.gate import ETA, LEVERAGE

Floats = npt.NDArray[np.float64]

_CUT = 1e-15
"""Relative singular values that statsmodels' pseudo-inverse leaves out."""


@dataclass(frozen=True, slots=True)
class Stability:
    """The verdict on one linear fit."""

    gated: bool
    rank_deficient: bool


def of_linear(results: Any) -> Stability:
    """Judge the results of OLS or WLS.

    Args:
        results: RegressionResults without their wrapper.
    """
    model = results.model
    singular = model.wexog_singular_values
    largest = singular[0]
    kept = singular[singular > _CUT * largest]
    residual = float(np.sqrt(results.ssr))
    response = float(np.linalg.norm(model.wendog))
    if not len(kept) or residual == 0:
        gated = False
    else:
        eta = np.finfo(np.float64).eps * largest / kept[-1] * response / residual
        gated = bool(eta <= ETA)
    if gated and results.cov_type in {"HC2", "HC3"}:
        leverage = np.einsum("ij,ji->i", model.wexog, model.pinv_wexog)
        gated = bool((1 - leverage > LEVERAGE).all())
    return Stability(gated, bool(model.rank < model.wexog.shape[1]))


def rank_deficient(exog: Floats) -> bool:
    """Return whether the columns of a design are linearly dependent, as NumPy's rank sees it."""
    return bool(np.linalg.matrix_rank(exog) < exog.shape[1])
