"""From rows and a spec to a plan: the study that workers open, and the key of every fit.

Two steps, because only needed columns are read: `needed` tells which, `build` does the rest.
Nothing here loops over slices or fits; half a million groups take about a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from modelrun.datasets import ROW, settled
from modelrun.engines import batched
from modelrun.errors import UserMistake
from modelrun.plan import (
    columns,
    design,
    digest,
    engine_choice,
    formula,
    keys,
    panel,
    windows,
)
from modelrun.plan.digest import Digest
from modelrun.plan.engine_choice import Choose, Question
from modelrun.plan.hashing import Hashes, Rows
from modelrun.plan.slices import Slices
from modelrun.plan.study import Design, ModelSpec, Outputs, PlannedModel, Resampling, Study
from modelrun.plan.survey import Survey
from modelrun.plan.words import Lanes, Words
from modelrun_api.spec import Model, ModelRunSpec

FORMULA_ENGINE: Final = "patsy"
"""The pinned formula package."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All fits of a run, by key; fit f is model f // S on slice f % S, S = len(study.slices)."""

    study: Study
    """The study, in this process's memory."""

    key_hi: Words
    """Upper halves of the fits' keys, shape (models * S,)."""

    key_lo: Words
    """Lower halves."""

    digests: tuple[Digest, ...]
    """What defines each model, in the order of study.models."""

    data_fingerprint: str
    """A hash of all rows over the columns that models read; 32 hexadecimal digits."""

    notes: tuple[str, ...]
    """What a person should know: rows without a group, kernels that are missing."""

    def __len__(self) -> int:
        """Return the number of fits."""
        return len(self.key_hi)


def needed(spec: ModelRunSpec, schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns of the data that models and slices read, in the data's order.

    Args:
        spec: What to fit.
        schema: Names and types of the data.

    Raises:
        UserMistake: The spec names a column that is not there.
    """
    known = list(schema.names)
    columns.check_slices(spec, known)
    used = set(spec.slices.by)
    if spec.slices.window is not None:
        used.add(spec.slices.window.column)
    for at, model in enumerate(spec.models):
        used |= set(columns.of_model(model, at, known))
    return tuple(name for name in known if name in used)


def wants_rows(spec: ModelRunSpec) -> bool:
    """Return whether each row's place in the data is needed, for the observations table."""
    return bool(spec.results.observations)


def count(rows: pa.Table | Survey) -> int:
    """Return how many rows there are."""
    return rows.rows.count if isinstance(rows, Survey) else int(rows.num_rows)


def build(
    spec: ModelRunSpec,
    rows: pa.Table | Survey,
    *,
    folder: Path,
    code_folder: Path | None = None,
    choose: Choose = engine_choice.plain,
) -> Plan:
    """Plan a run.

    Args:
        spec: What to fit.
        rows: The needed columns, as `datasets.read` gives them; with `datasets.ROW` where
            observations are asked for. Or a survey of rows that stay in their file.
        folder: Where the study will be written if another process needs it.
        code_folder: Where the user's own modules are.
        choose: Answers which engine fits a model.

    Raises:
        UserMistake: Groups, windows, formulas or callables cannot be made of these rows.
    """
    window = spec.slices.window
    resample = None if spec.slices.resample is None else Resampling.of(spec.slices.resample)
    hashes: Hashes
    if isinstance(rows, Survey):
        sorted_rows, hashes = rows.panel, rows
        known = list(sorted_rows.table.column_names)
    else:
        table = settled.table(rows)
        known = [name for name in table.column_names if name != ROW]
        columns.check_slices(spec, known)
        sorted_rows = panel.build(
            table, by=spec.slices.by, window_column=None if window is None else window.column
        )
        hashes = Rows(sorted_rows.table)
    slices = windows.build(
        sorted_rows, window, replicates=0 if resample is None else resample.replicates
    )
    outputs = outputs_of(spec)
    places = {model.name: at for at, model in enumerate(spec.models)}
    models = sorted(spec.models, key=lambda model: model.name)
    planned: list[PlannedModel] = []
    designs: dict[tuple[object, ...], tuple[Design | None, str]] = {}
    for model in models:
        at = places[model.name]
        # Models that differ in their keywords only, such as quantiles, share one design.
        sharing = (model.formula, model.estimator, model.init.get("missing"), model.callable)
        if sharing not in designs:
            designs[sharing] = _design(model, at, sorted_rows.table, slices)
        built, reason = designs[sharing]
        plain = ModelSpec.of(model)
        engine, why = choose(
            Question(
                model=plain,
                asked=spec.execution.engine,
                design=built,
                design_reason=reason,
                outputs=outputs,
                window=window,
                resample=resample,
                field=f"spec.models[{at}]",
            )
        )
        planned.append(
            PlannedModel(
                name=model.name,
                spec=plain,
                columns=columns.of_model(model, at, known),
                engine=engine,
                reason=why,
                design=built,
                design_reason=reason,
            )
        )
    kept = _kept(sorted_rows.table, planned, None if window is None else window.column)
    study = Study(
        folder=folder,
        models=tuple(planned),
        slices=slices,
        panel=sorted_rows.table.select(kept),
        groups=sorted_rows.groups,
        window_column=None if window is None else window.column,
        min_rows=None if window is None else window.min_rows,
        resample=resample,
        outputs=outputs,
        fit_timeout_seconds=float(spec.execution.fit_timeout_seconds),
        code_folder=code_folder,
        formula_engine=FORMULA_ENGINE,
        resting=rows.rows.select(kept) if isinstance(rows, Survey) else None,
    )
    digests = tuple(_digest(model, study, places[model.name]) for model in planned)
    grouped = keys.of_groups(study.groups)
    key_hi, key_lo = _keys(study, hashes, grouped, digests)
    used = {name for model in planned for name in model.columns}
    fingerprint = keys.fingerprint(
        hashes, sorted(used), grouped, (sorted_rows.start, sorted_rows.stop)
    )
    return Plan(
        study=study,
        key_hi=key_hi,
        key_lo=key_lo,
        digests=digests,
        data_fingerprint=fingerprint,
        notes=_notes(spec, sorted_rows, study),
    )


def outputs_of(spec: ModelRunSpec) -> Outputs:
    """Return what every fit must compute; p_adjusted is computed across fits."""
    return Outputs(
        coefficients=tuple(name for name in spec.results.coefficients if name != "p_adjusted"),
        fits=tuple(spec.results.fits),
        observations=tuple(spec.results.observations),
        conf_level=float(spec.results.conf_level),
    )


def _design(model: Model, at: int, table: pa.Table, slices: Slices) -> tuple[Design | None, str]:
    from modelrun.engines.estimators import estimator

    if model.estimator is not None:
        known = estimator(model.estimator, field=f"spec.models[{at}].estimator")
        if model.formula is not None and known.kind == "series":
            raise UserMistake(
                f"model {model.name!r}: {model.estimator} is a time series model, which takes "
                "columns: endog, exog and time instead of a formula.",
                field=f"spec.models[{at}].formula",
            )
    if model.callable is not None:
        return None, "it is given the rows themselves"
    if model.formula is None:
        return None, "it takes columns, not a formula"
    field = f"spec.models[{at}].formula"
    try:
        read = formula.plain(model.formula)
    except formula.NotPlain as why:
        formula.check(model.formula, model=model.name, field=field)
        return None, f"built per slice, because {why}"
    if known.route == "own":
        return None, f"built per slice, because {model.estimator} reads its formula in its own way"
    if model.init.get("missing", "drop") != "drop":
        return None, "built per slice, because init.missing treats missing values in another way"
    try:
        return design.build(read, table), "built once: every value depends on its own row alone"
    except formula.NotPlain:
        formula.check(model.formula, model=model.name, field=field)
    from modelrun.plan import categories

    try:
        built = categories.build(model.formula, read, table, slices)
    except formula.NotPlain as why:
        return None, f"built per slice, because {why}"
    return built, "built once: every slice holds every level of its categories"


def _kept(table: pa.Table, planned: list[PlannedModel], window_column: str | None) -> list[str]:
    """Return the columns that workers need, in the data's order."""
    used = {name for model in planned for name in model.columns} | {ROW}
    if window_column is not None:
        used.add(window_column)
    return [name for name in table.column_names if name in used]


def _digest(model: PlannedModel, study: Study, at: int) -> Digest:
    source = None
    if model.spec.callable is not None:
        from modelrun.plan import code

        source = code.fingerprint(
            model.spec.callable,
            study.code_folder,
            model=model.name,
            field=f"spec.models[{at}].callable",
            kwargs=model.spec.kwargs,
        )
    return digest.of_model(
        model.spec,
        engine=model.engine,
        outputs=study.outputs,
        resample=study.resample,
        min_rows=study.min_rows,
        formula_engine=study.formula_engine,
        code=source,
    )


def _keys(
    study: Study, rows: Hashes, grouped: Lanes, digests: tuple[Digest, ...]
) -> tuple[Words, Words]:
    count = len(study.slices)
    key_hi, key_lo = keys.empty(count * len(study.models))
    labelled = keys.labels(study.slices, rows, grouped, study.window_column)
    # Models that read the same columns follow each other, since sums of one set are kept.
    for at in sorted(range(len(study.models)), key=lambda at: sorted(study.models[at].columns)):
        read = study.models[at].columns
        hi, lo = keys.of_model(study.slices, rows, read, labelled, digests[at])
        key_hi[at * count : (at + 1) * count] = hi
        key_lo[at * count : (at + 1) * count] = lo
    return key_hi, key_lo


def _notes(spec: ModelRunSpec, sorted_rows: panel.Panel, study: Study) -> tuple[str, ...]:
    notes: list[str] = []
    if sorted_rows.left_out:
        notes.append(
            f"{sorted_rows.left_out} rows have no value in {' or '.join(spec.slices.by)} and "
            "belong to no group"
        )
    if study.resting is not None:
        size = study.resting.count * study.resting.row_bytes / (1 << 30)
        notes.append(
            f"the rows would take {size:.3g} GiB of memory; they stay in {study.resting.address} "
            "and are decoded where they are fitted, so leave it as it is until the run has ended"
        )
    kernels = batched.available()
    if any(model.reason == kernels.reason for model in study.models):
        notes.append(kernels.reason)
    return tuple(notes)
