"""A model of a file in the words of the compiled kernels, or why there is no such translation.

One function answers both questions, whether the kernels can fit a model and how, so that the
plan and the engine never disagree. It looks at the file alone; what data do not allow, the
kernels' gate hands over fit by fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from modelrun.engines import exact_quantreg
from modelrun.engines.batched.covariance import HAC, HC, Covariance, Nonrobust
from modelrun.engines.batched.glm import Family, supports
from modelrun.plan.study import ModelSpec, Outputs

Kind = Literal["linear", "glm", "discrete", "quantile"]

LINEAR = frozenset({"OLS", "WLS"})
DISCRETE = frozenset({"Logit", "Probit", "Poisson"})


_QUANTILE_WORDS = {
    "vcov": ("robust", "iid"),
    "kernel": ("epa", "biw", "cos", "gau", "par"),
    "bandwidth": ("hsheather", "bofinger", "chamberlain"),
}


class NotBatchedError(Exception):
    """The kernels cannot fit a model; the message says why."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters by a column, before its codes are known."""

    column: str
    use_correction: bool = True
    df_correction: bool = True


@dataclass(frozen=True, slots=True)
class Translation:
    """What the kernels are asked for."""

    kind: Kind
    estimator: str
    covariance: Covariance | Clusters
    use_t: bool | None = None
    family: Family = field(default_factory=Family)
    maxiter: int | None = None
    quantile: Mapping[str, Any] | None = None
    """Keywords of quantreg.fit."""

    columns: Mapping[str, str] | None = None
    """Columns of the panel by keyword: weights, offset, exposure, freq_weights, var_weights."""

    @property
    def can_separate(self) -> bool:
        """Whether the data can put a maximum of the likelihood at infinity."""
        return self.kind != "glm" or self.family.name in {"Binomial", "Poisson"}

    def column(self, keyword: str) -> str | None:
        """Return the column that a keyword points to."""
        return (self.columns or {}).get(keyword)

    def needed(self) -> tuple[str, ...]:
        """Return all columns that keywords point to."""
        clusters = (self.covariance.column,) if isinstance(self.covariance, Clusters) else ()
        return (*(self.columns or {}).values(), *clusters)


def translate(model: ModelSpec, outputs: Outputs) -> Translation:
    """Translate a model.

    Args:
        model: The model, with estimator and known keywords.
        outputs: What is asked for.

    Raises:
        NotBatchedError: The kernels cannot fit it.
    """
    name = model.estimator
    if name in LINEAR:
        _columns(model.init, {"weights"} if name == "WLS" else set(), name)
        covariance, use_t = _covariance(model.fit, allowed={"method"})
        if model.fit.get("method", "pinv") != "pinv":
            raise NotBatchedError("the kernels equal method pinv only")
        found = Translation(
            "linear",
            name or "",
            covariance,
            use_t,
            columns=_columns(model.init, {"weights"}, name),
        )
    elif name in DISCRETE:
        offsets = {"offset", "exposure"} if name == "Poisson" else {"offset"}
        covariance, use_t = _covariance(model.fit, allowed={"maxiter", "method", "disp"})
        if model.fit.get("method", "newton") != "newton":
            raise NotBatchedError("the kernels equal method newton only")
        found = Translation(
            "discrete",
            name or "",
            covariance,
            use_t,
            maxiter=_count(model.fit.get("maxiter")),
            columns=_columns(model.init, offsets, name),
        )
    elif name == "GLM":
        found = _glm(model)
    elif name == "QuantReg":
        found = _quantile(model)
    else:
        raise NotBatchedError(f"there is no kernel for {name}")
    _check_outputs(found, outputs)
    return found


def _glm(model: ModelSpec) -> Translation:
    covariance, use_t = _covariance(model.fit, allowed={"maxiter", "method", "disp"})
    if model.fit.get("method", "IRLS") != "IRLS":
        raise NotBatchedError("the kernels equal method IRLS only")
    family = _family(model.init.get("family", "Gaussian"))
    # What a cluster covariance allows does not depend on its codes.
    known = HC("HC0") if isinstance(covariance, Clusters) else covariance
    if not supports(family, known):
        raise NotBatchedError(
            f"there is no kernel for the family {family.name} with link {family.link_name} and "
            "this covariance"
        )
    rest = {key: value for key, value in model.init.items() if key != "family"}
    offsets = {"offset", "exposure", "freq_weights", "var_weights"}
    columns = _columns(rest, offsets, "GLM")
    if "exposure" in columns and family.link_name != "Log":
        raise NotBatchedError("exposure goes with the link Log")
    return Translation(
        "glm",
        "GLM",
        covariance,
        use_t,
        family,
        maxiter=_count(model.fit.get("maxiter")),
        columns=columns,
    )


def _quantile(model: ModelSpec) -> Translation:
    _columns(model.init, set(), "QuantReg")
    words = dict(model.fit)
    checked: dict[str, Any] = {}
    if "method" in words:
        if words.pop("method") != exact_quantreg.METHOD:
            raise NotBatchedError("there is no kernel for QuantReg with this method")
        checked["exact"] = True
    for key, allowed in _QUANTILE_WORDS.items():
        if key in words and (checked.setdefault(key, words.pop(key)) not in allowed):
            raise NotBatchedError(f"there is no kernel for QuantReg with {key}: {checked[key]}")
    if "max_iter" in words:
        checked["max_iter"] = _count(words.pop("max_iter"))
    for key in ("q", "p_tol"):
        if key in words:
            value = words.pop(key)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
                raise NotBatchedError(f"there is no kernel for QuantReg with {key}: {value}")
            checked[key] = float(value)
    if words:
        raise NotBatchedError(f"there is no kernel for QuantReg with {', '.join(words)}")
    return Translation("quantile", "QuantReg", Nonrobust(), quantile=checked)


def _columns(init: Mapping[str, Any], allowed: set[str], name: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in init.items():
        if key == "missing" and value == "drop":
            continue
        if key not in allowed:
            raise NotBatchedError(f"there is no kernel for {name} with init.{key}")
        if not (isinstance(value, Mapping) and set(value) == {"column"}):
            raise NotBatchedError(f"init.{key} is not a column")
        found[key] = str(value["column"])
    return found


def _family(value: Any) -> Family:
    words = {"family": value} if isinstance(value, str) else dict(value)
    name, link = words.pop("family", words.pop("name", None)), words.pop("link", None)
    if isinstance(link, Mapping):
        link = link.get("link", link.get("name")) if len(link) == 1 else "?"
    alpha = words.pop("alpha", 1.0) if name == "NegativeBinomial" else 1.0
    if words or not isinstance(alpha, int | float):
        raise NotBatchedError(f"there is no kernel for a family with {', '.join(words)}")
    return Family(cast("Any", str(name)), None if link is None else cast("Any", str(link)),
                  float(alpha))  # fmt: skip


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NotBatchedError(f"maxiter is {value!r}")
    return value


def _covariance(
    fit: Mapping[str, Any], *, allowed: set[str]
) -> tuple[Covariance | Clusters, bool | None]:
    for key in fit:
        if key not in allowed | {"cov_type", "cov_kwds", "use_t"}:
            raise NotBatchedError(f"there is no kernel with fit.{key}")
    use_t = fit.get("use_t")
    if use_t is not None and not isinstance(use_t, bool):
        raise NotBatchedError(f"use_t is {use_t!r}")
    kind = fit.get("cov_type", "nonrobust")
    words = dict(fit.get("cov_kwds") or {})
    match kind:
        case "nonrobust":
            found: Covariance | Clusters = Nonrobust()
        case "HC0" | "HC1" | "HC2" | "HC3":
            found = HC(kind)
        case "HAC":
            found = _hac(words)
        case "cluster":
            found = _clusters(words)
        case _:
            raise NotBatchedError(f"there is no kernel for the covariance {kind}")
    if words and kind != "nonrobust":
        raise NotBatchedError(f"there is no kernel for {kind} with {', '.join(words)}")
    return found, use_t


def _hac(words: dict[str, Any]) -> HAC:
    lags, kernel = words.pop("maxlags", None), words.pop("kernel", "bartlett")
    correction = words.pop("use_correction", False)
    if isinstance(lags, bool) or not isinstance(lags, int) or lags < 0:
        raise NotBatchedError("HAC without a number maxlags is not for the kernels")
    if kernel not in {"bartlett", "uniform"} or not isinstance(correction, bool):
        raise NotBatchedError(f"there is no kernel for HAC with {kernel}, {correction}")
    return HAC(lags, cast("Any", kernel), correction)


def _clusters(words: dict[str, Any]) -> Clusters:
    groups = words.pop("groups", None)
    if not (isinstance(groups, Mapping) and set(groups) == {"column"}):
        raise NotBatchedError("the groups of clusters are not one column")
    correction = words.pop("use_correction", True)
    df_correction = words.pop("df_correction", True)
    if not (isinstance(correction, bool) and isinstance(df_correction, bool)):
        raise NotBatchedError("corrections of clusters are not true or false")
    return Clusters(str(groups["column"]), correction, df_correction)


def _check_outputs(found: Translation, outputs: Outputs) -> None:
    beyond = set(outputs.observations) - {"fitted", "resid"}
    if beyond:
        raise NotBatchedError(f"the kernels do not compute observations.{min(beyond)}")
    if found.kind != "linear" and "condition_number" in outputs.fits:
        raise NotBatchedError("the kernels compute condition_number for OLS and WLS only")
