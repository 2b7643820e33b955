"""Which columns of the data a model reads, and what is wrong with the names it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelrun.errors import UserMistake
from modelrun.nearest import suggestion
from modelrun.plan import formula
from modelrun_api.spec import Model, ModelRunSpec

TABLE_COLUMNS = frozenset(
    [
        "fit_key",
        "model",
        "slice",
        "window_start",
        "window_end",
        "replicate",
        "component",
        "term",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "conf_low",
        "conf_high",
        "p_adjusted",
        "df",
        "dist",
        "status",
        "nobs",
        "converged",
        "warnings",
        "separated",
        "rank_deficient",
        "numerics",
        "engine",
        "seconds",
        "reused",
        "row",
        "fitted",
        "resid",
        "pred_low",
        "pred_high",
        "reason",
        "message",
        "traceback",
        "worker",
        "attempts",
        "command",
        "df_model",
        "df_residual",
        "r_squared",
        "adj_r_squared",
        "pseudo_r_squared",
        "sigma",
        "f_statistic",
        "f_p_value",
        "log_lik",
        "log_lik_null",
        "aic",
        "bic",
        "deviance",
        "null_deviance",
        "pearson_chi2",
        "iterations",
        "condition_number",
    ]
)
"""Names that result tables use themselves, so that no `by` column may have them."""

_FORMULA_KEYWORDS = ("re_formula", "vc_formula", "exog_precision_formula", "exog_re")


def of_model(model: Model, at: int, known: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a model reads, in the order of the data.

    A callable is given the whole frame, so it reads all of them.

    Args:
        model: The spec.
        at: Its place in spec.models, for messages.
        known: The columns of the data.

    Raises:
        UserMistake: It names a column that is not there.
    """
    if model.callable is not None:
        return tuple(known)
    used: set[str] = set()
    field = f"spec.models[{at}]"
    if model.formula is not None:
        used |= formula.names(model.formula, known, model=model.name, field=f"{field}.formula")
    for name, where in _named(model):
        if name not in known:
            raise UserMistake(
                f"model {model.name!r}: {where} names the column {name!r}, which is not in the "
                f"data; {suggestion(name, known)}",
                field=f"{field}.{where}",
            )
        used.add(name)
    for key in _FORMULA_KEYWORDS:
        value = model.init.get(key)
        texts = value.values() if isinstance(value, Mapping) else [value]
        for text in texts:
            if isinstance(text, str):
                used |= formula.names(text, known, model=model.name, field=f"{field}.init.{key}")
    return tuple(name for name in known if name in used)


def check_slices(spec: ModelRunSpec, known: Sequence[str]) -> None:
    """Judge the columns that slices name.

    Raises:
        UserMistake: One is not in the data, is named twice, or is named like a table's column.
    """
    by = spec.slices.by
    for at, name in enumerate(by):
        field = f"spec.slices.by[{at}]"
        if name not in known:
            raise UserMistake(
                f"slices.by names the column {name!r}, which is not in the data; "
                f"{suggestion(name, known)}",
                field=field,
            )
        if name in TABLE_COLUMNS:
            raise UserMistake(
                f"slices.by: {name!r} is a column of the result tables too, so the two could not "
                "be told apart; rename the column in the data.",
                field=field,
            )
        if name in by[:at]:
            raise UserMistake(f"slices.by names {name!r} twice.", field=field)
    window = spec.slices.window
    if window is not None and window.column not in known:
        raise UserMistake(
            f"slices.window: column {window.column!r} is not in the data; "
            f"{suggestion(window.column, known)}",
            field="spec.slices.window.column",
        )
    _check_adjusted(spec)


def _check_adjusted(spec: ModelRunSpec) -> None:
    """Judge the multiple testing: it needs p-values, and families made of columns that exist."""
    asked, adjust = spec.results.coefficients, spec.results.adjust
    if "p_adjusted" in asked and "p_value" not in asked:
        raise UserMistake(
            "p_adjusted is computed from p_value: ask for both.",
            field=f"spec.results.coefficients[{asked.index('p_adjusted')}]",
        )
    families = ["model", "component", "term", *spec.slices.by]
    families += ["window_start", "window_end"] if spec.slices.window is not None else []
    families += ["replicate"] if spec.slices.resample is not None else []
    for at, name in enumerate(adjust.within if adjust is not None else []):
        if name not in families:
            raise UserMistake(
                f"results.adjust.within names {name!r}, which is no column that tells fits or "
                f"terms apart; {suggestion(name, families)}",
                field=f"spec.results.adjust.within[{at}]",
            )


def _named(model: Model) -> Iterator[tuple[str, str]]:
    if model.endog is not None:
        yield model.endog, "endog"
    for at, name in enumerate(model.exog):
        yield name, f"exog[{at}]"
    if model.time is not None:
        yield model.time, "time"
    yield from _references(model.init, "init")
    yield from _references(model.fit, "fit")


def _references(free: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield every `{column: name}` and `{columns: [names]}` with its path."""
    for key, value in free.items():
        if not isinstance(value, Mapping):
            continue
        here = f"{path}.{key}"
        if set(value) == {"column"} and isinstance(value["column"], str):
            yield value["column"], here
        elif set(value) == {"columns"} and isinstance(value["columns"], (list, tuple)):
            for name in value["columns"]:
                yield str(name), here
        else:
            yield from _references(value, here)
