"""Write what follows from charts/modelrun/values.yaml: its schema and the table in the README.

The comment above a key is its documentation; a line `# @schema {...}` adds to its schema what the
default value does not tell. So a value cannot be without a description, a type and a row of the
table, and a key that nobody documented is refused by helm. The fields of a profile come from the
contract. `--check` writes nothing and fails where a file is not up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from modelrun_api.profile import ModelRunProfileSpec

CHART: Final = Path(__file__).resolve().parent / "modelrun"
BEGIN: Final = "<!-- values: written by charts/generate.py -->"
END: Final = "<!-- end of values -->"
MARK: Final = "@schema "
TYPES: Final = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class Value:
    """One key of values.yaml."""

    path: tuple[str, ...]
    """Where it stands."""

    default: Any
    """What it is when nobody sets it."""

    description: str
    """What the comment above it says."""

    extra: dict[str, Any]
    """What the comment adds to its schema."""

    inner: tuple[Value, ...]
    """The keys below it, where these are fixed."""

    @property
    def name(self) -> str:
        """The key with those above it, as `helm --set` takes it."""
        return ".".join(self.path)


def values(text: str) -> tuple[Value, ...]:
    """Return the documented keys of values.yaml.

    Raises:
        ValueError: a key has no comment above it.
    """
    whole = yaml.compose(text)
    assert isinstance(whole, yaml.MappingNode)
    return tuple(_values(whole, (), text.splitlines()))


def _values(node: yaml.MappingNode, above: tuple[str, ...], lines: list[str]) -> Iterator[Value]:
    for key, value in node.value:
        path = (*above, key.value)
        words, extra = _comment(lines, key.start_mark.line)
        if not words:
            raise ValueError(f"charts/modelrun/values.yaml: {'.'.join(path)} has no comment")
        fixed = isinstance(value, yaml.MappingNode) and "additionalProperties" not in extra
        inner = tuple(_values(value, path, lines)) if fixed else ()
        default = yaml.safe_load(yaml.serialize(value))
        yield Value(path, default, words, extra, inner)


def _comment(lines: list[str], line: int) -> tuple[str, dict[str, Any]]:
    words: list[str] = []
    extra: dict[str, Any] = {}
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        text = lines[line].lstrip().removeprefix("#").strip()
        if text.startswith(MARK):
            extra = json.loads(text.removeprefix(MARK))
        else:
            words.insert(0, text)
    return " ".join(words), extra


def schema(found: tuple[Value, ...]) -> dict[str, Any]:
    """Return the JSON schema of the values; it refuses keys that it does not know."""
    definitions, profile = _profile()
    top = _object(found)
    # A chart that brings this one along may hand values to all its parts.
    top["properties"]["global"] = {"type": "object"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the chart modelrun",
        **top,
        "$defs": {**definitions, "profile": profile},
    }


def _object(found: tuple[Value, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {value.path[-1]: _schema_of(value) for value in found},
        "additionalProperties": False,
    }


def _schema_of(value: Value) -> dict[str, Any]:
    base = _object(value.inner) if value.inner else {"type": TYPES[type(value.default)]}
    return {"description": value.description, **base, **value.extra}


def _profile() -> tuple[dict[str, Any], dict[str, Any]]:
    whole = _plain(ModelRunProfileSpec.model_json_schema(by_alias=True))
    definitions = whole.pop("$defs")
    # The chart fills the image in.
    whole.pop("required", None)
    subject = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["User", "Group", "ServiceAccount"]},
            "name": {"type": "string", "minLength": 1},
            "namespace": {"type": "string", "description": "That of a ServiceAccount."},
            "in": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Namespaces where they may; empty for all.",
            },
        },
        "required": ["kind", "name"],
        "additionalProperties": False,
    }
    whole["properties"] |= {
        "enabled": {"type": "boolean", "description": "Whether the profile exists."},
        "users": {"type": "array", "items": subject, "description": "Who may use it."},
    }
    return definitions, whole


def _plain(node: Any) -> Any:
    """Drop titles and the words that only other readers know."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: " ".join(value.split())
        if key == "description" and isinstance(value, str)
        else _plain(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and key not in {"x-kubernetes-validations", "patternErrorMessage"}
    }


def table(found: tuple[Value, ...]) -> str:
    """Return the table of all values for the README."""
    rows = ["| value | default | what it is |", "|---|---|---|"]
    for value in _leaves(found):
        default = json.dumps(value.default, ensure_ascii=False)
        if len(default) > 60:
            default = "see values.yaml"
        words = value.description.replace("|", "\\|")
        if allowed := value.extra.get("enum"):
            words += " One of " + ", ".join(f"`{one}`" for one in allowed) + "."
        rows.append(f"| `{value.name}` | `{default}` | {words} |")
    return "\n".join(rows)


def _leaves(found: tuple[Value, ...]) -> Iterator[Value]:
    for value in found:
        yield from _leaves(value.inner) if value.inner else (value,)


def files() -> dict[Path, str]:
    """Return what the generated files must hold."""
    found = values((CHART / "values.yaml").read_text())
    readme = CHART / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        CHART / "values.schema.json": json.dumps(schema(found), indent=2, ensure_ascii=False)
        + "\n",
        readme: f"{before}{BEGIN}\n{table(found)}\n{END}{after}",
    }


def main(arguments: list[str]) -> int:
    """Write the files, or tell which are not up to date."""
    stale = 0
    for path, text in files().items():
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        if "--check" in arguments:
            sys.stderr.write(f"{path} is not up to date; run: python charts/generate.py\n")
        else:
            path.write_text(text)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
