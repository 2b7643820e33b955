"""Whether a model's estimator and keywords exist, before anything is fitted.

statsmodels swallows many misspelt keywords in **kwargs; a run of a million fits with `maxlag`
instead of `maxlags` in mind deserves better. For the estimators of the batched engine the answer
is known without importing statsmodels.
"""

from __future__ import annotations

import inspect
from typing import Any

from modelrun.engines import exact_quantreg, keywords
from modelrun.engines.estimators import WITHOUT_EXOG, Estimator, estimator, nearest
from modelrun.errors import UserMistake
from modelrun_api.spec import Model

Names = frozenset[str]

_COV = frozenset({"cov_type", "cov_kwds", "use_t"})
_LINEAR_FIT = _COV | {"method"}
_LIKELIHOOD_FIT = _COV | {
    "start_params", "method", "maxiter", "disp", "full_output", "skip_hessian", "retall",
}  # fmt: skip
_OPTIMISER = frozenset(
    {
        "tol", "ridge_factor", "gtol", "norm", "epsilon", "xtol", "ftol", "maxfun", "m", "pgtol",
        "factr", "approx_grad", "bounds", "fhess_p", "avextol", "start_direc", "niter",
        "niter_success", "T", "stepsize", "interval", "minimizer", "seed", "min_method",
        "iprint", "loglike_and_score",
    }
)  # fmt: skip
"""What the optimisers behind likelihood models take through **kwargs."""

_BASE_INIT = frozenset({"missing", "hasconst"})
_OFFSETS = frozenset({"offset", "exposure"})

FAST: dict[str, tuple[Names, Names]] = {
    "OLS": (_BASE_INIT, _LINEAR_FIT),
    "WLS": (_BASE_INIT | {"weights"}, _LINEAR_FIT),
    "GLM": (
        _BASE_INIT | _OFFSETS | {"family", "freq_weights", "var_weights", "n_trials"},
        _LIKELIHOOD_FIT | _OPTIMISER | {"scale", "max_start_irls", "attach_wls", "atol", "rtol",
                                        "tol_criterion", "wls_method", "optim_hessian"},
    ),
    "Logit": (_BASE_INIT | {"offset", "check_rank"}, _LIKELIHOOD_FIT | _OPTIMISER),
    "Probit": (_BASE_INIT | {"offset", "check_rank"}, _LIKELIHOOD_FIT | _OPTIMISER),
    "Poisson": (_BASE_INIT | _OFFSETS | {"check_rank"}, _LIKELIHOOD_FIT | _OPTIMISER),
    "QuantReg": (
        _BASE_INIT,
        frozenset({"q", "vcov", "kernel", "bandwidth", "max_iter", "p_tol", "method"}),
    ),
}  # fmt: skip
"""Init and fit keywords of the estimators that the batched engine knows."""

_COUNT_FIT = frozenset({"method", "maxiter", "disp", "cov_type"})

USUAL: dict[str, tuple[Names, Names]] = {
    "GLS": (frozenset({"sigma"}), _LINEAR_FIT),
    "GLSAR": (frozenset({"rho"}), _LINEAR_FIT),
    "RLM": (frozenset({"M"}), frozenset({"maxiter", "tol", "scale_est", "cov"})),
    "MNLogit": (frozenset(), _COUNT_FIT),
    "NegativeBinomial": (_OFFSETS | {"loglike_method"}, _COUNT_FIT),
    "NegativeBinomialP": (_OFFSETS | {"p"}, _COUNT_FIT),
    "GeneralizedPoisson": (_OFFSETS | {"p"}, _COUNT_FIT),
    "ZeroInflatedPoisson": (_OFFSETS | {"exog_infl", "inflation"}, _COUNT_FIT),
    "MixedLM": (frozenset({"groups", "re_formula", "vc_formula"}),
                frozenset({"reml", "method", "maxiter"})),
    "GEE": (frozenset({"groups", "time", "family", "cov_struct"}),
            frozenset({"maxiter", "cov_type"})),
    "PHReg": (frozenset({"status", "entry", "strata", "offset", "ties"}), frozenset({"groups"})),
    "OrderedModel": (frozenset({"distr", "offset"}), frozenset({"method", "maxiter", "disp"})),
    "ARIMA": (frozenset({"order", "seasonal_order", "trend"}), frozenset({"method", "cov_type"})),
    "SARIMAX": (frozenset({"order", "seasonal_order", "trend"}),
                frozenset({"method", "maxiter", "cov_type", "disp"})),
    "UnobservedComponents": (frozenset({"level", "trend", "cycle", "seasonal", "autoregressive"}),
                             frozenset({"method", "maxiter", "disp"})),
    "AutoReg": (frozenset({"lags", "trend", "seasonal", "period"}), _COV),
    "ExponentialSmoothing": (frozenset({"trend", "damped_trend", "seasonal", "seasonal_periods",
                                        "initialization_method"}),
                             frozenset({"smoothing_level", "smoothing_trend", "optimized"})),
    "ETSModel": (frozenset({"error", "trend", "damped_trend", "seasonal", "seasonal_periods"}),
                 frozenset({"maxiter", "disp"})),
}  # fmt: skip
"""The usual keywords of other estimators: files that use no others wait for no import."""

_NEVER = frozenset(
    {
        "self", "cls", "endog", "exog", "formula", "data", "subset", "drop_cols", "callback",
        "fargs", "dates", "freq", "return_params", "loglike", "score", "hessian",
        "extra_params_names", "flags", "deterministic",
    }
)  # fmt: skip
"""Arguments that a file cannot give, or that the model's own fields give."""

_LINEAR = frozenset({"OLS", "WLS", "GLS", "GLSAR"})

_ROBUST = _LINEAR | {"GLM", "Logit", "Probit", "Poisson"}

_LAGS = ("maxlags", "6")
_GROUPS = ("groups", "{column: firm}")

COVARIANCES: dict[str, tuple[tuple[str, str], ...]] = {
    "nonrobust": (), "fixed scale": (), "HC0": (), "HC1": (), "HC2": (), "HC3": (),
    "HAC": (_LAGS,), "cluster": (_GROUPS,), "cluster-crv3": (_GROUPS,),
    "cluster-jk": (_GROUPS,), "hac-panel": (_LAGS,), "hac-groupsum": (_LAGS,),
    "nw-panel": (_LAGS,), "nw-groupsum": (_LAGS,),
}  # fmt: skip
"""statsmodels' robust covariances, and the words in cov_kwds without which each one fails."""


def known(entry: Estimator) -> tuple[Names, Names]:
    """Return the init and the fit keywords of an estimator.

    Imports statsmodels unless the estimator is in FAST.
    """
    if entry.name in FAST:
        return FAST[entry.name]
    klass = entry.load()
    init = _names(klass, "__init__") | _BASE_INIT
    if entry.kind == "formula":
        init |= _names(klass, "from_formula")
        if entry.needs == ("groups",):
            init |= {"groups"}
        if entry.name.startswith("Conditional"):
            init |= {"offset"} - ({"offset"} if entry.name == "ConditionalMNLogit" else set())
    fit = _names(klass, "fit")
    if entry.name in _LINEAR:
        fit = _LINEAR_FIT | ({"rtol", "maxiter"} if entry.name == "GLSAR" else frozenset())
    elif {"skip_hessian", "retall"} & fit:
        fit |= _OPTIMISER | _COV
    return init - _NEVER, fit - _NEVER


def _names(klass: Any, method: str) -> Names:
    """Return the parameters of a method, with those of its bases while it takes **kwargs."""
    found: set[str] = set()
    for owner in klass.__mro__:
        function = vars(owner).get(method)
        if function is None:
            continue
        parameters = inspect.signature(getattr(function, "__func__", function)).parameters
        free = False
        for parameter in parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                free = True
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                found.add(parameter.name)
        if not free:
            break
    return frozenset(found)


def check(model: Model, *, field: str) -> None:
    """Judge estimator and keywords of a model; a callable is judged where it is loaded.

    Args:
        model: The model.
        field: Its path in the document, such as spec.models[0].

    Raises:
        UserMistake: An estimator, a keyword or a named object does not exist, or something is
            missing; the message names the nearest.
    """
    if model.estimator is None:
        return
    entry = estimator(model.estimator, field=f"{field}.estimator")
    _check_kind(model, entry, field)
    init, fit = USUAL.get(entry.name, (frozenset(), frozenset()))
    if not (set(model.init) <= init and set(model.fit) <= fit):
        init, fit = known(entry)
        _check_keywords(entry, "init", model.init, init, field)
        _check_keywords(entry, "fit", model.fit, fit, field)
    _check_covariance(entry, model.fit, field)
    if entry.name == "QuantReg":
        exact_quantreg.check(model.fit, field=f"{field}.fit")
    for name in entry.needs:
        if name not in model.init:
            example = {"groups": "{column: firm}", "lags": "2"}.get(
                name, "{columns: [age], df: [6], degree: [3]}"
            )
            raise UserMistake(
                f"{entry.name} needs init: {{{name}: {example}}}", field=f"{field}.init"
            )
    try:
        if any(name in model.init for name in keywords.OBJECTS) and not _plain_family(model):
            keywords.prepare_init(model.init)
    except UserMistake as mistake:
        key = next(name for name in keywords.OBJECTS if name in model.init)
        raise UserMistake(
            mistake.message,
            field=f"{field}.init.{key}",
            allowed=mistake.allowed,
            nearest=mistake.nearest,
        ) from mistake


def _plain_family(model: Model) -> bool:
    """Return whether all named objects are a family of the kernels, known without statsmodels."""
    from modelrun.engines.batched.covariance import Nonrobust
    from modelrun.engines.batched.glm import Family, supports

    if [name for name in model.init if name in keywords.OBJECTS] != ["family"]:
        return False
    value = model.init["family"]
    if isinstance(value, str):
        value = {"family": value}
    if not set(value) <= {"family", "link"}:
        return False
    name, link = value.get("family"), value.get("link")
    if not isinstance(name, str) or not (link is None or isinstance(link, str)):
        return False
    try:
        return supports(Family(name, link), Nonrobust())  # type: ignore[arg-type]
    except KeyError:
        return False


def _check_kind(model: Model, entry: Estimator, field: str) -> None:
    if entry.kind == "series" and model.endog is None:
        raise UserMistake(
            f"{entry.name} is a time series model and takes columns: give endog (and exog, time) "
            "instead of formula",
            field=f"{field}.formula",
        )
    if entry.kind == "formula" and model.formula is None:
        raise UserMistake(
            f"{entry.name} takes a formula: give formula instead of endog",
            field=f"{field}.endog",
        )
    if model.exog and entry.name in WITHOUT_EXOG:
        raise UserMistake(
            f"{entry.name} takes no explanatory columns; leave exog out", field=f"{field}.exog"
        )


def _check_keywords(
    entry: Estimator, where: str, given: dict[str, Any], allowed: Names, field: str
) -> None:
    for name in given:
        if name in allowed:
            continue
        raise UserMistake(
            f"{entry.name} has no {where} keyword {name!r}",
            field=f"{field}.{where}.{name}",
            allowed=tuple(sorted(allowed)) or ("none",),
            nearest=nearest(name, tuple(sorted(allowed))),
            at_key=True,
        )


def _check_covariance(entry: Estimator, fit: dict[str, Any], field: str) -> None:
    """Judge the covariance of estimators that share statsmodels' robust ones (base.covtype)."""
    given = fit.get("cov_type")
    if entry.name not in _ROBUST or not isinstance(given, str):
        return
    place = f"{field}.fit.cov_type"
    needed = {name.lower(): needs for name, needs in COVARIANCES.items()}.get(given.lower())
    if needed is None:
        raise UserMistake(
            f"statsmodels knows no cov_type {given!r}",
            field=place,
            allowed=tuple(name for name in COVARIANCES if " " not in name),
            nearest=nearest(given, tuple(COVARIANCES)),
        )
    words = fit.get("cov_kwds") or {}
    for name, example in needed:
        if name not in words:
            raise UserMistake(
                f"cov_type {given} needs {name}: write cov_kwds: {{{name}: {example}}}",
                field=place,
            )
