"""The commands that look ahead: plan, validate, and the operator's preflight."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from modelrun import datasets, pilot, telling
from modelrun.backends import machine
from modelrun.errors import ModelrunError
from modelrun.forecast import Forecast, forecast, open_fits
from modelrun.location import results_location
from modelrun.pipeline import default_backend, preloads
from modelrun.plan import build
from modelrun.preparing import check_models, located, prepare
from modelrun.progress import counted, duration
from modelrun.results import run_json
from modelrun.store.place import Place
from modelrun.store.store import Store
from modelrun_api.loader import Loaded, load
from modelrun_api.outcome import PreflightOutcome
from modelrun_api.problems import SpecError


def show_plan(
    file: Path, *, to: str | None, workers: int | None, pilot: bool, as_json: bool
) -> int:
    """Show what a run of a file would do."""
    looked = _look_ahead(load(file), file, to=to, workers=workers, with_pilot=pilot)
    if as_json:
        print(json.dumps(looked.document(), indent=2, ensure_ascii=False))
    else:
        _print(looked, file)
    return 0


def validate(file: Path, *, as_json: bool) -> int:
    """Check a file against the names and types of its data."""
    loaded = load(file)
    spec = loaded.run.spec
    columns: tuple[str, ...] = ()
    if spec.data is not None:
        with located(loaded.document):
            check_models(loaded)
            schema = datasets.schema(spec.data, base=file.absolute().parent, env=os.environ)
            columns = build.needed(spec, schema)
    if as_json:
        print(json.dumps({"valid": True, "name": loaded.run.metadata.name, "columns": columns}))
    else:
        what = (
            f"{len(spec.models)} model{'s' * (len(spec.models) != 1)} on "
            f"{len(columns)} columns: {', '.join(columns)}"
            if spec.data is not None
            else f"a program: {' '.join(spec.program.command) if spec.program else ''}"
        )
        print(f"{file} is valid: {loaded.run.metadata.name}, {what}")
    return 0


def preflight(file: Path, *, to: str | None) -> int:
    """Check everything before nodes are paid for; tell the operator, and exit as a run would."""
    try:
        loaded = load(file)
        if loaded.run.spec.data is None:
            outcome = PreflightOutcome(ok=True)
        else:
            outcome = _preflight(loaded, file, to=to)
    except (SpecError, ModelrunError) as error:
        problems = [str(problem) for problem in getattr(error, "problems", ())] or [str(error)]
        failed = PreflightOutcome(ok=False, problems=[text[:2000] for text in problems[:20]])
        telling.tell(failed, os.environ)
        print(json.dumps(failed.document(), indent=2))
        raise
    telling.tell(outcome, os.environ)
    print(json.dumps(outcome.document(), indent=2))
    return 0


def _preflight(loaded: Loaded, file: Path, *, to: str | None) -> PreflightOutcome:
    looked = _look_ahead(loaded, file, to=to, workers=None, with_pilot=True)
    with Store.open(looked.location, study_name=loaded.run.metadata.name):
        pass  # the write test: the location can be held, written and let go
    ended = run_json.read(Place.at(looked.location))
    document = looked.document()
    total, stored = document["fits"]["total"], document["fits"]["stored"]
    left = total - stored
    measured = looked.pilot
    return PreflightOutcome.model_validate(
        {
            "ok": True,
            "fits": {"total": total, "stored": stored},
            "pilot": None
            if measured is None or not left
            else {
                "secondsPerFit": measured.worker_seconds / left,
                "memoryBytes": measured.memory_bytes,
                "workerSeconds": measured.worker_seconds,
            },
            "complete": not left
            and ended is not None
            and ended.get("spec") == loaded.run.spec.document()
            and not ended.get("trial"),
            "columns": sorted({name for model in looked.models for name in model.columns}),
            "uri": looked.location,
        }
    )


def _look_ahead(
    loaded: Loaded, file: Path, *, to: str | None, workers: int | None, with_pilot: bool
) -> Forecast:
    base = file.absolute().parent
    with located(loaded.document):
        location = results_location(loaded.run, to=to, base=base, trial=False)
    with tempfile.TemporaryDirectory(prefix="modelrun-") as scratch:
        prepared = prepare(
            loaded, base=base, folder=Path(scratch) / "study", environment=os.environ
        )
        plan = prepared.plan
        with located(loaded.document), Store.reading(location) as store:
            todo = open_fits(plan, store)
            measured = None
            if with_pilot and len(todo):
                measured = pilot.run(
                    plan, todo, backend=default_backend(plan, {}), preload=preloads(plan)
                )
            return forecast(
                plan,
                store,
                rows=prepared.rows,
                todo=todo,
                pilot=measured,
                workers=workers or machine.processors(),
            )


def _print(looked: Forecast, file: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    total = sum(model.total for model in looked.models)
    console.print(
        f"[bold]{counted(total, 'fit')}[/bold]: {counted(len(looked.models), 'model')} x "
        f"{counted(looked.slices, 'slice')} of {counted(looked.rows, 'row')} in "
        f"{counted(looked.groups, 'group')}",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("model", "engine", "stored", "new", "ms per fit", "new because of"):
        right = title in {"stored", "new", "ms per fit"}
        table.add_column(title, justify="right" if right else "left")
    for model in looked.models:
        per_fit = model.seconds_per_fit
        new = model.total - model.stored
        because = ", ".join(model.changed) or ("data" if looked.data_changed else "")
        table.add_row(
            model.name,
            model.engine,
            f"{model.stored:,}",
            f"{new:,}",
            "" if per_fit is None else f"{1000 * per_fit:.3g}",
            because if new else "",
        )
    console.print(table)
    for model in looked.models:
        console.print(f"\n[bold]{model.name}[/bold]", soft_wrap=True)
        console.print(f"  engine   {model.engine}: {model.engine_reason}", soft_wrap=True)
        console.print(f"  design   {model.design_reason}", soft_wrap=True)
        console.print(f"  columns  {', '.join(model.columns)}", soft_wrap=True)
    console.print()
    if looked.pilot is not None:
        seconds = looked.pilot.forecast(looked.workers)
        memory = looked.pilot.memory_bytes / (1 << 20)
        console.print(
            f"forecast  {duration(seconds)} of fitting on {counted(looked.workers, 'worker')}, "
            f"{memory:,.0f} MiB in each",
            soft_wrap=True,
        )
    console.print(f"results   {looked.location}", soft_wrap=True)
    console.print(f"next      modelrun run {file}", style="dim", soft_wrap=True)
