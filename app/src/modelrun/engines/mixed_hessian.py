"""The Hessian of a mixed model's likelihood, by products of arrays instead of loops over groups.

It gives the standard errors and is taken once a fit; in statsmodels it costs as much as the search
for the estimates. Formulas: Lindstrom and Bates 1988, in the parameters and the order of
statsmodels' MixedLM.hessian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Products:
    """What the Hessian is made of, for G groups, k random effects and p fixed effects.

    V is a group's covariance over the error variance, Z its random and X its fixed columns, r its
    residuals.
    """

    effects: Floats
    """Z'V⁻¹Z of each group, shape (G, k, k)."""

    mixed: Floats
    """X'V⁻¹Z of each group, shape (G, p, k)."""

    residual: Floats
    """Z'V⁻¹r of each group, shape (G, k)."""

    fixed: Floats
    """X'V⁻¹X of all groups together, shape (p, p)."""

    quadratic: float
    """r'V⁻¹r of all groups together."""


def hessian(products: Products, *, rows: int, reml: bool) -> Floats:
    """Return the second derivatives, shape (p + m, p + m) with m = k (k + 1) / 2.

    Args:
        products: Sums over the rows of each group.
        rows: Rows of the data, less the p fixed effects for REML.
        reml: Whether the restricted likelihood is meant.
    """
    across, mixed, residual = products.effects, products.mixed, products.residual
    k, p = across.shape[-1], mixed.shape[1]
    # The derivative of V by a covariance has two terms, by a variance one.
    terms = [sorted({(a, b), (b, a)}) for a in range(k) for b in range(a + 1)]
    m = len(terms)
    first = np.zeros(m)
    slopes = np.zeros((m, p))
    second, traces, restricted = np.zeros((3, m, m))
    by_fixed: list[Any] = []
    for i, left in enumerate(terms):
        first[i] = sum(residual[:, a] @ residual[:, b] for a, b in left)
        slopes[i] = sum(residual[:, b] @ mixed[:, :, a] for a, b in left)
        if reml:
            outer: Any = sum(mixed[:, :, a].T @ mixed[:, :, b] for a, b in left)
            by_fixed.append(np.linalg.solve(products.fixed, outer))
        for j, right in enumerate(terms[: i + 1]):
            pairs = [(a, b, c, d) for a, b in left for c, d in right]
            second[i, j] = second[j, i] = 2 * sum(
                residual[:, c] @ (across[:, d, a] * residual[:, b]) for a, b, c, d in pairs
            )
            traces[i, j] = traces[j, i] = 0.5 * sum(
                across[:, d, a] @ across[:, c, b] for a, b, c, d in pairs
            )
            if reml:
                half: Any = sum(
                    mixed[:, :, c].T @ (across[:, d, a, None] * mixed[:, :, b])
                    for a, b, c, d in pairs
                )
                value = np.sum(by_fixed[i].T * by_fixed[j])
                value -= np.trace(np.linalg.solve(products.fixed, half + half.T))
                restricted[i, j] = restricted[j, i] = 0.5 * value
    scale = products.quadratic
    whole = np.empty((p + m, p + m))
    whole[:p, :p] = -rows * products.fixed / scale
    whole[p:, :p] = -rows * slopes / scale
    whole[:p, p:] = whole[p:, :p].T
    profile = second / scale - np.outer(first, first) / scale**2
    whole[p:, p:] = traces + restricted - 0.5 * rows * profile
    return whole
