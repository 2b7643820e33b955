"""Whether the data separate: our own verdict, because estimators often keep silent.

Logit raises nothing and stops at its limit of iterations, GLM says it converged with standard
errors of 1e5. Separation is a property of the data alone: a direction exists along which moving
never makes the fit worse. It is decided by a linear program (Konis 2007 for binary responses;
Correia, Guimarães and Zylkin 2019 for counts), solved only for fits that look like it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SUSPICIOUS = 1e-6
"""A fitted probability this close to its observation, or a fitted count this close to zero, makes
a fit look separated. Quasi-separated fits stop far below: at 1e-8 and less."""

_MARGIN = 1e-6
"""Slack of the linear program that counts as more than rounding, with columns scaled to one."""


def looks_separated(endog: Floats, mean: Floats, *, counts: bool) -> bool:
    """Return whether the linear program should be asked.

    Args:
        endog: The response, shape (n,): zeros and ones, shares, or counts.
        mean: Fitted means, shape (n,).
        counts: Whether the response is a count.
    """
    if not np.isfinite(mean).all():
        return True
    if counts:
        return bool((mean[endog == 0] < SUSPICIOUS).any())
    extreme = ((endog == 0) & (mean < SUSPICIOUS)) | ((endog == 1) & (mean > 1 - SUSPICIOUS))
    return bool(extreme.any())


def separated(endog: Floats, exog: Floats, *, counts: bool) -> bool:
    """Return whether a direction separates the data, perfectly or in part.

    For zeros and ones: some b with (2 y_i - 1) x_i'b >= 0 for all i and > 0 for one. For counts:
    x_i'b = 0 where y_i > 0, and x_i'b <= 0 where y_i = 0, and < 0 for one. Rows with a share
    strictly between zero and one bind as counts above zero do.

    Args:
        endog: The response, shape (n,).
        exog: The design, shape (n, p).
        counts: Whether the response is a count.
    """
    from scipy.optimize import linprog

    scale = np.abs(exog).max(axis=0)
    x = exog / np.where(scale > 0, scale, 1.0)
    if counts:
        free, tied = endog == 0, endog > 0
        signed = -x[free]
    else:
        free = (endog == 0) | (endog == 1)
        tied = ~free
        signed = x[free] * np.where(endog[free] == 1, 1.0, -1.0)[:, None]
    if not len(signed):
        return False
    # Repeated rows are frequent (dummies) and say nothing new.
    signed = np.unique(signed, axis=0)
    equal = np.unique(x[tied], axis=0) if tied.any() else None
    if equal is not None and len(equal) > x.shape[1]:
        # Only the space that the rows span matters.
        equal = np.asarray(np.linalg.qr(equal, mode="r"))
    answer = linprog(
        -signed.sum(axis=0) / len(signed),
        A_ub=-signed,
        b_ub=np.zeros(len(signed)),
        A_eq=equal,
        b_eq=None if equal is None else np.zeros(len(equal)),
        bounds=(-1, 1),
        method="highs",
    )
    return bool(answer.status == 0 and (signed @ answer.x).max() > _MARGIN)
