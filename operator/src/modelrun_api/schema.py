"""The JSON schema of a ModelRun file, for editors: completion, descriptions and red lines.

It says the same as the CustomResourceDefinition in plain JSON schema, without the words that only
the API server knows. A file names it in its first line, which `modelrun init` writes.
"""

from __future__ import annotations

from typing import Any, Final

from modelrun_api.modelrun import ModelRun
from modelrun_api.wire import RULES_KEY

__all__ = ["SCHEMA_ADDRESS", "json_schema"]

SCHEMA_ADDRESS: Final = (
    "https://raw.githubusercontent.com/modelrun/modelrun/main/app/examples/modelrun.schema.json"
)
"""Where the schema of the newest release is."""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a ModelRun file."""
    schema = ModelRun.model_json_schema(by_alias=True)
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    del schema["properties"]["status"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ADDRESS,
        **_without_null(_without_rules(schema)),
    }


def _without_rules(node: Any) -> Any:
    """Drop what only the API server reads, and titles, which say nothing that names do not."""
    if isinstance(node, list):
        return [_without_rules(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: " ".join(value.split())
        if key == "description" and isinstance(value, str)
        else _without_rules(value)
        for key, value in node.items()
        if key != RULES_KEY and not (key == "title" and isinstance(value, str))
    }


def _without_null(node: Any) -> Any:
    """Drop null as an alternative and as a default: a file leaves the key out instead."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _without_null(value) for key, value in node.items()}
    if "anyOf" in result and isinstance(result["anyOf"], list):
        options = [option for option in result["anyOf"] if option != {"type": "null"}]
        del result["anyOf"]
        result = {**options[0], **result} if len(options) == 1 else {"anyOf": options, **result}
    if result.get("default", ...) is None:
        del result["default"]
    return result
