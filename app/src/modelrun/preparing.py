"""From a loaded file to a plan: what `run`, `plan`, `validate`, `preflight` and `fit` share.

Everything that can be wrong with a file and its data is found here, before anything is fitted;
a mistake that belongs to a field is shown at its place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from modelrun import datasets, selection
from modelrun.backends.machine import ADDRESS
from modelrun.engines import catalog, preflight
from modelrun.errors import UserMistake
from modelrun.plan import build, survey
from modelrun.plan.build import Plan
from modelrun.plan.engine_choice import EngineName, Question
from modelrun.plan.survey import Survey
from modelrun_api.document import Document
from modelrun_api.environment import CODE_FOLDER, RUN_FILE
from modelrun_api.loader import Loaded
from modelrun_api.problems import SpecError
from modelrun_api.spec import ModelRunSpec

CODE_VARIABLE: Final = "MODELRUN_CODE_FOLDER"
"""Environment variable with the folder of the user's modules; by default the file's folder."""

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and what was read for it."""

    plan: Plan
    columns: tuple[str, ...]
    """The columns that were read."""

    rows: int
    """Rows after `where`."""


def prepare(
    loaded: Loaded,
    *,
    base: Path,
    folder: Path,
    environment: Mapping[str, str],
    only: Sequence[str] = (),
    distrusted: Collection[str] = (),
) -> Prepared:
    """Check the models, read the needed columns, plan.

    Args:
        loaded: The file.
        base: Its folder.
        folder: Where the study is written.
        environment: Where folders of a cluster are named.
        only: Wishes of `--only`.
        distrusted: Models that an audit found wanting; statsmodels fits them.

    Raises:
        SpecError: Something in the file does not fit the data or the packages.
        UserMistake: Something that is in no field of the file.
        InfrastructureError: The data cannot be reached.
    """
    spec = loaded.run.spec
    if spec.data is None:
        raise UserMistake(
            "this file runs a program; only files with data and models have a plan",
            field="spec.program",
        )
    with located(loaded.document):
        check_models(loaded)
        schema = datasets.schema(spec.data, base=base, env=environment)
        columns = build.needed(spec, schema)
        rows = _resting(spec, columns, base=base, environment=environment, only=only)
        if rows is None:
            rows = datasets.read(
                spec.data,
                base=base,
                columns=columns,
                env=environment,
                rows=build.wants_rows(spec),
                scratch=folder,
            )
            if only:
                rows = selection.only(rows, only, by=spec.slices.by)
        plan = build.build(
            spec,
            rows,
            folder=folder,
            code_folder=code_folder(base, environment).resolve(),
            choose=partial(_choose, distrusted),
        )
    return Prepared(plan=plan, columns=columns, rows=build.count(rows))


def _resting(
    spec: ModelRunSpec,
    columns: Sequence[str],
    *,
    base: Path,
    environment: Mapping[str, str],
    only: Sequence[str],
) -> Survey | None:
    """Return a survey of rows that are too many for memory, where they can stay in their file.

    Workers on other machines could not open it.
    """
    if only or ADDRESS in environment:
        return None
    assert spec.data is not None
    found = datasets.in_file(spec.data, base=base, columns=columns, env=environment)
    return None if found is None else survey.of_rows(found, spec)


def code_folder(base: Path, environment: Mapping[str, str]) -> Path:
    """Return where the user's modules are: beside the file, or where the operator mounts them."""
    if CODE_VARIABLE in environment:
        return Path(environment[CODE_VARIABLE])
    mounted = Path(CODE_FOLDER)
    if base == Path(RUN_FILE).parent and mounted.is_dir():
        return mounted
    return base


def check_models(loaded: Loaded) -> None:
    """Check estimators and their keywords.

    Raises:
        UserMistake: One does not exist.
    """
    for at, model in enumerate(loaded.run.spec.models):
        preflight.check(model, field=f"spec.models[{at}]")


@contextmanager
def located(document: Document) -> Iterator[None]:
    """Show a mistake that names a field at its place in the document.

    Raises:
        SpecError: Instead of a UserMistake that names a field.
    """
    try:
        yield
    except UserMistake as mistake:
        if mistake.field is None:
            raise
        problem = document.problem(
            path_of(mistake.field),
            mistake.message,
            allowed=mistake.allowed,
            nearest=mistake.nearest,
            at_key=mistake.at_key,
        )
        raise SpecError((problem,)) from mistake


def path_of(field: str) -> tuple[str | int, ...]:
    """Return the path of a field, such as ("spec", "models", 0) of `spec.models[0]`."""
    return tuple(
        int(match[1]) if match[1] is not None else match[2] for match in _STEP.finditer(field)
    )


def _choose(distrusted: Collection[str], question: Question) -> tuple[EngineName, str]:
    if question.model.name in distrusted:
        return "statsmodels", "an audit found its batched fits outside of the contract"
    return catalog.choose(question)
