"""One statistical model: an estimator under its statsmodels name, or a function of the user."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from modelrun_api.wire import (
    ColumnName,
    FreeMap,
    Rule,
    Wire,
    check_exactly_one,
    exactly_one,
    refused,
    words,
)

CallablePath = Annotated[
    str,
    words(
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
        "module:function, such as decay:fit",
        max_length=253,
    ),
]


class Model(Wire):
    """A model that is fitted to every slice; exactly one of estimator and callable."""

    rules = (
        exactly_one("estimator", "callable"),
        Rule(
            "has(self.callable) ? ![has(self.formula),has(self.endog),has(self.time),"
            "has(self.exog) && size(self.exog) > 0].exists(x,x)"
            " : [has(self.formula),has(self.endog)].exists_one(x,x)",
            "an estimator takes exactly one of formula and endog; a callable takes neither, nor "
            "exog and time",
        ),
        Rule(
            "!has(self.formula) || (!has(self.time) && (!has(self.exog) || size(self.exog) == 0))",
            "exog and time go with endog; a formula names its columns itself",
        ),
    )

    name: Annotated[
        str,
        words(
            r"^[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
            "1 to 63 letters, digits, dots, hyphens and underscores, no sign at either end",
            max_length=63,
        ),
    ]
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
        check_exactly_one(self, "estimator", "callable")
        if self.callable is not None:
            for name in ("formula", "endog", "exog", "time", "init", "fit"):
                if getattr(self, name):
                    raise refused(
                        f"{name} goes with an estimator; a callable takes its keywords in kwargs",
                        name,
                    )
            return self
        if self.kwargs:
            raise refused("kwargs goes with a callable; an estimator takes init and fit", "kwargs")
        check_exactly_one(self, "formula", "endog")
        for name in ("exog", "time"):
            if self.formula is not None and getattr(self, name):
                raise refused(f"{name} goes with endog; a formula names its columns itself", name)
        return self
