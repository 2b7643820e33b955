"""Multiple testing: p-values adjusted within families of tests, for millions of them at once.

The methods and their results are those of statsmodels.stats.multitest.multipletests: Bonferroni,
Holm (1979), Benjamini and Hochberg (1995), Benjamini and Yekutieli (2001). A p-value that is
missing stays missing and does not count as a test.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Method = Literal["bonferroni", "holm", "fdr_bh", "fdr_by"]


def adjust(p_value: Floats, family: npt.NDArray[np.int64], method: Method) -> Floats:
    """Return adjusted p-values.

    Args:
        p_value: Raw p-values, shape (n,); NaN where there is none.
        family: The family of each test as any number, shape (n,).
        method: statsmodels' name of the method.

    Returns:
        Adjusted p-values in the same order, at most 1, shape (n,).
    """
    adjusted = np.full(len(p_value), np.nan)
    tests = np.flatnonzero(~np.isnan(p_value))
    tests = tests[np.argsort(family[tests], kind="stable")]
    cuts = np.flatnonzero(np.diff(family[tests])) + 1
    for members in np.split(tests, cuts):
        if len(members):
            order = members[np.argsort(p_value[members])]
            adjusted[order] = _in_order(p_value[order], method)
    return adjusted


def _in_order(p: Floats, method: Method) -> Floats:
    """Adjust the ascending p-values of one family."""
    tests = len(p)
    match method:
        case "bonferroni":
            result = p * tests
        case "holm":
            result = np.maximum.accumulate(p * np.arange(tests, 0, -1))
        case "fdr_bh" | "fdr_by":
            share = np.arange(1, tests + 1) / tests
            if method == "fdr_by":
                share = share / np.sum(1 / np.arange(1, tests + 1))
            result = np.minimum.accumulate((p / share)[::-1])[::-1]
    return np.minimum(result, 1.0)
