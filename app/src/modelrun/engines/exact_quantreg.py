"""Quantile regression to its optimum, by `fit: {method: exact}`.

statsmodels iterates reweighted least squares, whose fixed point is near the quantile solution, and
where it stops after max_iter up to 10 % off. The optimum is therefore a solver of its own: it is
never taken unless a file names it. The compiled kernels have it (batched/csrc/frisch.c); here is
the same on statsmodels' classes, for what the kernels hand over and for machines without them: the
linear program by HiGHS, then statsmodels' own standard errors at that solution.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from modelrun.engines.failures import UndeterminedError
from modelrun.errors import UserMistake

Floats = npt.NDArray[np.float64]

METHOD: Final = "exact"
"""How a file asks for it."""

_ZERO = 1e-11
"""Residuals below this share of the mean residual are those of rows on the fitted plane."""


def asked(fit: Mapping[str, Any]) -> bool:
    """Return whether the fit keywords of a QuantReg ask for the optimum."""
    return fit.get("method") == METHOD


def check(fit: Mapping[str, Any], *, field: str) -> None:
    """Judge the fit keywords of a QuantReg.

    Raises:
        UserMistake: `method` is another word, or goes with keywords of statsmodels' iteration.
    """
    if "method" not in fit:
        return
    if not asked(fit):
        raise UserMistake(
            f"QuantReg has no method {fit['method']!r}: write method: {METHOD} for the optimum of "
            "the linear program, or leave it out for statsmodels' own iteration",
            field=f"{field}.method",
        )
    for name in ("max_iter", "p_tol"):
        if name in fit:
            raise UserMistake(
                f"{name} belongs to statsmodels' iteration, not to method: {METHOD}; leave one of "
                "them out",
                field=f"{field}.{name}",
            )


def solve(endog: Floats, exog: Floats, q: float) -> tuple[Floats, Floats]:
    """Return estimates (p,) and residuals (n,) of least check loss.

    Collinear columns get the solution of least norm, as elsewhere in statsmodels.

    Raises:
        UndeterminedError: The linear program was not solved.
    """
    from scipy.optimize import linprog

    left, sizes, right = np.linalg.svd(exog, full_matrices=False)
    kept = sizes > sizes[0] * max(exog.shape) * np.finfo(np.float64).eps
    basis = left[:, kept]
    start = basis.T @ endog
    rest = endog - basis @ start
    start += basis.T @ rest
    rest = endog - basis @ start
    unit = float(np.abs(rest).mean())
    move = np.zeros(basis.shape[1])
    if unit > _ZERO * np.abs(endog).max():
        # The dual: its solution tells the plane by the prices of its equations.
        found = linprog(
            -rest / unit,
            A_eq=basis.T,
            b_eq=(1 - q) * basis.sum(axis=0),
            bounds=(0, 1),
            method="highs",
        )
        if not found.success:
            raise UndeterminedError(f"the linear program was not solved: {found.message}")
        move = _on_its_rows(basis, rest / unit, -np.asarray(found.eqlin.marginals))
        rest = rest / unit - basis @ move
        rest = unit * np.where(np.abs(rest) < _ZERO, 0.0, rest)
    else:
        rest = np.zeros_like(endog)
    estimate: Floats = right[kept].T @ ((start + unit * move) / sizes[kept])
    return estimate, rest


def _on_its_rows(basis: Floats, rest: Floats, near: Floats) -> Floats:
    """Return the plane through the rows that `near` passes, without the solver's tolerance."""
    rows = np.argsort(np.abs(rest - basis @ near), kind="stable")[: basis.shape[1]]
    try:
        through = np.linalg.solve(basis[rows], rest[rows])
    except np.linalg.LinAlgError:
        return near
    close = np.allclose(through, near, rtol=1e-6, atol=1e-6)
    return np.asarray(through, dtype=np.float64) if close else near


@lru_cache(maxsize=1)
def exact_class() -> Any:
    """Return QuantReg with the other solver; statsmodels is imported on the first call."""
    from scipy import stats
    from statsmodels.regression import quantile_regression as theirs
    from statsmodels.regression.linear_model import RegressionResultsWrapper

    rules = {
        "hsheather": theirs.hall_sheather,
        "bofinger": theirs.bofinger,
        "chamberlain": theirs.chamberlain,
    }

    class ExactQuantReg(theirs.QuantReg):  # type: ignore[misc]
        """QuantReg whose estimates are the optimum; standard errors as statsmodels has them."""

        def fit(
            self,
            q: float = 0.5,
            vcov: str = "robust",
            kernel: str = "epa",
            bandwidth: str = "hsheather",
            method: str = METHOD,
            disp: int = 0,  # noqa: ARG002 - all classes are told to be quiet
        ) -> Any:
            if method != METHOD:
                raise ValueError(f"method is {method!r}")
            if not 0 < q < 1:
                raise ValueError("q must be strictly between 0 and 1")
            n = self.nobs
            self.rank = np.linalg.matrix_rank(self.exog)
            self.df_model = float(self.rank - self.k_constant)
            self.df_resid = n - self.rank
            estimate, e = solve(self.endog, self.exog, q)
            quarter, half = stats.scoreatpercentile(e, 25), stats.scoreatpercentile(e, 75)
            h = rules[bandwidth](n, q)
            h = min(np.std(self.endog), (half - quarter) / 1.34) * (
                stats.norm.ppf(q + h) - stats.norm.ppf(q - h)
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                density = 1.0 / (n * h) * np.sum(theirs.kernels[kernel](e / h))
                inverse = np.linalg.pinv(self.exog.T @ self.exog)
                if vcov == "robust":
                    squares = np.where(e > 0, (q / density) ** 2, ((1 - q) / density) ** 2)
                    middle = (self.exog.T * squares) @ self.exog
                    cov = inverse @ middle @ inverse
                else:
                    cov = (1.0 / density) ** 2 * q * (1 - q) * inverse
            found = theirs.QuantRegResults(self, estimate, normalized_cov_params=cov)
            found.q, found.sparsity, found.bandwidth = q, 1.0 / density, h
            return RegressionResultsWrapper(found)

    ExactQuantReg.__name__ = ExactQuantReg.__qualname__ = "QuantReg"
    return ExactQuantReg
