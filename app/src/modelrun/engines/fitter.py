"""What fits one slice by statsmodels: prepared once per model and process, called per fit.

All that does not change between slices (the parsed formula, the class, the keywords, the panel's
columns) is made in the constructor. Exceptions are not caught here: the guard that calls does.
"""

from __future__ import annotations

import inspect
import time
import warnings
from typing import Any, Protocol

import numpy as np

from modelrun.datasets.source import ROW
from modelrun.engines import (
    exact_quantreg,
    fit_statistics,
    frame,
    keywords,
    observations,
    separation,
    stability,
    terms,
)
from modelrun.engines.design import (
    FormulaDesign,
    FormulaError,
    SliceDesign,
    WholePanelDesign,
)
from modelrun.engines.estimators import Estimator, estimator
from modelrun.engines.failures import NonFiniteInputError
from modelrun.engines.few_rows import too_few
from modelrun.engines.record import FitRecord, skipped
from modelrun.engines.slice_rows import PanelValues, Rows, positions, rows_of
from modelrun.engines.spoken import spoken
from modelrun.plan.study import PlannedModel, Study
from modelrun_api.failure import FitStatus

_LINEAR = frozenset({"OLS", "WLS"})
_OWN_FORMULAS = frozenset({"re_formula", "vc_formula", "use_sparse"})
"""Keywords of from_formula that do more than build a design."""

_BINARY = frozenset({"Logit", "Probit"})


class Fitter(Protocol):
    """Fits slices of one model."""

    def fit(self, index: int) -> FitRecord:
        """Fit slice `index`; raises whatever goes wrong."""
        ...


def fitter(study: Study, model: PlannedModel, values: PanelValues) -> Fitter:
    """Return what fits the slices of a model by statsmodels."""
    from modelrun.engines.own_fitter import OwnFitter
    from modelrun.engines.series_fitter import SeriesFitter

    assert model.spec.estimator is not None
    entry = estimator(model.spec.estimator)
    if entry.kind == "series":
        return SeriesFitter(study, model, entry, values)
    if entry.route == "own" or _OWN_FORMULAS & set(model.spec.init):
        return OwnFitter(study, model, entry, values)
    return FormulaFitter(study, model, entry, values)


def few_rows(n: int, study: Study, *, parameters: int = 0, dropped: int = 0) -> FitRecord | None:
    """Return the record of a slice with too few complete rows, or None where there are enough."""
    if n > 0 and n >= max(parameters, study.min_rows or 0):
        return None
    reason, text = too_few(n, n + dropped, min_rows=study.min_rows, parameters=parameters)
    return skipped(reason, text, engine="statsmodels", nobs=n)


def engine_class(entry: Estimator) -> Any:
    """Return the class that fits: statsmodels', or a twin that spends less around the numbers."""
    match entry.name:
        case "MixedLM":
            from modelrun.engines.mixed_arrays import array_class

            return array_class()
        case "ARIMA" | "SARIMAX":
            from modelrun.engines.lean_sarimax import lean_class

            return lean_class(entry.name)
        case _:
            return entry.load()


def quiet(entry: Estimator) -> dict[str, Any]:
    """Return the keywords that keep a class's fit method from printing."""
    if entry.name == "MixedLM":
        return {}  # it is quiet, and hands an unknown disp to every optimiser
    for owner in entry.load().__mro__:
        method = vars(owner).get("fit")
        if method is None:
            continue
        parameters = inspect.signature(method).parameters
        if "disp" in parameters:
            return {"disp": 0}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            break
    return {}


class Finisher:
    """Turns results into a record with what the study asks for."""

    def __init__(self, study: Study, entry: Estimator, values: PanelValues) -> None:
        """Remember what is asked for."""
        self._outputs = study.outputs
        self._statistics = frame.statistics(study.outputs)
        self._entry = entry
        self._rows = values.column(ROW) if ROW in study.panel.column_names else None

    def record(
        self, results: Any, rows: Rows, *, names: tuple[str, ...] | None, nobs: int
    ) -> FitRecord:
        """Return the record of a fit that gave results; warnings and seconds are set later.

        Raises:
            UndeterminedError: An estimate is not a number.
        """
        inner = terms.plain(results)
        coefficients = terms.of_results(inner, self._outputs, names=names)
        converged = True if self._entry.closed_form else fit_statistics.converged(results)
        record = FitRecord(
            FitStatus.NOT_CONVERGED if converged is False else FitStatus.SUCCEEDED,
            "statsmodels",
            nobs=nobs,
            converged=converged,
            iterations=fit_statistics.iterations(inner),
            statistics=fit_statistics.of_results(inner, self._statistics),
            terms=coefficients,
        )
        if self._outputs.observations:
            at = positions(rows)
            record.observations = observations.of_results(
                results,
                at if self._rows is None else self._rows[at],
                self._outputs.observations,
                self._outputs.conf_level,
            )
        return record


class FormulaFitter:
    """Fits a class whose formula interface is: build a design, then the class itself."""

    def __init__(
        self, study: Study, model: PlannedModel, entry: Estimator, values: PanelValues
    ) -> None:
        """Prepare keywords and design.

        Raises:
            UserMistake: A keyword names something that statsmodels does not have.
        """
        assert model.spec.formula is not None
        self._study = study
        self._entry = entry
        self._class = engine_class(entry)
        self._twin = self._class is not entry.load()
        if entry.name == "QuantReg" and exact_quantreg.asked(model.spec.fit):
            self._class, self._twin = exact_quantreg.exact_class(), False
        self._init = keywords.prepare_init(model.spec.init)
        self._fit = keywords.prepare_fit(model.spec.fit)
        self._quiet = quiet(entry)
        self._missing = self._init.constant.get("missing", "drop")
        self._finisher = Finisher(study, entry, values)
        data = {("init", *path): name for path, name in self._init.data.items()}
        data |= {("fit", *path): name for path, name in self._fit.data.items()}
        self._design: WholePanelDesign | FormulaDesign = (
            FormulaDesign(model.spec.formula, model.columns, values, data)
            if model.design is None
            else WholePanelDesign(model.design, values, data)
        )

    def fit(self, index: int) -> FitRecord:
        """Fit one slice; see Fitter."""
        started = time.perf_counter()
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            design = self._design.build(rows_of(self._study, index))
            n, p = design.exog.shape
            record = few_rows(n, self._study, parameters=p, dropped=design.dropped)
            if record is None:
                record = self._fitted(design)
                self._verdict(record, heard)
        record.warnings = spoken(heard)
        record.seconds = time.perf_counter() - started
        return record

    def _fitted(self, design: SliceDesign) -> FitRecord:
        if self._missing != "drop" and design.dropped:
            raise ValueError(
                f"{design.dropped} rows miss a value and init says missing: {self._missing}"
            )
        if not design.finite():
            raise NonFiniteInputError("the response or the design contains infinite values")
        results = self.results(design)
        names = design.exog_names if self._entry.route == "arrays" else None
        record = self._finisher.record(results, design.rows, names=names, nobs=len(design.exog))
        self._judge(record, terms.plain(results), design)
        return record

    def results(self, design: SliceDesign) -> Any:
        """Return statsmodels' results for a design."""
        inits = {path[1:]: value for path, value in design.data.items() if path[0] == "init"}
        fits = {path[1:]: value for path, value in design.data.items() if path[0] == "fit"}
        init = self._init.filled(inits)
        init.pop("missing", None)
        if "smoother" in init:
            init["smoother"] = _splines(init["smoother"])
        endog, exog = design.endog, design.exog
        if self._entry.route == "frames":
            endog, exog = _pandas(design)
        elif endog.ndim > 1 and self._entry.name != "GLM":
            raise FormulaError(
                f"the response became {endog.shape[1]} columns "
                f"({', '.join(design.endog_names)}) because it is not numeric; "
                f"{self._entry.name} wants one, such as I((x > 0) * 1)"
            )
        words = {**self._quiet, **self._fit.filled(fits)}
        results = self._class(endog, exog, **init).fit(**words)
        if self._twin and not results.converged:
            # Whether a hard fit counts as converged, rounding decides: let statsmodels' own say.
            return self._entry.load()(endog, exog, **init).fit(**words)
        return results

    def _verdict(self, record: FitRecord, heard: list[warnings.WarningMessage]) -> None:
        """Set converged for classes that tell it by warnings or by their iterations alone."""
        if record.terms is None:
            return
        if self._entry.name == "QuantReg":
            stopped = {"IterationLimitWarning", "ConvergenceWarning"}
            record.converged = not any(entry.category.__name__ in stopped for entry in heard)
        elif self._entry.name == "RLM" and record.iterations is not None:
            record.converged = record.iterations < self._fit.constant.get("maxiter", 50)
        if record.converged is False:
            record.status = FitStatus.NOT_CONVERGED

    def _judge(self, record: FitRecord, results: Any, design: SliceDesign) -> None:
        """Add what statsmodels does not say: stability, collinearity and separation."""
        if self._entry.name in _LINEAR and hasattr(results.model, "wexog_singular_values"):
            verdict = stability.of_linear(results)
            record.numerics = "gated" if verdict.gated else "unstable"
            record.rank_deficient = verdict.rank_deficient
            return
        record.rank_deficient = stability.rank_deficient(design.exog)
        kind = response_kind(self._entry.name, results.model)
        if kind is not None and np.ndim(results.model.endog) == 1:
            endog = results.model.endog
            counts = kind == "count"
            suspicious = separation.looks_separated(endog, results.predict(), counts=counts)
            record.separated = suspicious and separation.separated(
                endog, design.exog, counts=counts
            )


def response_kind(name: str, model: Any) -> str | None:
    """Return `binary` or `count` for models whose data can separate, else None."""
    family = type(getattr(model, "family", None)).__name__
    if name in _BINARY or (name == "GLM" and family == "Binomial"):
        return "binary"
    if name == "Poisson" or (name == "GLM" and family == "Poisson"):
        return "count"
    return None


def _pandas(design: SliceDesign) -> tuple[Any, Any]:
    import pandas as pd

    exog = pd.DataFrame(design.exog, columns=list(design.exog_names))
    if design.endog.ndim > 1:
        return pd.DataFrame(design.endog, columns=list(design.endog_names)), exog
    return pd.DataFrame({design.endog_names[0]: design.endog}), exog


def _splines(spec: Any) -> Any:
    from statsmodels.gam.smooth_basis import BSplines

    return BSplines(spec.pop("columns"), **spec)
