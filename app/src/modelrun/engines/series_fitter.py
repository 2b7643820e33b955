"""Fits time series models, which take columns instead of a formula.

Rows are ordered by the model's `time` column, where there is one. Missing values are left to the
model: state space models see a gap there, others refuse; dropping rows would silently move
observations next to each other.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.engines import keywords
from modelrun.engines.estimators import WITHOUT_EXOG, Estimator
from modelrun.engines.failures import NonFiniteInputError
from modelrun.engines.fitter import Finisher, engine_class, few_rows, quiet
from modelrun.engines.record import FitRecord
from modelrun.engines.slice_rows import PanelValues, Rows, positions, rows_of
from modelrun.engines.spoken import spoken
from modelrun.plan.study import PlannedModel, Study

_UNINITIALISED = frozenset({"SimpleExpSmoothing", "Holt"})
"""Classes whose own default of initialization_method is one that they refuse."""


_STATE_SPACE = frozenset({"ARIMA", "SARIMAX", "UnobservedComponents"})


class SeriesFitter:
    """Fits a time series model to each slice."""

    def __init__(
        self, study: Study, model: PlannedModel, entry: Estimator, values: PanelValues
    ) -> None:
        """Prepare keywords and columns.

        Raises:
            UserMistake: A keyword names something that statsmodels does not have.
        """
        assert model.spec.endog is not None
        self._study = study
        self._spec = model.spec
        self._endog_name = model.spec.endog
        self._values = values
        self._class = engine_class(entry)
        self._init = keywords.prepare_init(model.spec.init)
        self._fit = keywords.prepare_fit(model.spec.fit)
        self._quiet = quiet(entry)
        self._defaults = (
            {"initialization_method": "estimated"} if entry.name in _UNINITIALISED else {}
        )
        self._filters = entry.name in _STATE_SPACE and not study.outputs.observations
        if set(study.outputs.coefficients) <= {"estimate"} and entry.name in _STATE_SPACE:
            # Standard errors cost as much as the fit and change nothing about it.
            self._quiet = {**self._quiet, "cov_type": "none"}
        self._takes_exog = entry.name not in WITHOUT_EXOG
        self._finisher = Finisher(study, entry, values)

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
        at = rows if self._spec.time is None else self._in_time(positions(rows), self._spec.time)
        endog = np.asarray(self._values.column(self._endog_name)[at], dtype=np.float64)
        present = int((~np.isnan(endog)).sum())
        few = few_rows(present, self._study, dropped=len(endog) - present)
        if few is not None:
            return few
        exog = self._exog(at)
        if np.isinf(endog).any() or (exog is not None and np.isinf(exog.to_numpy()).any()):
            raise NonFiniteInputError("the series contains infinite values")
        init = self._init.filled({p: self._take(names, at) for p, names in self._init.data.items()})
        if exog is not None:
            init["exog"] = exog
        fit = self._fit.filled({p: self._take(names, at) for p, names in self._fit.data.items()})
        model = self._class(endog, **{**self._defaults, **init})
        if self._filters:
            # fit ends with a smoothing pass, of which nothing is asked here.
            model.smooth = model.filter
        results = model.fit(**{**self._quiet, **fit})
        return self._finisher.record(results, at, names=None, nobs=present)

    def _in_time(self, at: npt.NDArray[np.int64], column: str) -> npt.NDArray[np.int64]:
        return at[np.argsort(self._values.column(column)[at], kind="stable")]

    def _exog(self, at: Rows) -> Any:
        if not (self._takes_exog and self._spec.exog):
            return None
        import pandas as pd

        return pd.DataFrame(
            {
                name: np.asarray(self._values.column(name)[at], dtype=np.float64)
                for name in self._spec.exog
            }
        )

    def _take(self, names: tuple[str, ...] | str, at: Rows) -> npt.NDArray[Any]:
        if isinstance(names, str):
            return self._values.column(names)[at]
        return np.column_stack([self._values.column(name)[at] for name in names])
