"""One model prepared for the kernels: columns of the panel, complete rows, and the call itself.

Prepared once per model and process. Numbers of a fit depend on its rows alone, never on its
neighbours in a call, so calls may be cut anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched import discrete, glm, ols, quantreg, rolling
from modelrun.engines.batched.columns import Columns
from modelrun.engines.batched.covariance import Cluster, Covariance, Nonrobust
from modelrun.engines.batched.likelihood import Wanted
from modelrun.engines.design import complete_rows
from modelrun.engines.kernel_fits import KernelFits, of_likelihood, of_linear, of_quantile
from modelrun.engines.slice_rows import PanelValues
from modelrun.engines.translation import Clusters, Translation
from modelrun.plan.panel import codes_of
from modelrun.plan.study import Design, DesignColumn, Outputs, Study

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OF_NULL_MODEL = frozenset({"pseudo_r_squared", "log_lik_null", "null_deviance"})
"""Statistics for which a likelihood model is compared with one of a constant only."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the kernels read of rows: of the whole panel, or of drawn rows one after the other."""

    design: Columns
    endog: Floats
    keep: Bools | None
    wrong: Bools | None
    """Rows that statsmodels would refuse or treat in its own way; their fits go there."""

    columns: dict[str, Floats]
    """Weights, offset, exposure and the like by their keyword."""

    covariance: Covariance

    def taken(self, rows: Ints) -> Rows:
        """Return the drawn rows, one after the other."""
        covariance = self.covariance
        if isinstance(covariance, Cluster):
            covariance = Cluster(
                covariance.groups[rows],
                covariance.count,
                covariance.use_correction,
                covariance.df_correction,
            )
        return Rows(
            design=Columns(
                tuple(None if c is None else c[rows] for c in self.design.data), len(rows)
            ),
            endog=self.endog[rows],
            keep=None if self.keep is None else self.keep[rows],
            wrong=None if self.wrong is None else self.wrong[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
            covariance=covariance,
        )


def rows_of_panel(
    study: Study, design: Design, translation: Translation, values: PanelValues
) -> Rows:
    """Return the whole panel for the kernels.

    Raises:
        TypeError: A column that must be numbers is not.
    """
    columns = {
        keyword: np.asarray(_numbers(values.column(name), name), dtype=np.float64)
        for keyword, name in (translation.columns or {}).items()
    }
    covariance = translation.covariance
    if isinstance(covariance, Clusters):
        codes, count = codes_of(study.panel.column(covariance.column))
        covariance = Cluster(
            np.maximum(codes, 0).astype(np.int32),
            max(1, count),
            covariance.use_correction,
            covariance.df_correction,
        )
    keep = complete_rows(design, values, translation.needed())
    endog = np.asarray(design.endog, dtype=np.float64)
    return Rows(
        design=_columns(design, trusted="Intercept" not in study.panel.column_names),
        endog=endog,
        keep=keep,
        wrong=_wrong(translation, endog, columns),
        columns=columns,
        covariance=covariance,
    )


def _numbers(values: npt.NDArray[np.generic], name: str) -> npt.NDArray[np.generic]:
    if values.dtype.kind not in "fiub":
        raise TypeError(f"column {name} holds no numbers")
    return values


def _columns(design: Design, *, trusted: bool) -> Columns:
    """Return the design by columns; the formula's intercept takes no memory."""
    data = [
        None if term.name == "Intercept" and (trusted or _all_ones(term)) else term.values
        for term in design.terms
    ]
    return Columns(tuple(data), len(design.endog))


def _all_ones(term: DesignColumn) -> bool:
    return term.values is None or bool((term.values == 1.0).all())


def _wrong(translation: Translation, endog: Floats, columns: dict[str, Floats]) -> Bools | None:
    """Return rows whose response or weights are outside of what a model is meant for."""
    family = translation.family.name if translation.kind == "glm" else translation.estimator
    with np.errstate(invalid="ignore"):
        match family:
            case "Logit" | "Probit":
                wrong = (endog != 0) & (endog != 1)
            case "Binomial":
                wrong = (endog < 0) | (endog > 1)
            case "Poisson" | "NegativeBinomial":
                wrong = endog < 0
            case "Gamma":
                wrong = endog <= 0
            case _:
                wrong = np.zeros(len(endog), np.bool_)
        for keyword, values in columns.items():
            if keyword != "offset":
                wrong |= values <= 0
    return wrong if wrong.any() else None


@dataclass(frozen=True, slots=True)
class Windows:
    """How moving windows are aggregated; see rolling.fit."""

    block: int
    origin: Ints
    """First row of each base slice's group, shape (B,)."""


def windows(study: Study, translation: Translation, rows: Rows) -> Windows | None:
    """Return how to aggregate the study's windows, or None where each is fitted by itself."""
    slices, outputs = study.slices, study.outputs
    if (
        study.window_column is None
        or study.resample is not None
        or translation.estimator != "OLS"
        or not isinstance(rows.covariance, Nonrobust)
        or rows.design.ones is None
        or outputs.observations
        or len(slices) < 2
    ):
        return None
    first = np.full(int(slices.group.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, slices.group, slices.start)
    length = int(np.median(slices.stop - slices.start))
    return Windows(max(1, length), first[slices.group])


def call(
    rows: Rows,
    starts: Ints,
    stops: Ints,
    *,
    translation: Translation,
    outputs: Outputs,
    statistics: tuple[str, ...],
    moving: tuple[int, Ints] | None = None,
) -> KernelFits:
    """Fit rows [start, stop) of each fit.

    Args:
        rows: What to read.
        starts: Shape (n,).
        stops: Shape (n,).
        translation: The model.
        outputs: What is asked for.
        statistics: The asked statistics that are not in every frame.
        moving: Block and origins of these fits (n,), where windows are aggregated.
    """
    want_fitted = bool(outputs.observations)
    level = outputs.conf_level
    if translation.kind == "linear":
        f_test = "f_statistic" in statistics or "f_p_value" in statistics
        exact = "condition_number" in statistics
        if moving is not None:
            found = rolling.fit(
                rows.design,
                rows.endog,
                starts,
                stops,
                origins=moving[1],
                block=moving[0],
                keep=rows.keep,
                use_t=translation.use_t is not False,
                conf_level=level,
                f_test=f_test,
                exact_condition=exact,
            )
        else:
            found = ols.fit(
                rows.design,
                rows.endog,
                starts,
                stops,
                weights=rows.columns.get("weights"),
                keep=rows.keep,
                covariance=rows.covariance,
                use_t=translation.use_t,
                conf_level=level,
                f_test=f_test,
                want_fitted=want_fitted,
                exact_condition=exact,
            )
        return of_linear(found, outputs.coefficients, statistics)
    if translation.kind == "quantile":
        quantiles = quantreg.fit(
            rows.design,
            rows.endog,
            starts,
            stops,
            keep=rows.keep,
            conf_level=level,
            want_fitted=want_fitted,
            **(translation.quantile or {}),
        )
        return of_quantile(quantiles, outputs.coefficients, statistics)
    wanted = Wanted(null_model=bool(OF_NULL_MODEL & set(statistics)), fitted=want_fitted)
    if translation.kind == "glm":
        fits = glm.fit(
            rows.design,
            rows.endog,
            starts,
            stops,
            family=translation.family,
            offset=rows.columns.get("offset"),
            exposure=rows.columns.get("exposure"),
            freq_weights=rows.columns.get("freq_weights"),
            var_weights=rows.columns.get("var_weights"),
            keep=rows.keep,
            covariance=rows.covariance,
            use_t=bool(translation.use_t),
            conf_level=level,
            maxiter=translation.maxiter or 100,
            wanted=wanted,
        )
        return of_likelihood(
            fits,
            outputs.coefficients,
            statistics,
            glm=True,
            can_separate=translation.can_separate,
        )
    fits = discrete.fit(
        rows.design,
        rows.endog,
        starts,
        stops,
        model=translation.estimator,  # type: ignore[arg-type]
        offset=rows.columns.get("offset"),
        exposure=rows.columns.get("exposure"),
        keep=rows.keep,
        covariance=rows.covariance,
        use_t=bool(translation.use_t),
        conf_level=level,
        maxiter=translation.maxiter or 35,
        wanted=wanted,
    )
    return of_likelihood(
        fits, outputs.coefficients, statistics, glm=False, can_separate=translation.can_separate
    )
