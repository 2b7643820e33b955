"""The one way from a file, a text or a dictionary to a ModelRun or a ModelRunProfile.

The laptop and the cluster must read one file alike, so every command goes through here. Reading a
file is the only thing that this package does to the world.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from modelrun_api.canonical import NotCanonicalError
from modelrun_api.document import Document
from modelrun_api.identity import API_VERSION, PROFILE_KIND, RUN_KIND
from modelrun_api.modelrun import ModelRun
from modelrun_api.problems import Problem, SpecError
from modelrun_api.profile import ModelRunProfile
from modelrun_api.shape import nearest
from modelrun_api.validation import plain_document, validated
from modelrun_api.wire import Wire
from modelrun_api.yaml_reader import documents

__all__ = [
    "Loaded",
    "load",
    "load_document",
    "load_profile_text",
    "load_run",
    "load_run_text",
    "load_text",
    "validate_profile",
    "validate_run",
]

W = TypeVar("W", bound=Wire)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A run and the document it came from, for stages that point at places later."""

    run: ModelRun
    """The validated run."""

    document: Document
    """The document, with the place of every key and value."""


def load(path: Path | str) -> Loaded:
    """Read the one ModelRun of a YAML file.

    Args:
        path: a file; it may hold other documents beside the ModelRun.

    Raises:
        SpecError: when the file cannot be read, is not YAML, or is not a valid ModelRun; with
            every problem that was found.
    """
    return load_text(_read(Path(path)), source=str(path))


def load_text(text: str, source: str = "<string>") -> Loaded:
    """Read the one ModelRun of a YAML text.

    Raises:
        SpecError: when the text is not YAML, or not a valid ModelRun.
    """
    document, run = _read_model(ModelRun, text, source, RUN_KIND)
    return Loaded(run=run, document=document)


def load_run(path: Path | str) -> ModelRun:
    """Read the one ModelRun of a YAML file; see `load`."""
    return load(path).run


def load_run_text(text: str, source: str = "<string>") -> ModelRun:
    """Read the one ModelRun of a YAML text; see `load_text`."""
    return load_text(text, source).run


def load_profile_text(text: str, source: str = "<string>") -> ModelRunProfile:
    """Read the one ModelRunProfile of a YAML text.

    Raises:
        SpecError: when the text is not YAML, or not a valid ModelRunProfile.
    """
    return _read_model(ModelRunProfile, text, source, PROFILE_KIND)[1]


def validate_run(document: Any, source: str = "<dictionary>") -> ModelRun:
    """Return the ModelRun of a dictionary, such as an object of the API server.

    Raises:
        SpecError: when it is not a valid ModelRun.
    """
    return validated(ModelRun, plain_document(document, source))


def validate_profile(document: Any, source: str = "<dictionary>") -> ModelRunProfile:
    """Return the ModelRunProfile of a dictionary, such as an object of the API server.

    Raises:
        SpecError: when it is not a valid ModelRunProfile.
    """
    return validated(ModelRunProfile, plain_document(document, source))


def load_document(text: str, source: str = "<string>", *, kind: str = RUN_KIND) -> Document:
    """Return the one document of a kind in a YAML text, as kubectl reads it.

    The document is plain data with places; its fields are not validated yet.

    Raises:
        SpecError: when the text is not YAML, holds no or several documents of the kind, or the
            document holds what kubectl drops, changes or refuses.
    """
    document, problems = _one_document(text, source, kind)
    if problems:
        raise SpecError(problems)
    return document


def _read_model(model: type[W], text: str, source: str, kind: str) -> tuple[Document, W]:
    """Read and validate, and report what YAML and what validation found together."""
    document, problems = _one_document(text, source, kind)
    try:
        result = validated(model, document)
    except NotCanonicalError:
        raise SpecError(problems) from None
    except SpecError as error:
        named = {problem.path for problem in problems}
        raise SpecError(
            [*problems, *(one for one in error.problems if one.path not in named)]
        ) from None
    if problems:
        raise SpecError(problems)
    return document, result


def _one_document(text: str, source: str, kind: str) -> tuple[Document, list[Problem]]:
    found = [
        (document, problems)
        for document, problems in documents(text, source)
        if document.value or problems
    ]
    ours = [pair for pair in found if pair[0].value.get("kind") == kind]
    if not ours and len(found) == 1:
        ours = found
    if len(ours) != 1:
        raise SpecError([_not_one(kind, source, [document for document, _ in ours or found], ours)])
    document, problems = ours[0]
    if not document.value:
        raise SpecError(problems)
    wrong = _naming_problems(document, kind)
    if any(problem.path == "kind" for problem in wrong):
        # With another kind, every message about fields would be noise.
        raise SpecError([*problems, *wrong])
    return document, [*problems, *wrong]


def _not_one(kind: str, source: str, seen: list[Document], ours: list[Any]) -> Problem:
    if not seen:
        return Problem(path="", source=source, message=f"empty: no {kind} in it")
    if ours:
        lines = [str(document.places[()].value[0] + 1) for document in seen]
        return seen[1].problem(
            (),
            f"{len(seen)} documents are a {kind}, in lines {', '.join(lines)}",
            hint="one file holds one: split it",
        )
    kinds = ", ".join(str(document.value.get("kind", "no kind")) for document in seen)
    return Problem(
        path="", source=source, message=f"none of its documents is a {kind}: found {kinds}"
    )


def _naming_problems(document: Document, kind: str) -> list[Problem]:
    """Check apiVersion and kind, which kubectl needs and the models only default."""
    problems = []
    for key, right in (("apiVersion", API_VERSION), ("kind", kind)):
        value = document.value.get(key)
        if value is None:
            message = "the field is missing"
            problems.append(document.problem((key,), message, allowed=(right,)))
        elif value != right:
            problems.append(
                document.problem(
                    (key,),
                    f"not a {kind}",
                    value=value,
                    allowed=(right,),
                    nearest=nearest(value, (right,)),
                )
            )
    return problems


def _read(path: Path) -> str:
    def refuse(message: str, hint: str | None = None, close: str | None = None) -> SpecError:
        problem = Problem(path="", source=str(path), message=message, hint=hint, nearest=close)
        return SpecError([problem])

    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        siblings = [one.name for one in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, siblings, n=1)
        raise refuse("no such file", close=str(path.parent / close[0]) if close else None) from None
    except IsADirectoryError:
        raise refuse("a folder, not a file", hint="name the YAML file in it") from None
    except PermissionError:
        raise refuse("not readable: permission denied") from None
    except UnicodeDecodeError as error:
        raise refuse(f"not text in UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise refuse(f"not readable: {error.strerror or error}") from None
