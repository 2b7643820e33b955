"""The one way from a file, a text or a dictionary to a ModelRun or a ModelRunProfile.

The laptop and the cluster must read one file alike, so every command goes through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modelrun_api.canonical import NotCanonicalError
from modelrun_api.document import Document
from modelrun_api.identity import PROFILE_KIND, RUN_KIND
from modelrun_api.modelrun import ModelRun
from modelrun_api.problems import Problem, SpecError
from modelrun_api.reading import one_document, read_text
from modelrun_api.validation import plain_document, validated
from modelrun_api.wire import Wire

if TYPE_CHECKING:
    from modelrun_api.profile import ModelRunProfile

__all__ = [
    "Loaded",
    "load",
    "load_document",
    "load_profile_text",
    "load_run",
    "load_run_text",
    "load_text",
    "loaded",
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
    return load_text(read_text(Path(path)), source=str(path))


def load_text(text: str, source: str = "<string>") -> Loaded:
    """Read the one ModelRun of a YAML text.

    Raises:
        SpecError: when the text is not YAML, or not a valid ModelRun.
    """
    return loaded(*one_document(text, source, RUN_KIND))


def loaded(document: Document, problems: Sequence[Problem]) -> Loaded:
    """Return the validated run of a document, as `one_document` gives it.

    Raises:
        SpecError: when it is not a valid ModelRun; with every problem that was found.
    """
    return Loaded(run=_validated(ModelRun, document, problems), document=document)


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
    from modelrun_api.profile import ModelRunProfile

    return _validated(ModelRunProfile, *one_document(text, source, PROFILE_KIND))


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
    from modelrun_api.profile import ModelRunProfile

    return validated(ModelRunProfile, plain_document(document, source))


def load_document(text: str, source: str = "<string>", *, kind: str = RUN_KIND) -> Document:
    """Return the one document of a kind in a YAML text, as kubectl reads it.

    The document is plain data with places; its fields are not validated yet.

    Raises:
        SpecError: when the text is not YAML, holds no or several documents of the kind, or the
            document holds what kubectl drops, changes or refuses.
    """
    document, problems = one_document(text, source, kind)
    if problems:
        raise SpecError(problems)
    return document


def _validated(model: type[W], document: Document, problems: Sequence[Problem]) -> W:
    """Validate, and report what YAML and what validation found together."""
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
    return result
