"""The coefficients of statsmodels results: their names, components and asked columns.

statsmodels names parameters in several ways and stacks equations, thresholds and variances into
one vector or matrix. Here every parameter becomes one row with a component, under the value and
the name that statsmodels itself reports; nothing is transformed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.engines import inference
from modelrun.engines.failures import UndeterminedError
from modelrun.engines.record import Terms
from modelrun.plan.study import Outputs

Floats = npt.NDArray[np.float64]

_PREFIXES = {"inflate_": "inflation", "precision-": "precision", "zm_": "zero"}
_DISPERSION = frozenset({"alpha", "lnalpha"})


def plain(results: Any) -> Any:
    """Return results without the wrapper that attaches pandas to every attribute."""
    return getattr(results, "_results", results)


def of_results(results: Any, outputs: Outputs, *, names: tuple[str, ...] | None = None) -> Terms:
    """Return the coefficients of results.

    Args:
        results: Results of statsmodels, wrapped or not.
        outputs: What was asked for.
        names: The names of the terms, where the model was given plain arrays.

    Raises:
        UndeterminedError: An estimate is not a number.
    """
    inner = plain(results)
    if isinstance(getattr(inner, "params", None), dict):
        return _smoothing(inner, outputs)
    params = np.asarray(inner.params, dtype=np.float64)
    if not np.isfinite(params).all():
        raise UndeterminedError("the estimates came out as not-a-number")
    asked = outputs.coefficients
    std_error = None
    if any(name != "estimate" for name in asked):
        found = getattr(inner, "bse", None)
        std_error = None if found is None else np.asarray(found, dtype=np.float64)
    use_t = bool(getattr(inner, "use_t", False))
    df = float(getattr(inner, "df_resid_inference", None) or inner.df_resid) if use_t else None
    if params.ndim == 2:
        term, component = _equations(inner.model, params.shape, names)
        params = params.ravel(order="F")
        std_error = None if std_error is None else std_error.ravel(order="F")
    else:
        term, component = _named(inner, len(params), names)
    return Terms(
        term=term,
        component=component,
        columns=inference.columns(params, std_error, asked, df=df, conf_level=outputs.conf_level),
        df=df,
        dist="t" if use_t else "z",
    )


def class_of(model: Any) -> str:
    """Return the name of statsmodels' class that a model is, or is derived from."""
    for owner in type(model).__mro__:
        if owner.__module__.startswith("statsmodels"):
            return str(owner.__name__)
    return type(model).__name__


def _equations(
    model: Any, shape: tuple[int, ...], names: tuple[str, ...] | None
) -> tuple[list[str], list[str]]:
    """Return terms and components of a matrix of k terms by j equations, equation by equation."""
    k, j = shape
    terms = list(names or model.exog_names)[:k]
    labels = getattr(model, "_ynames_map", None)
    if labels:
        # The first level is the reference and has no equation.
        equations = [str(label) for label in list(labels.values())[-j:]]
    else:
        equations = [str(i + 1) for i in range(j)]
    return terms * j, [label for label in equations for _ in range(k)]


def _named(results: Any, size: int, names: tuple[str, ...] | None) -> tuple[list[str], list[str]]:
    """Return terms and components of a vector of parameters."""
    if names is not None and len(names) == size:
        return list(names), [""] * size
    model = results.model
    found: list[str] | None = None
    for owner, attribute in (
        (model.data, "param_names"),
        (model, "param_names"),
        (model, "exog_names"),
    ):
        candidate = getattr(owner, attribute, None)
        if candidate is not None and len(candidate) == size:
            found = [str(name) for name in candidate]
            break
    if found is None:
        found = [f"x{i + 1}" for i in range(size)]
    return _components(model, found)


def _components(model: Any, names: list[str]) -> tuple[list[str], list[str]]:
    kind = class_of(model)
    terms: list[str] = []
    components: list[str] = []
    for position, name in enumerate(names):
        term, component = name, ""
        for prefix, label in _PREFIXES.items():
            if name.startswith(prefix):
                term, component = name.removeprefix(prefix), label
        if kind == "MixedLM" and position >= model.k_fe:
            component = "variance"
        elif (kind == "OrderedModel" and position >= model.k_vars) or (
            kind == "OrdinalGEE" and name.startswith("I(")
        ):
            component = "threshold"
        elif name.startswith(("sigma2", "var.")):
            component = "variance"
        elif name == "precision" and kind == "BetaModel":
            component = "precision"
        elif name in _DISPERSION and position == len(names) - 1:
            component = "dispersion"
        elif name.startswith("initial_"):
            component = "initial"
        terms.append(term)
        components.append(component)
    return terms, components


def _smoothing(results: Any, outputs: Outputs) -> Terms:
    """Return the parameters of exponential smoothing, which has no standard errors."""
    terms: list[str] = []
    components: list[str] = []
    values: list[float] = []
    for name, value in results.params.items():
        if isinstance(value, bool | np.bool_) or value is None:
            continue
        parts = np.atleast_1d(np.asarray(value, dtype=np.float64))
        for i, part in enumerate(parts):
            if not np.isfinite(part):
                continue  # a part that the model does not have
            terms.append(name if len(parts) == 1 else f"{name}.{i}")
            components.append("initial" if name.startswith("initial_") else "")
            values.append(float(part))
    estimate = np.array(values)
    return Terms(
        term=terms,
        component=components,
        columns=inference.columns(
            estimate, None, outputs.coefficients, df=None, conf_level=outputs.conf_level
        ),
        df=None,
        dist="",
    )
