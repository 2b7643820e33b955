"""Which covariance of the estimates, with statsmodels' defaults and small-sample conventions.

A closed union, one class a kind, because each takes other settings. What is not here (HAC of
panels, Driscoll and Kraay, two-way clusters, CRV3) is not batched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Nonrobust:
    """s^2 (X'X)^-1; t distribution by default."""


@dataclass(frozen=True, slots=True)
class FixedScale:
    """scale (X'X)^-1 with a scale that is given."""

    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class HC:
    """White's covariance; HC1 is scaled by n / (n - p), HC2 and HC3 divide by powers of 1 - h."""

    kind: Literal["HC0", "HC1", "HC2", "HC3"]


@dataclass(frozen=True, slots=True)
class HAC:
    """Newey and West; maxlags None is floor(4 (n / 100)^(2/9)) of each fit."""

    maxlags: int | None
    kernel: Literal["bartlett", "uniform"] = "bartlett"
    use_correction: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """One-way clusters (CRV1).

    Attributes:
        groups: Cluster code of every row of the panel, shape (n,), int32 from 0 (see `coded`).
        count: Number of codes.
        use_correction: Multiply by G / (G - 1) (n - 1) / (n - p).
        df_correction: Inference with G - 1 degrees of freedom where the t distribution is used.
    """

    groups: npt.NDArray[np.int32]
    count: int
    use_correction: bool = True
    df_correction: bool = True

    @classmethod
    def coded(
        cls, labels: npt.ArrayLike, *, use_correction: bool = True, df_correction: bool = True
    ) -> Cluster:
        """Code arbitrary labels of the rows of the panel."""
        levels, codes = np.unique(np.asarray(labels), return_inverse=True)
        return cls(
            np.ascontiguousarray(codes, dtype=np.int32), len(levels), use_correction, df_correction
        )


_KINDS = {"HC0": 1, "HC1": 2, "HC2": 3, "HC3": 4}

Covariance = Nonrobust | FixedScale | HC | HAC | Cluster


def uses_t(covariance: Covariance) -> bool:
    """Whether t is the default as in statsmodels: only where the covariance is not robust."""
    return isinstance(covariance, Nonrobust)


def kernel_settings(covariance: Covariance) -> tuple[int, int, bool, bool, bool, float]:
    """Kind, lags, uniform, correction, df_correction and fixed scale as the kernel numbers them."""
    match covariance:
        case Nonrobust():
            return 0, 0, False, False, False, 1.0
        case FixedScale(scale):
            return 7, 0, False, False, False, scale
        case HC(kind):
            return _KINDS[kind], 0, False, False, False, 1.0
        case HAC(maxlags, kernel, use_correction):
            lags = -1 if maxlags is None else maxlags
            return 5, lags, kernel == "uniform", use_correction, False, 1.0
        case Cluster():
            return 6, 0, False, covariance.use_correction, covariance.df_correction, 1.0
