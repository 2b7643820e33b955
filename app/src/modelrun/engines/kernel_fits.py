"""Results of the kernels under the names of the tables, one shape for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import gate
from modelrun.engines.batched.coefficients import Coefficients
from modelrun.engines.batched.likelihood import LikelihoodFits
from modelrun.engines.batched.ols import OlsFits
from modelrun.engines.batched.quantreg import QuantileFits

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LINEAR = {
    "df_model": "df_model",
    "df_residual": "df_resid",
    "r_squared": "r_squared",
    "adj_r_squared": "adj_r_squared",
    "sigma": "sigma",
    "f_statistic": "f_value",
    "f_p_value": "f_p_value",
    "log_lik": "log_lik",
    "aic": "aic",
    "bic": "bic",
    "condition_number": "condition",
}
_DISCRETE = {
    "df_model": "df_model",
    "df_residual": "df_resid",
    "pseudo_r_squared": "pseudo_r2_mcfadden",
    "sigma": "sigma",
    "log_lik": "log_lik",
    "log_lik_null": "ll_null",
    "aic": "aic",
    "bic": "bic",
    "iterations": "iterations",
}
_GLM = _DISCRETE | {
    "deviance": "deviance",
    "null_deviance": "null_deviance",
    "pearson_chi2": "pearson_chi2",
}
_QUANTILE = {
    "df_model": "df_model",
    "df_residual": "df_resid",
    "pseudo_r_squared": "pseudo_r_squared",
    "iterations": "iterations",
}
_COLUMNS = {
    "estimate": "params",
    "std_error": "bse",
    "statistic": "statistic",
    "p_value": "p_value",
    "conf_low": "low",
    "conf_high": "high",
}


@dataclass(frozen=True, slots=True)
class KernelFits:
    """Fits of one call, n of them with k terms."""

    coefficients: Mapping[str, Floats]
    """The asked columns, each of shape (n, k)."""

    statistics: Mapping[str, Floats]
    """The asked statistics that the estimator has, each of shape (n,)."""

    df: Floats
    """Degrees of freedom of inference, shape (n,); NaN where statistics are normal."""

    dist: str
    converged: Bools
    separated: Bools | None
    difficulty: tuple[Floats, ...]
    """How hard the fits were, by several measures: larger is harder, each of shape (n,)."""

    hand_over: Bools
    """Fits that statsmodels has to do, shape (n,)."""

    fitted: Floats | None
    """Fitted values of all slices one after the other, NaN in dropped rows."""

    nobs: Floats
    """Complete rows of each fit, shape (n,)."""

    def kept(self, where: Bools) -> KernelFits:
        """Return some of the fits, without fitted values."""
        return KernelFits(
            coefficients={name: v[where] for name, v in self.coefficients.items()},
            statistics={name: v[where] for name, v in self.statistics.items()},
            df=self.df[where],
            dist=self.dist,
            converged=self.converged[where],
            separated=None if self.separated is None else self.separated[where],
            difficulty=tuple(v[where] for v in self.difficulty),
            hand_over=self.hand_over[where],
            fitted=None,
            nobs=self.nobs[where],
        )


def joined(parts: Sequence[KernelFits]) -> KernelFits:
    """Return the fits of several calls for one model, without fitted values."""
    first = parts[0]
    if len(parts) == 1:
        return first
    separated = [part.separated for part in parts if part.separated is not None]
    return KernelFits(
        coefficients={
            name: np.concatenate([part.coefficients[name] for part in parts])
            for name in first.coefficients
        },
        statistics={
            name: np.concatenate([part.statistics[name] for part in parts])
            for name in first.statistics
        },
        df=np.concatenate([part.df for part in parts]),
        dist=first.dist,
        converged=np.concatenate([part.converged for part in parts]),
        separated=np.concatenate(separated) if separated else None,
        difficulty=tuple(
            np.concatenate(measure)
            for measure in zip(*(part.difficulty for part in parts), strict=True)
        ),
        hand_over=np.concatenate([part.hand_over for part in parts]),
        fitted=None,
        nobs=np.concatenate([part.nobs for part in parts]),
    )


def of_linear(fits: OlsFits, columns: Sequence[str], statistics: Sequence[str]) -> KernelFits:
    """Return results of OLS or WLS under the names of the tables."""
    robust_f = "f_statistic" in statistics or "f_p_value" in statistics
    n = len(fits.status)
    return KernelFits(
        coefficients=_coefficients(fits.coefficients, columns),
        statistics={name: fits.statistic(_LINEAR[name]) for name in statistics if name in _LINEAR},
        df=fits.statistic("df_inference") if fits.use_t else np.full(n, np.nan),
        dist="t" if fits.use_t else "z",
        converged=np.ones(n, np.bool_),
        separated=None,
        difficulty=(fits.statistic("eta"), -fits.statistic("min_slack")),
        hand_over=gate.hand_over(fits.reasons, wald=robust_f) | (fits.status != gate.Status.OK),
        fitted=fits.fitted,
        nobs=fits.statistic("nobs"),
    )


def of_likelihood(
    fits: LikelihoodFits,
    columns: Sequence[str],
    statistics: Sequence[str],
    *,
    glm: bool,
    can_separate: bool,
) -> KernelFits:
    """Return results of GLM or a discrete model under the names of the tables.

    Separated fits are handed over: their numbers grow with every iteration, and statsmodels'
    engine has the linear program that proves the verdict.
    """
    names = _GLM if glm else _DISCRETE
    n = len(fits.status)
    kept = (gate.Status.OK, gate.Status.NOT_CONVERGED)
    return KernelFits(
        coefficients=_coefficients(fits.coefficients, columns),
        statistics={name: fits.statistic(names[name]) for name in statistics if name in names},
        df=fits.statistic("df_inference") if fits.use_t else np.full(n, np.nan),
        dist="t" if fits.use_t else "z",
        converged=fits.status != gate.Status.NOT_CONVERGED,
        separated=np.zeros(n, np.bool_) if can_separate else None,
        difficulty=(fits.statistic("eta"), fits.statistic("iterations")),
        hand_over=gate.hand_over(fits.reasons) | ~np.isin(fits.status, kept),
        fitted=fits.fitted,
        nobs=fits.statistic("nobs"),
    )


def of_quantile(
    fits: QuantileFits, columns: Sequence[str], statistics: Sequence[str]
) -> KernelFits:
    """Return results of quantile regression under the names of the tables."""
    n = len(fits.status)
    kept = (gate.Status.OK, gate.Status.NOT_CONVERGED)
    # How an optimum was found is nobody's result: the other engine goes another way to it.
    names = _QUANTILE.keys() - ({"iterations"} if fits.exact else set())
    return KernelFits(
        coefficients=_coefficients(fits.coefficients, columns),
        statistics={name: fits.statistic(_QUANTILE[name]) for name in statistics if name in names},
        df=fits.statistic("df_resid") if fits.use_t else np.full(n, np.nan),
        dist="t" if fits.use_t else "z",
        converged=fits.status != gate.Status.NOT_CONVERGED,
        separated=None,
        difficulty=(fits.statistic("eta"), fits.statistic("iterations")),
        hand_over=gate.hand_over(fits.reasons) | ~np.isin(fits.status, kept),
        fitted=fits.fitted,
        nobs=fits.statistic("nobs"),
    )


def _coefficients(found: Coefficients, columns: Sequence[str]) -> dict[str, Floats]:
    return {name: getattr(found, _COLUMNS[name]) for name in columns}
