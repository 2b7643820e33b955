"""From a document to a model, or to problems with places.

pydantic decides what is valid; this module turns its errors into sentences that name the place,
the value, what is allowed and the nearest name. Validation is strict and goes through JSON, so a
text is never taken for a number and only the names of the document count, as on the API server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from modelrun_api.canonical import NotCanonicalError, canonical, canonical_bytes
from modelrun_api.document import Document
from modelrun_api.problems import ABSENT, Path, Problem, SpecError
from modelrun_api.scalars import is_yaml_boolean_word
from modelrun_api.shape import allowed_at, keys_at, nearest, takes
from modelrun_api.wire import Wire

__all__ = ["plain_document", "validated"]

W = TypeVar("W", bound=Wire)

_HOMES: Final[dict[str, str]] = {
    **dict.fromkeys(("cov_type", "cov_kwds", "use_t", "maxiter", "disp", "q"), "fit"),
    **dict.fromkeys(
        (
            "weights",
            "freq_weights",
            "var_weights",
            "offset",
            "exposure",
            "family",
            "groups",
            "order",
            "seasonal_order",
            "trend",
            "missing",
        ),
        "init",
    ),
}
"""Keywords of statsmodels that people write beside the section that they belong into."""

_LENGTH_ERRORS: Final = {
    "too_long": "too many entries",
    "too_short": "too few entries",
    "string_too_long": "the text is too long",
    "string_too_short": "the text is too short",
}


def validated(model: type[W], document: Document) -> W:
    """Return the model of a document.

    Raises:
        SpecError: with every problem that validation found.
    """
    try:
        return model.__pydantic_validator__.validate_json(  # type: ignore[no-any-return]
            canonical_bytes(document.value), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise SpecError(_problems(model, document, error)) from None


def plain_document(value: object, source: str) -> Document:
    """Return a dictionary of Python as a document without places.

    Raises:
        SpecError: when it holds what a file cannot: infinities, empty values in the spec, keys
            that are not text, objects of other libraries.
    """
    empty = Document(value={}, source=source)
    if not isinstance(value, dict):
        raise SpecError([empty.problem((), "not a mapping", value=value)])
    try:
        document = Document(value=canonical(value), source=source)
    except NotCanonicalError as error:
        raise SpecError([empty.problem(error.path, error.reason, value=error.value)]) from None
    problems = [
        document.problem(path, "the value is None", hint="leave the key out to take the default")
        for path in _nulls(document.value.get("spec"), ("spec",))
    ]
    if problems:
        raise SpecError(problems)
    return document


def _nulls(value: Any, path: Path) -> Iterator[Path]:
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _nulls(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, (*path, index))


def _problems(model: type[Wire], document: Document, error: ValidationError) -> Iterator[Problem]:
    """Yield one problem for each place: alternatives of one value report once."""
    groups: dict[tuple[Path, str], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        path, group = _place(document.value, detail)
        groups.setdefault((path, group), []).append(detail)
    for (path, _), details in groups.items():
        yield _problem(model, document, path, details)


def _place(root: Any, detail: ErrorDetails) -> tuple[Path, str]:
    """Return the path within the document; pydantic's also names the branches of a union."""
    value, path = root, []
    location = detail["loc"]
    for part in location:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            break
        path.append(part)
    kind = detail["type"]
    if kind == "missing":
        return (*path, str(location[-1])), kind
    if kind == "refused":
        return (*path, *detail.get("ctx", {}).get("at", ())), detail["msg"]
    return tuple(path), "unknown" if kind == "extra_forbidden" else "value"


def _problem(
    model: type[Wire], document: Document, path: Path, details: list[ErrorDetails]
) -> Problem:
    detail = details[0]
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_field(model, document, path)
        case "missing":
            return document.problem(
                path, "the field is missing", allowed=allowed_at(model, path), at_key=True
            )
        case "refused":
            return document.problem(path, detail["msg"])
    found = details[-1]["input"]
    allowed = allowed_at(model, path)
    near = nearest(found, allowed) if len(allowed) > 1 or _is_word(model, path) else None
    return document.problem(
        path,
        _message(details, found),
        value=found,
        allowed=allowed,
        nearest=near,
        hint=_quotes(model, document, path, found),
    )


def _is_word(model: type[Wire], path: Path) -> bool:
    allowed = allowed_at(model, path)
    return len(allowed) == 1 and " " not in allowed[0]


def _unknown_field(model: type[Wire], document: Document, path: Path) -> Problem:
    key = str(path[-1])
    fields = keys_at(model, path[:-1])
    hint = None
    home = _HOMES.get(key)
    if home in fields:
        hint = f"keywords of statsmodels stand one level deeper: {home}: {{{key}: …}}"
    return document.problem(
        path,
        "unknown field",
        allowed=fields,
        nearest=None if hint else nearest(key, fields),
        hint=hint,
        at_key=True,
        value=ABSENT,
    )


def _message(details: list[ErrorDetails], found: Any) -> str:
    kinds = {detail["type"] for detail in details}
    if kinds & {"literal_error", "enum"}:
        return "not one of the allowed words"
    for kind in ("less_than_equal", "less_than", "greater_than_equal", "greater_than"):
        if kind in kinds:
            return "the number is too " + ("large" if kind.startswith("less") else "small")
    for kind, message in _LENGTH_ERRORS.items():
        if kind in kinds:
            return message
    if any(kind.endswith("_type") for kind in kinds) and not (
        isinstance(found, str) and "string_pattern_mismatch" in kinds
    ):
        return f"the wrong kind of value: {_kind(found)}"
    if "string_pattern_mismatch" in kinds:
        return "the text has the wrong form"
    return details[0]["msg"]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    kinds: tuple[tuple[type, str], ...] = ((str, "a text"), (list, "a list"), (dict, "a mapping"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "no value")


def _quotes(model: type[Wire], document: Document, path: Path, found: Any) -> str | None:
    """Return advice about quotes, which decide whether a scalar is text."""
    written = document.text_at(path)
    if isinstance(found, str):
        if written is None and not takes(model, path, "string") and found.lstrip("+-").isdigit():
            return "a number stands without quotes"
        return None
    if not takes(model, path, "string") or isinstance(found, (list, dict)):
        return None
    if not isinstance(found, bool) and takes(model, path, "integer"):
        return None
    if written is None:
        return f'write it as text: "{found}"'
    if isinstance(found, bool):
        word = "true" if found else "false"
        if is_yaml_boolean_word(written):
            return f'YAML reads {written} as {word}: quote it, "{written}"'
        return f'YAML reads {written} as a boolean: quote it, "{written}"'
    return f'kubectl reads {written} as a number: quote it, "{written}"'
