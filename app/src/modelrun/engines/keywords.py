"""Keywords of a model: the words of a YAML file become what statsmodels' classes want.

YAML has no objects and cannot point at data, so three kinds of words are read here: a column as
`{column: firm}` (or `{columns: [a, b]}`), families, links, norms and covariance structures by
their names, and lists where tuples are wanted. Which keywords there are, preflight.py of this
package asks; nothing here loads data.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelrun.engines.estimators import nearest
from modelrun.errors import UserMistake

Path = tuple[str, ...]
Columns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keywords:
    """The init or fit keywords of a model, ready for use."""

    constant: Mapping[str, Any]
    """Everything but data."""

    data: Mapping[Path, Columns | str]
    """Where a column (a name) or several (a tuple of names) are wanted, by the path of keys."""

    def filled(self, values: Mapping[Path, Any]) -> dict[str, Any]:
        """Return fresh keywords with data put in.

        Args:
            values: The array for each path of `data`.
        """
        # A deep copy, because statsmodels takes keys out of cov_kwds.
        result: dict[str, Any] = copy.deepcopy(dict(self.constant)) if self.constant else {}
        for path, value in values.items():
            inner = result
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = value
        return result


def columns_in(free: Mapping[str, Any]) -> dict[Path, Columns | str]:
    """Return every `{column: name}` and `{columns: [names]}` in a free map by its path."""
    found: dict[Path, Columns | str] = {}
    for key, value in free.items():
        if not isinstance(value, Mapping):
            continue
        if set(value) == {"column"} and isinstance(value["column"], str):
            found[(key,)] = value["column"]
        elif set(value) == {"columns"} and isinstance(value["columns"], list | tuple):
            found[(key,)] = tuple(map(str, value["columns"]))
        elif key == "smoother" and isinstance(value.get("columns"), list | tuple):
            found[(key, "columns")] = tuple(map(str, value["columns"]))
        else:
            found.update({(key, *path): name for path, name in columns_in(value).items()})
    return found


def names_in(free: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of all columns that a free map refers to, each once."""
    names: dict[str, None] = {}
    for value in columns_in(free).values():
        names.update(dict.fromkeys((value,) if isinstance(value, str) else value))
    return tuple(names)


def _without_columns(free: Mapping[str, Any], data: Mapping[Path, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in free.items():
        if (key,) in data:
            continue
        if isinstance(value, Mapping):
            inner = {path[1:]: name for path, name in data.items() if path[0] == key}
            kept[key] = _without_columns(value, inner)
        else:
            kept[key] = value
    return kept


def prepare_init(free: Mapping[str, Any]) -> Keywords:
    """Return the init keywords of a model with named objects made.

    Raises:
        UserMistake: A family, link, norm or covariance structure has an unknown name.
    """
    data = columns_in(free)
    constant = _without_columns(free, data)
    for key, make in OBJECTS.items():
        if key in constant:
            constant[key] = make(constant[key])
    for key in ("order", "seasonal_order"):
        if isinstance(constant.get(key), list):
            constant[key] = tuple(constant[key])
    return Keywords(constant, data)


def prepare_fit(free: Mapping[str, Any]) -> Keywords:
    """Return the fit keywords of a model.

    Raises:
        UserMistake: The name of a scale or norm object is unknown.
    """
    data = columns_in(free)
    return Keywords(_without_columns(free, data), data)


def _named(value: Any, key: str) -> tuple[str, dict[str, Any]]:
    """Return name and keywords of `Poisson` or `{family: Poisson, link: Log}`."""
    if isinstance(value, str):
        return value, {}
    if isinstance(value, Mapping):
        name = value.get(key, value.get("name"))
        if isinstance(name, str):
            return name, {k: v for k, v in value.items() if k not in {key, "name"}}
    raise UserMistake(
        f"{key} is {value!r}; write a name, such as {key}: {_EXAMPLES[key]}, or a mapping with "
        f"the name and its keywords, such as {key}: {{{key}: {_EXAMPLES[key]}}}"
    )


_EXAMPLES = {"family": "Poisson", "link": "Log", "M": "HuberT", "cov_struct": "Exchangeable"}


def _pick(name: str, key: str, offered: Mapping[str, Any]) -> Any:
    if name in offered:
        return offered[name]
    raise UserMistake(
        f"there is no {key} {name!r}",
        allowed=tuple(sorted(offered)),
        nearest=nearest(name, tuple(offered)),
    )


def _family(value: Any) -> Any:
    from statsmodels.genmod import families

    name, keywords = _named(value, "family")
    offered = {
        n: k
        for n, k in vars(families).items()
        if isinstance(k, type) and issubclass(k, families.Family) and k is not families.Family
    }
    if "link" in keywords:
        keywords["link"] = _link(keywords["link"])
    return _made("family", name, _pick(name, "family", offered), keywords)


def _link(value: Any) -> Any:
    from statsmodels.genmod.families import links

    name, keywords = _named(value, "link")
    offered = {
        n: k
        for n, k in vars(links).items()
        if isinstance(k, type)
        and issubclass(k, links.Link)
        and k is not links.Link
        and n[:1].isupper()
    }
    return _made("link", name, _pick(name, "link", offered), keywords)


def _norm(value: Any) -> Any:
    from statsmodels.robust import norms

    name, keywords = _named(value, "M")
    offered = {
        n: k
        for n, k in vars(norms).items()
        if isinstance(k, type) and issubclass(k, norms.RobustNorm) and k is not norms.RobustNorm
    }
    return _made("norm", name, _pick(name, "norm", offered), keywords)


def _cov_struct(value: Any) -> Any:
    from statsmodels.genmod import cov_struct

    name, keywords = _named(value, "cov_struct")
    offered = {
        n: k
        for n, k in vars(cov_struct).items()
        if isinstance(k, type)
        and issubclass(k, cov_struct.CovStruct)
        and k is not cov_struct.CovStruct
    }
    return _made("covariance structure", name, _pick(name, "cov_struct", offered), keywords)


def _made(what: str, name: str, kind: Any, keywords: Mapping[str, Any]) -> Any:
    try:
        return kind(**keywords)
    except (TypeError, ValueError) as error:
        raise UserMistake(f"{what} {name} does not take {dict(keywords)}: {error}") from error


def _beta_link(value: Any) -> Any:
    return _link(value) if isinstance(value, str | Mapping) else value


OBJECTS = {
    "family": _family,
    "link": _beta_link,
    "link_precision": _beta_link,
    "M": _norm,
    "cov_struct": _cov_struct,
}
"""Init keywords whose values are objects of statsmodels, made from names."""
