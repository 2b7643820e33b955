"""What defines a model's fits besides their rows, in named parts.

The parts go into every fit's key, and because they have names `modelrun plan` can say which
changed field made fits new. Name of the model, time limits, task sizes, workers and machines are
no parts: they do not change numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from modelrun import packages
from modelrun.plan.study import ModelSpec, Outputs, Resampling
from modelrun_api.canonical import canonical_bytes

NUMERICS: Final = 1
"""Raised whenever our own code computes other numbers, or other tables, from the same rows."""

_PACKAGES: Final = ("numpy", "pandas", "patsy", "scipy", "statsmodels")


@dataclass(frozen=True, slots=True)
class Digest:
    """The parts of one model, each as text or as a short hash of it."""

    model: str
    """The model's name, for messages; no part."""

    parts: Mapping[str, str]
    """By the name of the field that a person would change."""

    def bytes(self) -> bytes:
        """Return what is hashed into keys."""
        return canonical_bytes(dict(self.parts))

    def changed_since(self, before: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of the parts that differ from an earlier digest's parts."""
        names = sorted(set(before) | set(self.parts))
        return tuple(name for name in names if before.get(name) != self.parts.get(name))


def of_model(
    model: ModelSpec,
    *,
    engine: str,
    outputs: Outputs,
    resample: Resampling | None,
    min_rows: int | None,
    formula_engine: str,
    code: str | None,
) -> Digest:
    """Return the digest of a model.

    Args:
        model: The spec.
        engine: Which engine fits it.
        outputs: What is asked for.
        resample: The resampling, if any.
        min_rows: The smallest number of complete rows of a window.
        formula_engine: The formula package.
        code: A hash of the callable's source, for callables.
    """
    parts: dict[str, Any] = {
        "numerics": str(NUMERICS),
        "versions": "; ".join(f"{name} {found}" for name, found in versions().items()),
        "engine": engine,
        "confLevel": repr(outputs.conf_level),
        "results.coefficients": sorted(outputs.coefficients),
        "results.fits": sorted(outputs.fits),
        "results.observations": sorted(outputs.observations),
    }
    if model.callable is not None:
        parts["callable"] = model.callable
        parts["code"] = code or ""
        parts["kwargs"] = model.kwargs
    else:
        parts["estimator"] = model.estimator
        parts["init"] = model.init
        parts["fit"] = model.fit
        if model.formula is not None:
            parts["formula"] = " ".join(model.formula.split())
            parts["formulaEngine"] = formula_engine
        else:
            parts["endog"] = model.endog
            parts["exog"] = list(model.exog)
            parts["time"] = model.time or ""
    if resample is not None:
        parts["resample"] = resample.document() | {"replicates": "any"}
    if min_rows is not None:
        parts["minRows"] = str(min_rows)
    return Digest(model=model.name, parts={name: _short(value) for name, value in parts.items()})


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of the packages that decide numbers, without importing them."""
    return {name: packages.version(name) or "absent" for name in _PACKAGES}


def _short(value: Any) -> str:
    """Return short values as they are, long ones as a hash."""
    text = value if isinstance(value, str) else canonical_bytes(value).decode()
    if len(text) <= 120:
        return text
    return "blake2b:" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
