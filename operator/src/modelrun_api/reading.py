"""From a file to its one document: read, taken apart, named, but not validated.

It needs no pydantic, so a command can look at the document while the rest is still imported.
Reading a file is the only thing that this package does to the world.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from modelrun_api.document import Document
from modelrun_api.identity import API_VERSION
from modelrun_api.problems import Problem, SpecError
from modelrun_api.yaml_reader import documents

__all__ = ["one_document", "read_text"]


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SpecError: It cannot be read.
    """

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


def one_document(text: str, source: str, kind: str) -> tuple[Document, list[Problem]]:
    """Return the one document of a kind in a YAML text, and what is wrong with it as YAML.

    Raises:
        SpecError: There is not exactly one, or it is of another kind.
    """
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
            from modelrun_api.shape import nearest

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
