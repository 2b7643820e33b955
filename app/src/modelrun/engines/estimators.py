"""The catalogue of estimators: which names a model may use, and what kind of thing each one is.

Names are statsmodels' class names. Looking one up imports nothing, so that a file can be judged
in a moment; the class itself is loaded when the first fit needs it. This module does not know
keywords (keywords.py) and does not fit.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from modelrun.errors import UserMistake

Kind = Literal["formula", "series"]
Route = Literal["arrays", "frames", "own"]


@dataclass(frozen=True, slots=True)
class Estimator:
    """One class of statsmodels."""

    name: str
    module: str
    kind: Kind = "formula"
    """Whether it takes a formula or, as time series models do, columns."""

    route: Route = "frames"
    """How its formula interface is reproduced without repeating its work: `arrays` and `frames`
    build the design here and call the class with it, as plain arrays where it names no further
    parameters by its columns; `own` calls the class's own from_formula, which does more."""

    needs: tuple[str, ...] = ()
    """Keywords of init that must be there."""

    klass: str | None = None
    """The name of the class where it differs."""

    closed_form: bool = False
    """Whether a fit cannot fail to converge."""

    def load(self) -> Any:
        """Import and return the class."""
        return getattr(import_module(self.module), self.klass or self.name)


_LINEAR = "statsmodels.regression.linear_model"
_DISCRETE = "statsmodels.discrete.discrete_model"
_COUNT = "statsmodels.discrete.count_model"
_TRUNCATED = "statsmodels.discrete.truncated_model"
_CONDITIONAL = "statsmodels.discrete.conditional_models"
_GEE = "statsmodels.genmod.generalized_estimating_equations"
_SMOOTHING = "statsmodels.tsa.holtwinters.model"
_GROUPS = ("groups",)

_ALL = (
    Estimator("OLS", _LINEAR, route="arrays", closed_form=True),
    Estimator("WLS", _LINEAR, route="arrays", closed_form=True),
    Estimator("GLS", _LINEAR, route="arrays", closed_form=True),
    Estimator("GLSAR", _LINEAR, route="arrays", closed_form=True),
    Estimator("QuantReg", "statsmodels.regression.quantile_regression", route="arrays"),
    Estimator("RLM", "statsmodels.robust.robust_linear_model", route="arrays"),
    Estimator("GLM", "statsmodels.genmod.generalized_linear_model", route="arrays"),
    Estimator("GLMGam", "statsmodels.gam.generalized_additive_model", needs=("smoother",)),
    Estimator("Logit", _DISCRETE, route="arrays"),
    Estimator("Probit", _DISCRETE, route="arrays"),
    Estimator("Poisson", _DISCRETE, route="arrays"),
    Estimator("NegativeBinomial", _DISCRETE),
    Estimator("NegativeBinomialP", _DISCRETE),
    Estimator("GeneralizedPoisson", _DISCRETE),
    Estimator("MNLogit", _DISCRETE),
    Estimator("ZeroInflatedPoisson", _COUNT),
    Estimator("ZeroInflatedNegativeBinomialP", _COUNT),
    Estimator("ZeroInflatedGeneralizedPoisson", _COUNT),
    Estimator("HurdleCountModel", _TRUNCATED),
    Estimator("TruncatedLFPoisson", _TRUNCATED),
    Estimator("TruncatedLFNegativeBinomialP", _TRUNCATED),
    Estimator("ConditionalLogit", _CONDITIONAL, route="own", needs=_GROUPS),
    Estimator("ConditionalMNLogit", _CONDITIONAL, route="own", needs=_GROUPS),
    Estimator("ConditionalPoisson", _CONDITIONAL, route="own", needs=_GROUPS),
    Estimator("GEE", _GEE, route="own", needs=_GROUPS),
    Estimator("NominalGEE", _GEE, route="own", needs=_GROUPS),
    Estimator("OrdinalGEE", _GEE, route="own", needs=_GROUPS),
    Estimator("MixedLM", "statsmodels.regression.mixed_linear_model", needs=_GROUPS),
    Estimator("PHReg", "statsmodels.duration.hazard_regression", route="own"),
    Estimator("OrderedModel", "statsmodels.miscmodels.ordinal_model", route="own"),
    Estimator("BetaModel", "statsmodels.othermod.betareg", route="own"),
    Estimator("ARIMA", "statsmodels.tsa.arima.model", kind="series"),
    Estimator("SARIMAX", "statsmodels.tsa.statespace.sarimax", kind="series"),
    Estimator("UnobservedComponents", "statsmodels.tsa.statespace.structural", kind="series"),
    Estimator(
        "AutoReg",
        "statsmodels.tsa.ar_model",
        kind="series",
        needs=("lags",),
        closed_form=True,
    ),
    Estimator("ExponentialSmoothing", _SMOOTHING, kind="series"),
    Estimator("SimpleExpSmoothing", _SMOOTHING, kind="series"),
    Estimator("Holt", _SMOOTHING, kind="series"),
    Estimator("ETSModel", "statsmodels.tsa.exponential_smoothing.ets", kind="series"),
    Estimator("ETS", "statsmodels.tsa.exponential_smoothing.ets", kind="series", klass="ETSModel"),
)

ESTIMATORS: dict[str, Estimator] = {entry.name: entry for entry in _ALL}
"""Every estimator by its name."""

WITH_KERNELS = frozenset({"OLS", "WLS", "GLM", "Logit", "Probit", "Poisson", "QuantReg"})
"""Estimators that compiled kernels can fit; all others are fitted by statsmodels."""

WITHOUT_EXOG = frozenset({"ExponentialSmoothing", "SimpleExpSmoothing", "Holt", "ETSModel", "ETS"})
"""Series models that take no explanatory columns."""


def nearest(name: str, allowed: list[str] | tuple[str, ...]) -> str | None:
    """Return the allowed name that a person who wrote `name` most likely meant."""
    folded = {entry.lower().replace("_", ""): entry for entry in reversed(allowed)}
    key = name.lower().replace("_", "")
    if key in folded:
        return folded[key]
    found = difflib.get_close_matches(key, folded, n=1, cutoff=0.5)
    return folded[found[0]] if found else None


def estimator(name: str, *, field: str | None = None) -> Estimator:
    """Return the estimator of this name.

    Args:
        name: A class name of statsmodels, such as OLS.
        field: Where the name stands in the document, for the message.

    Raises:
        UserMistake: There is none of this name; the message names the nearest.
    """
    entry = ESTIMATORS.get(name)
    if entry is not None:
        return entry
    raise UserMistake(
        f"unknown estimator {name!r}: neither a class of statsmodels' formulas nor of its time "
        "series; anything else can be fitted with callable: 'module:function'",
        field=field,
        allowed=tuple(ESTIMATORS),
        nearest=nearest(name, tuple(ESTIMATORS)),
    )
