"""Bootstrap replicates through the kernels that count distinct rows instead of drawing them.

Where those kernels do not know a model (HAC, fitted values), replicates are laid out row by row and
take the ordinary kernels; both ways read the same draws.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import bootstrap
from modelrun.engines.batched.bootstrap import Draws
from modelrun.engines.batched.covariance import Cluster, Covariance
from modelrun.engines.batched.distinct import Distinct, distinct
from modelrun.engines.kernel_call import OF_NULL_MODEL, Rows
from modelrun.engines.kernel_fits import KernelFits, of_likelihood, of_linear, of_quantile
from modelrun.engines.translation import Translation
from modelrun.plan.study import Outputs

Ints = npt.NDArray[np.int64]


def supports(translation: Translation, rows: Rows, outputs: Outputs) -> bool:
    """Return whether replicates of a model can be fitted by counts."""
    family = translation.family if translation.kind == "glm" else None
    counted = bootstrap.supports(translation.estimator, family, rows.covariance)
    return counted and not outputs.observations


def distinct_rows(rows: Rows, start: int, stop: int) -> Distinct:
    """Return the distinct rows of a base slice."""
    offset = rows.columns.get("offset")
    exposure = rows.columns.get("exposure")
    if exposure is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(exposure[start:stop])
        whole = np.zeros(rows.design.n) if offset is None else offset.copy()
        whole[start:stop] += logs
        offset = whole
    return distinct(
        rows.design,
        rows.endog,
        start,
        stop,
        offset=offset,
        weights=rows.columns.get("weights", rows.columns.get("freq_weights")),
        var_weights=rows.columns.get("var_weights"),
        groups=rows.covariance.groups if isinstance(rows.covariance, Cluster) else None,
        keep=rows.keep,
    )


def call(
    slice_: Distinct,
    replicates: Ints,
    *,
    covariance: Covariance,
    seed: int,
    block: int,
    translation: Translation,
    outputs: Outputs,
    statistics: tuple[str, ...],
) -> KernelFits:
    """Fit replicates of one base slice.

    Args:
        slice_: Its distinct rows.
        replicates: Their numbers, shape (n,).
        covariance: Of the estimates.
        seed: Of the study.
        block: Rows in a moving block; 0 draws rows one by one.
        translation: The model.
        outputs: What is asked for.
        statistics: The asked statistics that are not in every frame.
    """
    draws = Draws(seed, replicates, block)
    level = outputs.conf_level
    if translation.kind == "linear":
        linear = bootstrap.ols(
            slice_,
            draws,
            covariance=covariance,
            use_t=translation.use_t,
            conf_level=level,
            f_test="f_statistic" in statistics or "f_p_value" in statistics,
            exact_condition="condition_number" in statistics,
        )
        return of_linear(linear, outputs.coefficients, statistics)
    if translation.kind == "quantile":
        quantiles = bootstrap.quantile(
            slice_, draws, conf_level=level, **cast("Any", translation.quantile or {})
        )
        return of_quantile(quantiles, outputs.coefficients, statistics)
    glm = translation.kind == "glm"
    found = bootstrap.likelihood(
        slice_,
        draws,
        model=translation.estimator,
        family=translation.family if glm else None,
        covariance=covariance,
        maxiter=translation.maxiter,
        use_t=bool(translation.use_t),
        conf_level=level,
        null_model=bool(OF_NULL_MODEL & set(statistics)),
    )
    return of_likelihood(
        found, outputs.coefficients, statistics, glm=glm, can_separate=translation.can_separate
    )
