"""Fits the classes whose from_formula does more than build a design: it is called as it is.

Mixed models, estimating equations, hazards, conditional and ordinal models. Their fits are slow
beside their formulas, so nothing is gained by taking their formula interface apart.
"""

from __future__ import annotations

import inspect
import time
import warnings
from typing import Any

import numpy as np

from modelrun.engines import keywords
from modelrun.engines.design import FormulaError
from modelrun.engines.estimators import Estimator
from modelrun.engines.failures import NonFiniteInputError
from modelrun.engines.fitter import Finisher, engine_class, few_rows, quiet
from modelrun.engines.record import FitRecord
from modelrun.engines.slice_rows import PanelValues, Rows, positions, rows_of
from modelrun.engines.spoken import spoken
from modelrun.engines.stability import rank_deficient
from modelrun.plan.study import PlannedModel, Study

_DROP_BY_NAME = frozenset({"MixedLM", "PHReg"})
"""Their from_formula would keep missing values, or drops them by this very keyword."""


class OwnFitter:
    """Fits through the class's own from_formula."""

    def __init__(
        self, study: Study, model: PlannedModel, entry: Estimator, values: PanelValues
    ) -> None:
        """Prepare keywords.

        Raises:
            UserMistake: A keyword names something that statsmodels does not have.
        """
        assert model.spec.formula is not None
        self._study = study
        self._formula = model.spec.formula
        self._columns = model.columns
        self._values = values
        self._class = engine_class(entry)
        self._theirs = entry.load()
        self._init = keywords.prepare_init(model.spec.init)
        self._fit = keywords.prepare_fit(model.spec.fit)
        self._quiet = quiet(entry)
        self._names_missing = entry.name in _DROP_BY_NAME
        self._environment = {"np": np, "numpy": np}
        self._finisher = Finisher(study, entry, values)
        parameters = inspect.signature(self._class.from_formula).parameters
        self._takes_environment = "kwargs" in parameters

    def fit(self, index: int) -> FitRecord:
        """Fit one slice; see Fitter."""
        started = time.perf_counter()
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            record = self._fitted(rows_of(self._study, index))
        record.warnings = spoken(heard)
        record.seconds = time.perf_counter() - started
        return record

    def _fitted(self, rows: Rows) -> FitRecord:
        at = positions(rows)
        whole = len(at)
        for names in (*self._init.data.values(), *self._fit.data.values()):
            for name in (names,) if isinstance(names, str) else names:
                at = at[~self._values.missing(name)[at]]
        if not len(at):
            few = few_rows(0, self._study, dropped=whole)
            assert few is not None
            return few
        model = self._model(at, self._class)
        kept = at[self._kept(model, len(at))]
        few = few_rows(len(kept), self._study, parameters=_width(model), dropped=whole - len(kept))
        if few is not None:
            return few
        if not (_finite(model.endog) and _finite(model.exog)):
            raise NonFiniteInputError("the response or the design contains infinite values")
        fits = {path: self._take(names, kept) for path, names in self._fit.data.items()}
        words = {**self._quiet, **self._fit.filled(fits)}
        results = model.fit(**words)
        if self._class is not self._theirs and not results.converged:
            # Whether a hard fit counts as converged, rounding decides: let statsmodels' own say.
            results = self._model(at, self._theirs).fit(**words)
        record = self._finisher.record(results, kept, names=None, nobs=len(kept))
        if model.exog is not None and np.ndim(model.exog) == 2:
            record.rank_deficient = rank_deficient(np.asarray(model.exog, dtype=np.float64))
        return record

    def _model(self, at: Any, klass: Any) -> Any:
        frame = self._values.frame(self._columns, at)
        init = self._init.filled(
            {path: self._take(names, at) for path, names in self._init.data.items()}
        )
        if self._names_missing:
            init.setdefault("missing", "drop")
        if self._takes_environment:
            init["eval_env"] = self._environment
        try:
            return klass.from_formula(self._formula, data=frame, **init)
        except Exception as error:
            if type(error).__module__.startswith("patsy"):
                raise FormulaError(f"{type(error).__name__}: {error}") from error
            raise

    def _take(self, names: tuple[str, ...] | str, at: Any) -> Any:
        import pandas as pd

        if isinstance(names, str):
            # A series, because some classes read more than the values.
            return pd.Series(self._values.column(names)[at], name=names)
        return np.column_stack([self._values.column(name)[at] for name in names])

    @staticmethod
    def _kept(model: Any, n: int) -> Any:
        """Return which of the rows that were given are in the model, as positions."""
        found = getattr(model.data, "orig_endog", None)
        index = getattr(found, "index", None)
        return np.arange(n) if index is None else np.asarray(index, dtype=np.int64)


def _width(model: Any) -> int:
    exog = getattr(model, "exog", None)
    return 0 if exog is None or np.ndim(exog) != 2 else int(exog.shape[1])


def _finite(values: Any) -> bool:
    if values is None or np.asarray(values).dtype.kind not in "fiub":
        return True
    return bool(np.isfinite(values).all())
