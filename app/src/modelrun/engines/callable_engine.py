"""The engine for the user's own function: it gets the slice as a frame and returns numbers.

`module:function` is looked up in the folder of the user's code, then on the Python path. What it
returns is either results of statsmodels or a mapping from term to number, and a term is one row
of the coefficients. Whatever else it does (raise, call sys.exit, return nonsense) is a record.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelrun.datasets.source import ROW
from modelrun.engines import (
    failures,
    fit_statistics,
    frame,
    frame_builder,
    inference,
    observations,
    terms,
    user_modules,
)
from modelrun.engines.failures import InvalidResultError
from modelrun.engines.few_rows import too_few
from modelrun.engines.guard import Caught, Guard
from modelrun.engines.patience import patiently
from modelrun.engines.record import FitRecord, Terms, skipped
from modelrun.engines.slice_rows import PanelValues, Rows, count, positions, rows_of
from modelrun.engines.spoken import spoken
from modelrun.engines.statsmodels_engine import ONE_AT_A_TIME
from modelrun.errors import UserMistake
from modelrun.plan.study import Outputs, PlannedModel, Study
from modelrun.plan.task import Task
from modelrun_api.failure import FitStatus

Function = Callable[..., Any]


def load(path: str, folder: Path | None, *, field: str | None = None) -> Function:
    """Import the user's function.

    Args:
        path: `module:function`.
        folder: The folder of the user's code, which comes first on the Python path.
        field: Where the path stands in the document, for the message.

    Raises:
        UserMistake: The module does not import or has no such function.
    """
    module_name, _, name = path.partition(":")
    try:
        module = (
            import_module(module_name) if folder is None else user_modules.load(module_name, folder)
        )
    except (Exception, SystemExit) as error:
        where = f" from {folder}" if folder is not None else ""
        raise UserMistake(
            f"callable {path!r}: the module {module_name!r} cannot be imported{where}: "
            f"{type(error).__name__}: {error}",
            field=field,
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        there = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise UserMistake(
            f"callable {path!r}: the module {module_name!r} has no function {name!r}; "
            f"it has {', '.join(sorted(there)) or 'none'}",
            field=field,
        )
    found: Function = function
    return found


@dataclass(slots=True)
class _Loaded:
    """What was prepared for one study; replaced as a whole, so that threads may share it."""

    study: Study
    values: PanelValues
    functions: dict[int, Function]


class CallableEngine:
    """Calls the user's function for each slice."""

    name = "callable"

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._loaded: _Loaded | None = None

    def fit(self, study: Study, task: Task, guard: Guard) -> pa.RecordBatch:
        """Fit every slice of the task; see modelrun.engines.engine.Engine."""
        loaded = self._loaded
        if loaded is None or loaded.study is not study:
            loaded = self._loaded = _Loaded(study, PanelValues(study.panel), {})
        records: list[FitRecord] = []
        for index in patiently(task):
            with ONE_AT_A_TIME:
                outcome = guard.call(index, partial(self._call, loaded, task.model, index))
            if isinstance(outcome, Caught):
                outcome = failures.record_of(outcome, engine=self.name, callable_=True)
            records.append(outcome)
        numbers = task.model * len(study.slices) + task.fits[: len(records)]
        return frame_builder.from_records(study.outputs, numbers, records)

    def _call(self, loaded: _Loaded, number: int, index: int) -> FitRecord:
        started = time.perf_counter()
        study = loaded.study
        model = study.models[number]
        if number not in loaded.functions:
            assert model.spec.callable is not None
            try:
                loaded.functions[number] = load(model.spec.callable, study.code_folder)
            except UserMistake as mistake:
                raise UserMistake(
                    mistake.message, field=f"spec.models[{number}].callable"
                ) from mistake
        rows = rows_of(study, index)
        few = self._few(study, count(rows))
        if few is not None:
            return few
        data = loaded.values.frame(_visible(model, study), rows)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            returned = loaded.functions[number](data, **model.spec.kwargs)
            record = self._record(returned, study, rows)
        record.warnings = spoken(heard)
        record.seconds = time.perf_counter() - started
        return record

    def _few(self, study: Study, n: int) -> FitRecord | None:
        if n > 0 and n >= (study.min_rows or 0):
            return None
        reason, text = too_few(n, n, min_rows=study.min_rows, parameters=0)
        return skipped(reason, text, engine=self.name, nobs=n)

    def _record(self, returned: Any, study: Study, rows: Rows) -> FitRecord:
        n = count(rows)
        if isinstance(returned, Mapping):
            return FitRecord(
                FitStatus.SUCCEEDED,
                self.name,
                nobs=n,
                terms=_of_mapping(returned, study.outputs),
            )
        inner = terms.plain(returned)
        if not (hasattr(inner, "params") and hasattr(inner, "model")):
            raise InvalidResultError(
                f"the function returned {type(returned).__name__}; it must return results of "
                "statsmodels, or a mapping from term to number such as {'alpha': 0.5}"
            )
        converged = fit_statistics.converged(returned)
        statistics = fit_statistics.of_results(inner, frame.statistics(study.outputs))
        record = FitRecord(
            FitStatus.NOT_CONVERGED if converged is False else FitStatus.SUCCEEDED,
            self.name,
            nobs=_nobs(inner, n),
            converged=converged,
            statistics=statistics,
            terms=terms.of_results(inner, study.outputs),
        )
        if study.outputs.observations and record.nobs == n:
            record.observations = observations.of_results(
                returned, positions(rows), study.outputs.observations, study.outputs.conf_level
            )
        return record


def _visible(model: PlannedModel, study: Study) -> tuple[str, ...]:
    """Return the columns that the function sees: those planned for it, or all."""
    names = model.columns or tuple(study.panel.column_names)
    return tuple(name for name in names if name != ROW)


def _nobs(results: Any, rows: int) -> int:
    found = getattr(results, "nobs", None)
    return rows if found is None else int(found)


def _of_mapping(returned: Mapping[Any, Any], outputs: Outputs) -> Terms:
    names: list[str] = []
    values: list[float] = []
    for key, value in returned.items():
        if not isinstance(key, str):
            raise InvalidResultError(
                f"the function returned a mapping with the key {key!r}; keys are terms, as text"
            )
        number = _number(value)
        if number is None:
            raise InvalidResultError(
                f"the function returned {type(value).__name__} for {key!r}; "
                "values are single numbers"
            )
        names.append(key)
        values.append(number)
    if not names:
        raise InvalidResultError("the function returned an empty mapping")
    return Terms(
        term=names,
        component=[""] * len(names),
        columns=inference.columns(
            np.array(values), None, outputs.coefficients, df=None, conf_level=outputs.conf_level
        ),
        df=None,
        dist="",
    )


def _number(value: Any) -> float | None:
    if isinstance(value, str | bytes) or value is None:
        return None
    try:
        array = np.asarray(value)
        return float(array.item()) if array.size == 1 and array.dtype.kind in "fiub" else None
    except (TypeError, ValueError):
        return None
