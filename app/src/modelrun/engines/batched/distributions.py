"""Tail probabilities and quantiles without SciPy, whose import costs more than most runs of them.

Didonato and Morris' continued fraction of the incomplete beta function in csrc/dist.c: relative
errors near 1e-15 into the far tail. For code outside the kernels, such as adjusted p-values.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import load
from modelrun.engines.batched.columns import Floats


class _Function(IntEnum):
    NORMAL_TWO_SIDED = 0
    NORMAL_QUANTILE = 1
    T_TWO_SIDED = 2
    T_QUANTILE = 3
    F_UPPER = 4
    CHI2_UPPER = 5


def normal_two_sided(z: npt.ArrayLike) -> Floats:
    """P(|Z| > |z|), elementwise."""
    return _call(_Function.NORMAL_TWO_SIDED, z)


def normal_quantile(q: npt.ArrayLike) -> Floats:
    """The z with P(Z <= z) = q, elementwise."""
    return _call(_Function.NORMAL_QUANTILE, q)


def t_two_sided(t: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """P(|T| > |t|) with df degrees of freedom, elementwise."""
    return _call(_Function.T_TWO_SIDED, t, df)


def t_quantile(q: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """The t with P(T <= t) = q, for 0.5 <= q < 1, elementwise."""
    return _call(_Function.T_QUANTILE, q, df)


def f_upper(f: npt.ArrayLike, df1: npt.ArrayLike, df2: npt.ArrayLike) -> Floats:
    """P(F > f), elementwise."""
    return _call(_Function.F_UPPER, f, df1, df2)


def chi2_upper(x: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """P(X > x) for chi-squared, elementwise."""
    return _call(_Function.CHI2_UPPER, x, df)


def _call(function: _Function, *arguments: npt.ArrayLike) -> Floats:
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in arguments))
    flat = [np.ascontiguousarray(array).ravel() for array in arrays]
    out = np.empty(flat[0].size)
    padded = [*flat, *[None] * (3 - len(flat))]
    load().distribution(int(function), *padded, out)
    return out.reshape(arrays[0].shape)
