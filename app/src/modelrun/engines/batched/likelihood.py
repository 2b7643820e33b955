"""Results of the likelihood kernels, and the one call that GLM and the discrete models share.

Not a door of its own: `glm.fit` and `discrete.fit` say what can be fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import load
from modelrun.engines.batched.coefficients import Coefficients, by_row, to_fill
from modelrun.engines.batched.columns import Columns, Floats, slice_bounds
from modelrun.engines.batched.covariance import HC, Cluster, Covariance, kernel_settings

STATISTICS = (
    "nobs", "df_model", "df_resid", "df_inference", "scale", "deviance", "null_deviance",
    "pearson_chi2", "log_lik", "ll_null", "aic", "bic", "pseudo_r2_mcfadden", "pseudo_r2_cox_snell",
    "llr", "llr_p_value", "iterations", "converged", "separated", "condition", "eta", "clusters",
)  # fmt: skip
"""Columns of LikelihoodFits.statistics, in order; NaN where a model does not have one."""

_INDEX = {name: j for j, name in enumerate(STATISTICS)}


@dataclass(frozen=True, slots=True)
class LikelihoodFits:
    """Results of many fits.

    Attributes:
        coefficients: Arrays of shape (fits, p).
        statistics: Shape (fits, len(STATISTICS)); read a column by `statistic(name)`.
        cov: Covariance of the estimates, shape (fits, p, p), or None when not asked for.
        fitted: Means of all slices one after the other, NaN in dropped rows, or None.
        linear: Linear predictors with the offset, in the same layout, or None.
        status: gate.Status of each fit, shape (fits,), int8. SEPARATED and NOT_CONVERGED fits keep
            their coefficients.
        reasons: gate.Reason flags of each fit, shape (fits,), uint16; see gate.hand_over.
        use_t: Whether inference used the t distribution.
    """

    coefficients: Coefficients
    statistics: Floats
    cov: Floats | None
    fitted: Floats | None
    linear: Floats | None
    status: npt.NDArray[np.int8]
    reasons: npt.NDArray[np.uint16]
    use_t: bool

    @classmethod
    def empty(
        cls,
        fits: int,
        p: int,
        *,
        use_t: bool,
        cov: bool = False,
        fitted: int | None = None,
        linear: int | None = None,
    ) -> LikelihoodFits:
        """Arrays to be filled; `fitted` and `linear` are numbers of rows, None for none."""
        return cls(
            **to_fill(fits, p, len(STATISTICS), cov=cov),
            fitted=by_row(fitted),
            linear=by_row(linear),
            use_t=use_t,
        )

    def statistic(self, name: str) -> Floats:
        """One statistic of every fit, shape (fits,); `sigma` is the root of the scale.

        Raises:
            KeyError: No such statistic; the message lists them.
        """
        if name == "sigma":
            return np.sqrt(self.statistics[:, _INDEX["scale"]])
        if name not in _INDEX:
            message = f"no statistic {name!r}; there are {', '.join((*STATISTICS, 'sigma'))}"
            raise KeyError(message)
        return self.statistics[:, _INDEX[name]]


@dataclass(frozen=True, slots=True)
class Settings:
    """How the kernel iterates; numbers as csrc/likelihood.h names them.

    Attributes:
        newton: Newton's method of the discrete models, or IRLS of GLM.
        family: Index of the distribution.
        link: Index of the link.
        alpha: Of the negative binomial.
        scale_type: 0 default, 1 Pearson's chi-squared, 2 deviance, 3 given.
        scale: The given one.
        max_iterations: As in statsmodels.
    """

    newton: bool
    family: int
    link: int
    alpha: float
    scale_type: int
    scale: float
    max_iterations: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """Columns of the panel beside the design, each of shape (n,) or None."""

    offset: npt.ArrayLike | None = None
    freq_weights: npt.ArrayLike | None = None
    var_weights: npt.ArrayLike | None = None
    keep: npt.ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is computed beyond estimates and statistics."""

    null_model: bool = True
    cov: bool = False
    fitted: bool = False
    linear: bool = False


def sandwich(covariance: Covariance) -> tuple[int, int, bool, bool, bool, float]:
    """What kernel_settings gives; statsmodels corrects no HC outside of linear models."""
    return kernel_settings(HC("HC0") if isinstance(covariance, HC) else covariance)


def _doubles(values: npt.ArrayLike | None) -> Floats | None:
    return None if values is None else np.ascontiguousarray(values, dtype=np.float64)


def fit(
    design: Columns,
    y: npt.ArrayLike,
    starts: npt.ArrayLike,
    stops: npt.ArrayLike,
    inputs: Inputs,
    settings: Settings,
    covariance: Covariance,
    wanted: Wanted,
    *,
    use_t: bool,
    conf_level: float,
) -> LikelihoodFits:
    """Call the kernel; see glm.fit and discrete.fit for the arguments."""
    kernels = load()
    first, last = slice_bounds(starts, stops)
    fits, p, rows = len(first), design.p, int((last - first).sum())
    kind, lags, uniform, correction, df_correction, fixed = sandwich(covariance)
    clusters = covariance if isinstance(covariance, Cluster) else None
    result = LikelihoodFits.empty(
        fits,
        p,
        use_t=use_t,
        cov=wanted.cov,
        fitted=rows if wanted.fitted else None,
        linear=rows if wanted.linear else None,
    )
    kernels.likelihood(
        design.data,
        _doubles(y),
        _doubles(inputs.offset),
        _doubles(inputs.freq_weights),
        _doubles(inputs.var_weights),
        None if inputs.keep is None else np.ascontiguousarray(inputs.keep, dtype=np.bool_),
        None if clusters is None else np.ascontiguousarray(clusters.groups, dtype=np.int32),
        0 if clusters is None else clusters.count,
        first,
        last,
        (
            settings.newton, settings.family, settings.link, settings.alpha, settings.scale_type,
            settings.scale, settings.max_iterations,
        ),
        (kind, lags, uniform, correction, df_correction, fixed),
        (use_t, wanted.null_model, conf_level),
        result.coefficients.arrays(),
        result.statistics,
        result.cov,
        result.fitted,
        result.linear,
        result.status,
        result.reasons,
    )  # fmt: skip
    return result
