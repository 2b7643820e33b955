"""What differs between a run as it is stored and a file that is handed over under its name.

Defaults are filled in on both sides first, so a member that is left out and a member that says
the default are the same. What may not change is read from the rules of the contract.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from modelrun_api.spec import ModelRunSpec

LONGEST: Final = 60
ABSENT: Final = object()

FIXED: Final = frozenset(
    (rule.field_path or "").removeprefix(".")
    for rule in ModelRunSpec.rules
    if rule.reason == "FieldValueForbidden"
)
"""Members of spec that define the run and never change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One member that differs."""

    path: str
    """Its place, such as `spec.models[three-factor].formula`."""

    before: str
    """What is stored, as JSON, or `absent`."""

    after: str
    """What the file says."""

    fixed: bool
    """Whether it may not change."""

    def __str__(self) -> str:
        """Return the change as one line."""
        return f"{self.path}: {self.before} → {self.after}"


def changes(before: ModelRunSpec, after: ModelRunSpec) -> tuple[Change, ...]:
    """Return what differs, in the order of the spec; models are told apart by their names."""
    return tuple(
        Change(path=f"spec{path}", before=_shown(old), after=_shown(new), fixed=_is_fixed(path))
        for path, old, new in _differences(before.document(), after.document(), "")
    )


def _is_fixed(path: str) -> bool:
    return path.lstrip(".").partition(".")[0].partition("[")[0] in FIXED


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}")
    elif path == ".models" and isinstance(old, list) and isinstance(new, list):
        before, after = ({model["name"]: model for model in models} for models in (old, new))
        for name in [*before, *(name for name in after if name not in before)]:
            there = before.get(name, ABSENT), after.get(name, ABSENT)
            yield from _differences(*there, f"{path}[{name}]")
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + " …"
