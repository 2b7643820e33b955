"""Bootstrap replicates of one slice in one call, by counts of its distinct rows.

Draws are those of the published definition (csrc/draw.c): word u of Philox4x64-10 with key
(seed, replicate) stands for floor((u >> 11) / 2^53 m). After the first step the equations of a
likelihood model cost its distinct rows of the design, not its rows; those of a quantile regression
cost the distinct rows that were drawn, 63 % of all where none repeats itself. A replicate depends
on its number alone, so that any split into calls gives the same bits. What `supports` denies is
fitted on drawn rows by the other kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import discrete, glm, load, quantreg
from modelrun.engines.batched import likelihood as likelihood_results
from modelrun.engines.batched import ols as ols_results
from modelrun.engines.batched.coefficients import Coefficients
from modelrun.engines.batched.covariance import Nonrobust
from modelrun.engines.batched.distinct import Distinct
from modelrun.engines.batched.likelihood import LikelihoodFits
from modelrun.engines.batched.ols import OlsFits
from modelrun.engines.batched.quantreg import Options, QuantileFits


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


def supports(model: str, family: glm.Family | None = None) -> bool:
    """Whether replicates of OLS, GLM, Logit, Probit, Poisson or QuantReg can be fitted by counts.

    Of OLS and likelihood models nonrobust covariances only, and no weights; of QuantReg the
    iteration of statsmodels only. The rest of the batched engine does those on drawn rows.
    """
    if model == "GLM":
        return family is not None and glm.supports(family, Nonrobust())
    return model in {"OLS", "QuantReg"} or model in discrete.FAMILY_AND_LINK


def ols(
    slice_: Distinct,
    draws: Draws,
    *,
    use_t: bool = True,
    conf_level: float = 0.95,
    f_test: bool = True,
    exact_condition: bool = False,
) -> OlsFits:
    """Fit OLS, nonrobust, to every replicate.

    Args:
        slice_: Distinct rows of the slice; the design needs a column of ones.
        draws: Which replicates.
        use_t: Inference by the t distribution.
        conf_level: Of the intervals.
        f_test: Compute the p-value of F.
        exact_condition: Singular values for every replicate.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: The design has no column of ones.
    """
    if slice_.patterns.ones is None:
        message = (
            "bootstrap.ols: the design has no column of ones (None); use ols.fit on drawn rows"
        )
        raise ValueError(message)
    fits, p = len(draws.replicates), slice_.patterns.p
    result = OlsFits(
        coefficients=Coefficients.empty(fits, p),
        statistics=np.empty((fits, len(ols_results.STATISTICS))),
        cov=None,
        fitted=None,
        resid=None,
        status=np.empty(fits, dtype=np.int8),
        reasons=np.empty(fits, dtype=np.uint16),
        use_t=use_t,
    )
    load().resample_ols(
        slice_.patterns.data,
        np.zeros(slice_.patterns.n),
        slice_.y,
        slice_.pattern_of,
        slice_.pair_of,
        draws.seed,
        draws.block,
        np.ascontiguousarray(draws.replicates, dtype=np.int64),
        (use_t, 1, f_test, exact_condition, conf_level),
        result.coefficients.arrays(),
        result.statistics,
        result.status,
        result.reasons,
    )
    return result


def likelihood(
    slice_: Distinct,
    draws: Draws,
    *,
    model: str,
    family: glm.Family | None = None,
    maxiter: int | None = None,
    use_t: bool = False,
    conf_level: float = 0.95,
    null_model: bool = True,
) -> LikelihoodFits:
    """Fit GLM, Logit, Probit or Poisson to every replicate.

    Args:
        slice_: Distinct rows of the slice, with the offset if there is one.
        draws: Which replicates.
        model: GLM, Logit, Probit or Poisson.
        family: Of a GLM.
        maxiter: Iterations at most; statsmodels' default when None.
        use_t: Inference by the t distribution.
        conf_level: Of the intervals.
        null_model: Compute what needs the null model; NaN where there is an offset.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: The model is not supported.
    """
    if not supports(model, family) or model in {"OLS", "QuantReg"}:
        message = f"bootstrap.likelihood: {model} {family or ''} is not fitted by counts"
        raise ValueError(message)
    newton = model != "GLM"
    family = glm.Family() if newton or family is None else family
    numbers = discrete.FAMILY_AND_LINK[model] if newton else glm.numbers(family)
    fits, p = len(draws.replicates), slice_.patterns.p
    result = LikelihoodFits(
        coefficients=Coefficients.empty(fits, p),
        statistics=np.empty((fits, len(likelihood_results.STATISTICS))),
        cov=None,
        fitted=None,
        linear=None,
        status=np.empty(fits, dtype=np.int8),
        reasons=np.empty(fits, dtype=np.uint16),
        use_t=use_t,
    )
    has_offset = slice_.offset is not None
    load().resample_likelihood(
        slice_.patterns.data,
        slice_.offset if has_offset else np.zeros(slice_.patterns.n),
        slice_.y,
        slice_.pattern_of,
        slice_.pair_of,
        draws.seed,
        draws.block,
        np.ascontiguousarray(draws.replicates, dtype=np.int64),
        (
            has_offset,
            newton,
            *numbers,
            family.alpha,
            maxiter if maxiter is not None else 35 if newton else 100,
        ),
        (use_t, null_model, conf_level),
        result.coefficients.arrays(),
        result.statistics,
        result.status,
        result.reasons,
    )
    return result


def quantile(slice_: Distinct, draws: Draws, **options: Unpack[Options]) -> QuantileFits:
    """Fit one quantile to every replicate, by statsmodels' iteration.

    Args:
        slice_: Distinct rows of the slice.
        draws: Which replicates.
        options: As of quantreg.fit.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: q is not strictly between 0 and 1, or the exact optimum is asked for.
    """
    if options.get("exact"):
        message = "bootstrap.quantile: use quantreg.fit on drawn rows for exact optima"
        raise ValueError(message)
    numbers = quantreg.settings(**options)
    fits, p = len(draws.replicates), slice_.patterns.p
    result = QuantileFits.empty(fits, p, options)
    load().resample_quantile(
        slice_.patterns.data,
        np.zeros(slice_.patterns.n),
        slice_.y,
        slice_.pattern_of,
        slice_.pair_of,
        draws.seed,
        draws.block,
        np.ascontiguousarray(draws.replicates, dtype=np.int64),
        numbers,
        result.coefficients.arrays(),
        result.statistics,
        result.status,
        result.reasons,
    )
    return result
