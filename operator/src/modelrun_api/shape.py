"""What a document model allows at a path, in words: the source of "allowed" and "did you mean".

The JSON schema of the pydantic models is walked, so that advice never differs from validation.
This module judges nothing; it only describes.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from modelrun_api.problems import Path
from modelrun_api.wire import MEANING_KEY

__all__ = ["allowed_at", "keys_at", "nearest", "nodes_at", "takes"]

Node = dict[str, Any]

_OTHER_WORDS: Final[dict[str, str]] = {
    # statsmodels' names of results, and broom's own spelling
    "params": "estimate",
    "coef": "estimate",
    "bse": "std_error",
    "std.error": "std_error",
    "stderr": "std_error",
    "se": "std_error",
    "tvalues": "statistic",
    "zvalues": "statistic",
    "t_value": "statistic",
    "tstat": "statistic",
    "pvalues": "p_value",
    "pvalue": "p_value",
    "p.value": "p_value",
    "conf_int": "conf_low",
    "conf.low": "conf_low",
    "conf.high": "conf_high",
    "rsquared": "r_squared",
    "r.squared": "r_squared",
    "r2": "r_squared",
    "rsquared_adj": "adj_r_squared",
    "adj.r.squared": "adj_r_squared",
    "prsquared": "pseudo_r_squared",
    "llf": "log_lik",
    "loglik": "log_lik",
    "logLik": "log_lik",
    "llnull": "log_lik_null",
    "df_resid": "df_residual",
    "df.residual": "df_residual",
    "scale": "sigma",
    "mse_resid": "sigma",
    "fvalue": "f_statistic",
    "f_pvalue": "f_p_value",
    "bic_llf": "bic",
    "mle_retvals": "converged",
    "condition_no": "condition_number",
    "fittedvalues": "fitted",
    "predict": "fitted",
    "resid_response": "resid",
    "mean_ci_lower": "conf_low",
    "mean_ci_upper": "conf_high",
    "obs_ci_lower": "pred_low",
    "obs_ci_upper": "pred_high",
    # other systems' names of fields
    "groupby": "by",
    "group_by": "by",
    "parallelism": "nodes",
    "replicas": "nodes",
    "timeout": "fitTimeoutSeconds",
    "secretName": "credentialsSecretName",
    "benjamini_hochberg": "fdr_bh",
    "BH": "fdr_bh",
    "BY": "fdr_by",
}

_KINDS: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


@cache
def _root(model: type[BaseModel]) -> Node:
    return model.model_json_schema(by_alias=True)


def nodes_at(model: type[BaseModel], path: Path) -> tuple[Node, ...]:
    """Return the schema nodes that describe `path`: several where alternatives are allowed."""
    root = _root(model)
    nodes = _open(root, root)
    for part in path:
        nodes = tuple(
            opened
            for node in nodes
            for child in _child(node, part)
            for opened in _open(root, child)
        )
    return nodes


def _open(root: Node, node: Node) -> tuple[Node, ...]:
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        return _open(root, root["$defs"][name])
    if "anyOf" in node:
        return tuple(
            opened
            for option in node["anyOf"]
            if option.get("type") != "null"
            for opened in _open(root, option)
        )
    return (node,)


def _child(node: Node, part: str | int) -> tuple[Node, ...]:
    if isinstance(part, int):
        return (node["items"],) if "items" in node else ()
    if part in node.get("properties", {}):
        return (node["properties"][part],)
    more = node.get("additionalProperties")
    return (more,) if isinstance(more, dict) else ()


def keys_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Return the fields that the mapping at `path` may have."""
    found = [key for node in nodes_at(model, path) for key in node.get("properties", {})]
    return tuple(dict.fromkeys(found))


def takes(model: type[BaseModel], path: Path, kind: str) -> bool:
    """Say whether a value of a JSON schema type, such as string, may stand at `path`."""
    return any(node.get("type") == kind for node in nodes_at(model, path))


def allowed_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Return what may stand at `path`: the words of a closed list, or sentences."""
    found: list[str] = []
    for node in nodes_at(model, path):
        if "const" in node:
            found.append(str(node["const"]))
        elif "enum" in node:
            found.extend(str(word) for word in node["enum"])
        else:
            found.append(_sentence(node))
    return tuple(dict.fromkeys(found))


def _sentence(node: Node) -> str:
    if MEANING_KEY in node:
        return str(node[MEANING_KEY])
    kind = node.get("type", "")
    text = _KINDS.get(kind, "any value")
    if kind in {"integer", "number"}:
        return text + _range(node.get("minimum"), node.get("maximum"), "")
    if kind == "string":
        if "pattern" in node:
            return f"{text} that matches {node['pattern']}"
        return text + _range(node.get("minLength"), node.get("maxLength"), " characters")
    if kind == "array":
        return text + _range(node.get("minItems"), node.get("maxItems"), " entries")
    return text


def _range(low: int | None, high: int | None, unit: str) -> str:
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f" of at least {low:,}{unit}"
        case None, _:
            return f" of at most {high:,}{unit}"
        case _:
            return f" from {low:,} to {high:,}{unit}"


def nearest(word: object, allowed: tuple[str, ...]) -> str | None:
    """Return the allowed word that `word` was probably meant to be, or None.

    Names of statsmodels and broom lead to ours, whatever their spelling has in common.
    """
    if not isinstance(word, str) or not allowed:
        return None
    by_lower = {one.lower().replace("_", ""): one for one in reversed(allowed)}
    if (ours := _OTHER_WORDS.get(word)) in allowed:
        return ours
    plain = word.lower().replace("_", "").replace("-", "").replace(".", "")
    close = difflib.get_close_matches(plain, by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None
