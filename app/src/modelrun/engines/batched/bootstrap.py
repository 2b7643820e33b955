"""Bootstrap replicates of one slice in one call, by counts of its distinct rows.

Draws are those of the published definition (csrc/draw.c): word u of Philox4x64-10 with key
(seed, replicate) stands for floor((u >> 11) / 2^53 m). After the first step the equations of a
likelihood model cost its distinct rows of the design, not its rows; those of a quantile regression,
and of likelihood models with weights or robust covariances, cost the distinct rows that were drawn,
63 % of all where none repeats itself. A replicate depends on its number alone, so that any split
into calls gives the same bits. What `supports` denies is fitted on drawn rows by the other kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import discrete, glm, load, quantreg
from modelrun.engines.batched.covariance import (
    HC,
    Cluster,
    Covariance,
    Nonrobust,
    kernel_settings,
    uses_t,
)
from modelrun.engines.batched.distinct import Codes, Distinct
from modelrun.engines.batched.likelihood import LikelihoodFits, sandwich
from modelrun.engines.batched.ols import OlsFits
from modelrun.engines.batched.quantreg import Options, QuantileFits

_LINEAR = frozenset({"OLS", "WLS"})
_DETECT = -1


@dataclass(frozen=True, slots=True)
class Draws:
    """Which replicates.

    Attributes:
        seed: Of the study.
        replicates: Numbers of the replicates, shape (fits,).
        block: Rows in a moving block; 0 draws rows one by one.
    """

    seed: int
    replicates: npt.NDArray[np.int64]
    block: int = 0


def supports(
    model: str, family: glm.Family | None = None, covariance: Covariance | None = None
) -> bool:
    """Whether replicates of a model can be fitted by counts; nonrobust covariances when None.

    Every covariance but HAC, which depends on the order of the drawn rows, and counts do not hold
    it. The rest of the batched engine fits HAC on drawn rows.
    """
    covariance = Nonrobust() if covariance is None else covariance
    if model == "QuantReg":
        return isinstance(covariance, Nonrobust)  # vcov of its own
    if not isinstance(covariance, Nonrobust | HC | Cluster):
        return False
    if model == "GLM":
        return family is not None and glm.supports(family, covariance)
    return model in _LINEAR or model in discrete.FAMILY_AND_LINK


def ols(
    slice_: Distinct,
    draws: Draws,
    *,
    covariance: Covariance | None = None,
    use_t: bool | None = None,
    conf_level: float = 0.95,
    f_test: bool = True,
    exact_condition: bool = False,
) -> OlsFits:
    """Fit OLS, or WLS where the slice has weights, to every replicate.

    Args:
        slice_: Distinct rows of the slice, with weights and groups if there are any.
        draws: Which replicates.
        covariance: Nonrobust() when None; of clusters, the groups are those of the slice.
        use_t: Inference by the t distribution; statsmodels' default when None.
        conf_level: Of the intervals.
        f_test: Compute the p-value of F, and the Wald F of robust covariances.
        exact_condition: Singular values for every replicate.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: The covariance is not supported, or the slice has no groups for it.
    """
    covariance = covariance if covariance is not None else Nonrobust()
    if not supports("OLS", None, covariance):
        message = f"bootstrap.ols: {covariance} is not fitted by counts; use ols.fit on drawn rows"
        raise ValueError(message)
    kind, _, _, correction, df_correction, _ = kernel_settings(covariance)
    t = uses_t(covariance) if use_t is None else use_t
    result = OlsFits.empty(len(draws.replicates), slice_.patterns.p, use_t=t)
    load().resample_ols(
        *_given(slice_, draws),
        (slice_.weight, *_clusters(slice_, covariance)),
        (kind, correction, df_correction, t, _DETECT, f_test, exact_condition, conf_level),
        *_filled(result),
    )
    return result


def likelihood(
    slice_: Distinct,
    draws: Draws,
    *,
    model: str,
    family: glm.Family | None = None,
    covariance: Covariance | None = None,
    maxiter: int | None = None,
    use_t: bool = False,
    conf_level: float = 0.95,
    null_model: bool = True,
) -> LikelihoodFits:
    """Fit GLM, Logit, Probit or Poisson to every replicate.

    Args:
        slice_: Distinct rows of the slice, with offset, weights and groups if there are any.
        draws: Which replicates.
        model: GLM, Logit, Probit or Poisson.
        family: Of a GLM.
        covariance: Nonrobust() when None; of clusters, the groups are those of the slice.
        maxiter: Iterations at most; statsmodels' default when None.
        use_t: Inference by the t distribution.
        conf_level: Of the intervals.
        null_model: Compute what needs the null model.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: The model is not supported, or the slice has no groups for the covariance.
    """
    covariance = covariance if covariance is not None else Nonrobust()
    if not supports(model, family, covariance) or model in {*_LINEAR, "QuantReg"}:
        what = f"{model} {family or ''} with {covariance}"
        message = f"bootstrap.likelihood: {what} is not fitted by counts"
        raise ValueError(message)
    newton = model != "GLM"
    family = glm.Family() if newton or family is None else family
    numbers = discrete.FAMILY_AND_LINK[model] if newton else glm.numbers(family)
    result = LikelihoodFits.empty(len(draws.replicates), slice_.patterns.p, use_t=use_t)
    shifted = slice_.offset is not None
    iterations = maxiter if maxiter is not None else 35 if newton else 100
    settings = (shifted, newton, *numbers, family.alpha, iterations)
    wanted = (use_t, null_model, conf_level)
    weighted = slice_.weight is not None or slice_.var_weight is not None
    if not weighted and isinstance(covariance, Nonrobust) and not (shifted and null_model):
        load().resample_likelihood(*_given(slice_, draws), settings, wanted, *_filled(result))
        return result
    rows = slice_.by_pair()
    kind, _, _, correction, df_correction, _ = sandwich(covariance)
    load().resample_rows(
        *_given(rows, draws),
        (rows.weight, rows.var_weight, *_clusters(rows, covariance)),
        settings,
        (kind, correction, df_correction),
        wanted,
        *_filled(result),
    )
    return result


def quantile(slice_: Distinct, draws: Draws, **options: Unpack[Options]) -> QuantileFits:
    """Fit one quantile to every replicate.

    Args:
        slice_: Distinct rows of the slice.
        draws: Which replicates.
        options: As of quantreg.fit.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: q is not strictly between 0 and 1.
    """
    numbers = quantreg.settings(**options)
    result = QuantileFits.empty(len(draws.replicates), slice_.patterns.p, options)
    load().resample_quantile(*_given(slice_, draws), numbers, *_filled(result))
    return result


def _given(slice_: Distinct, draws: Draws) -> tuple[Any, ...]:
    """What every kernel of replicates reads."""
    return (
        slice_.patterns.data,
        np.zeros(slice_.patterns.n) if slice_.offset is None else slice_.offset,
        slice_.y,
        slice_.pattern_of,
        slice_.pair_of,
        draws.seed,
        draws.block,
        np.ascontiguousarray(draws.replicates, dtype=np.int64),
    )


def _clusters(slice_: Distinct, covariance: Covariance) -> tuple[Codes | None, int]:
    """Cluster of each pattern and how many there may be, where the covariance asks for them."""
    if not isinstance(covariance, Cluster):
        return None, 0
    if slice_.group is None:
        message = "bootstrap: the slice has no groups; give them to distinct"
        raise ValueError(message)
    return slice_.group, slice_.patterns.n


def _filled(result: OlsFits | LikelihoodFits | QuantileFits) -> tuple[Any, ...]:
    """What every kernel of replicates fills."""
    return (result.coefficients.arrays(), result.statistics, result.status, result.reasons)
