"""One statistical model: an estimator under its statsmodels name, or a function of the user."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from modelrun_api.wire import ColumnName, FreeMap, Wire

CallablePath = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
        max_length=253,
    ),
]


class Model(Wire):
    """A model that is fitted to every slice; exactly one of estimator and callable."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$")]
    """A name of your choice, unique in the run; the `model` column of every table."""

    estimator: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """An estimator under its statsmodels name: OLS, WLS, GLM, Logit, QuantReg, MixedLM, ARIMA …"""

    formula: Annotated[str, Field(min_length=1, max_length=16384)] | None = None
    """The formula, as statsmodels' formula interface reads it."""

    endog: ColumnName | None = None
    """The dependent column of a time series model, which takes columns instead of a formula."""

    exog: Annotated[list[ColumnName], Field(max_length=256)] = []
    """Explanatory columns of a time series model."""

    time: ColumnName | None = None
    """The column that orders a time series."""

    init: FreeMap = {}
    """Keywords of the estimator. A column is `{column: firm}`, a family `{family: Poisson}`."""

    fit: FreeMap = {}
    """Keywords of the estimator's fit method, such as cov_type and cov_kwds."""

    callable: CallablePath | None = None
    """`module:function`; called as function(frame, **kwargs); it returns statsmodels results or a
    mapping from term to number."""

    kwargs: FreeMap = {}
    """Keywords of the callable."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.estimator is None) == (self.callable is None):
            raise ValueError("give exactly one of estimator and callable")
        if self.callable is not None:
            for name in ("formula", "endog", "time"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} goes with an estimator, not with a callable")
            if self.exog or self.init or self.fit:
                raise ValueError("a callable takes its keywords in kwargs; exog, init and fit "
                                 "go with an estimator")
            return self
        if self.kwargs:
            raise ValueError("kwargs goes with a callable; an estimator takes init and fit")
        if (self.formula is None) == (self.endog is None):
            raise ValueError("give exactly one of formula and endog")
        if self.formula is not None and (self.exog or self.time is not None):
            raise ValueError("exog and time go with endog; a formula names its columns itself")
        return self
