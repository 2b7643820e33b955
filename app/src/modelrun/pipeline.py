"""A run from its file to its report: the only module that knows all the others.

Each stage is one call; what they hand on are values. The order matters in two places: the lock
is held from before the first look into the store until run.json lies there, and run.json, whose
presence means complete, is removed first and written last.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun import finishing, selection
from modelrun.backends.backend import Backend
from modelrun.backends.catalog import ADDRESS, open_backend
from modelrun.errors import TooManyFailed, UserMistake
from modelrun.finishing import Facts
from modelrun.fitting import Fitting
from modelrun.forecast import DEFINITION
from modelrun.location import results_location
from modelrun.plan.build import Plan
from modelrun.preparing import located, prepare
from modelrun.progress import Display, Tally
from modelrun.results.assemble import assemble
from modelrun.serving import serve
from modelrun.stopping import Stopping
from modelrun.store.store import Store
from modelrun.store.takeover import take_over
from modelrun.verdict import judge
from modelrun.work import prepare as prepare_work
from modelrun_api.failure import FailureReason
from modelrun_api.loader import Loaded
from modelrun_api.spec import ModelRunSpec, Report

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line or the Python door adds to the file; each defaults to the file."""

    to: str | None = None
    """Where results go."""

    backend: str | None = None
    """serial, threads or dask."""

    workers: int | None = None
    """Worker processes of a local cluster, by default one a CPU."""

    only: tuple[str, ...] = ()
    """Only groups with these values, as `column=value`."""

    sample: int | None = None
    """Only so many fits."""

    retry_failed: tuple[str, ...] = ()
    """Reasons whose stored failures are computed again; `all` for every reason."""

    tls: bool = False
    """Encrypt between local workers."""

    dashboard: bool = False
    """Start Dask's dashboard."""

    serve_progress: int | None = None
    """The port of the progress endpoint."""

    profile: Path | None = None
    """Where cProfile files go."""

    report: bool = True
    """Whether reports that the file asks for are drawn."""

    @property
    def trial(self) -> bool:
        """Whether only a part of the run is fitted."""
        return bool(self.only) or self.sample is not None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left behind."""

    location: str
    counts: Mapping[str, int]
    report: str | None
    seconds: Mapping[str, float]
    """Seconds of each stage."""


@dataclass(slots=True)
class Stages:
    """Enters stages one after the other and remembers how long each took."""

    tally: Tally
    display: Display
    seconds: dict[str, float] = field(default_factory=dict)
    _open: tuple[str, float] | None = None

    def enter(self, stage: str) -> None:
        """End the stage before, begin this one."""
        now = time.monotonic()
        if self._open is not None:
            name, began = self._open
            self.seconds[name] = round(self.seconds.get(name, 0.0) + now - began, 3)
        self._open = (stage, now)
        self.tally.enter(stage)
        self.display.changed()

    def end(self) -> dict[str, float]:
        """End the last stage and return the seconds of all."""
        if self._open is not None:
            name, began = self._open
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 3)
            self._open = None
        return dict(self.seconds)


def run(
    loaded: Loaded,
    options: RunOptions,
    *,
    base: Path,
    tally: Tally,
    display: Display,
    file: str = "FILE",
    environment: Mapping[str, str] = os.environ,
) -> Finished:
    """Run a file from its data to its report.

    Args:
        loaded: The file.
        options: What the caller adds to it.
        base: The file's folder.
        tally: Counts, for whoever shows them.
        display: How they are shown.
        file: The file's name, for the commands that reproduce failures.
        environment: Folders and addresses of a cluster.

    Raises:
        SpecError: The file does not fit its data.
        UserMistake: Something else that trying again would not help.
        TooManyFailed: More fits failed than may; tables and report exist.
        InfrastructureError: Workers or storage are away; the same call goes on later.
        Stopped: A signal came; what is finished is stored.
    """
    spec = loaded.run.spec
    started = dt.datetime.now(dt.UTC)
    stages = Stages(tally, display)
    location = results_location(loaded.run, to=options.to, base=base, trial=options.trial)
    with (
        _scratch() as scratch,
        serve(tally, options.serve_progress) as port,
        Stopping("Everything finished is stored; the same command goes on.") as stopping,
    ):
        if port is not None:
            display.say(f"progress: http://localhost:{port}/progress")
        stages.enter("reading")
        prepared = prepare(
            loaded, base=base, folder=scratch / "study", environment=environment, only=options.only
        )
        plan = prepared.plan
        for note in plan.notes:
            display.say(f"note: {note}")
        chosen = selection.sample(len(plan), options.sample)
        with (
            located(loaded.document),
            Store.open(
                location, study_name=loaded.run.metadata.name, note=_circumstances()
            ) as store,
        ):
            store.begin()
            store.place.write(DEFINITION, _definition(plan))
            todo = _todo(plan, store, spec, chosen, options)
            _count_stored(tally, store, plan, chosen, todo)
            backend: dict[str, Any] = {"name": "none", "workers": 0}
            if len(todo):
                backend = _fit(plan, store, todo, spec, options, stages, stopping, location)
            stages.enter("tables")
            positions = store.lookup(plan.key_hi[chosen], plan.key_lo[chosen])
            assembled = assemble(
                plan.study,
                plan.key_hi[chosen],
                plan.key_lo[chosen],
                store,
                positions,
                spec.results,
                fits=chosen,
                file=file,
            )
            verdict = judge(assembled.counts, spec.execution.max_failed)
            facts = Facts(
                loaded=loaded,
                plan=plan,
                rows=prepared.rows,
                counts=assembled.counts,
                verdict=verdict,
                backend=backend,
                started=started,
                environment=environment,
                trial={"only": list(options.only), "sample": options.sample}
                if options.trial
                else {},
            )
            report = None
            wish = spec.results.report
            if options.report and (wish.html or wish.pdf):
                stages.enter("report")
                report = _draw(location, facts, stages, wish)
            stages.end()
            finishing.write(facts, store, stages.seconds)
        seconds = stages.end()
    finished = Finished(
        location=location,
        counts=assembled.counts.document(),
        report=report,
        seconds=seconds,
    )
    if verdict.is_too_many:
        raise TooManyFailed(
            f"{verdict}. Tables and report are in {location}; failures.parquet says why each one "
            f"failed, and `modelrun fit KEY {file}` runs one of them alone"
        )
    return finished


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder for the study, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="modelrun-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _todo(plan: Plan, store: Store, spec: ModelRunSpec, chosen: Ints, options: RunOptions) -> Ints:
    """Return the fits that are not stored, or are failures that are wanted again."""
    key_hi, key_lo = plan.key_hi[chosen], plan.key_lo[chosen]
    for place in spec.results.reuse_from:
        if place.uri is None:
            raise UserMistake(
                "results.reuseFrom names a volume, which only a cluster has",
                field="spec.results.reuseFrom",
            )
        take_over(store, place.uri, key_hi, key_lo)
    positions = store.lookup(key_hi, key_lo)
    missing = positions < 0
    reasons = _reasons(spec, options)
    if reasons is None or reasons:
        missing |= store.failed(positions, reasons)
    return chosen[missing]


def _reasons(spec: ModelRunSpec, options: RunOptions) -> list[FailureReason] | None:
    """Return the reasons whose stored failures are computed again; None: every reason."""
    if "all" in options.retry_failed:
        return None
    known = {reason.value: reason for reason in FailureReason}
    reasons = list(spec.execution.retry_failed)
    for name in options.retry_failed:
        if name not in known:
            raise UserMistake(
                f"--retry-failed {name}: there is no such reason; choose from all, "
                + ", ".join(known)
            )
        reasons.append(known[name])
    return reasons


def _count_stored(tally: Tally, store: Store, plan: Plan, chosen: Ints, todo: Ints) -> None:
    """Put the fits that need no work into the tally."""
    tally.counts["total"] = len(chosen)
    stored = np.setdiff1d(chosen, todo, assume_unique=True)
    if len(stored):
        counts = store.counts(store.lookup(plan.key_hi[stored], plan.key_lo[stored]))
        tally.add({**counts, "reused": len(stored)})
        tally.tasks_done = 0


def _fit(
    plan: Plan,
    store: Store,
    todo: Ints,
    spec: ModelRunSpec,
    options: RunOptions,
    stages: Stages,
    stopping: Stopping,
    location: str,
) -> dict[str, Any]:
    """Fit what is open; return what fitted it, for run.json."""
    stages.enter("starting")
    name = options.backend or default_backend(plan, os.environ)

    def notice(workers: int) -> None:
        stages.tally.workers = workers
        stages.display.changed()

    with stopping.interruptible():
        backend = open_backend(
            name,
            workers=options.workers,
            quorum=quorum(spec),
            startup_seconds=float(spec.startup_deadline_seconds),
            tls=options.tls,
            dashboard=":8787" if options.dashboard else None,
            fit_timeout=plan.study.fit_timeout_seconds,
            on_workers=notice,
            profile=options.profile,
        )
        entered: Backend = backend.__enter__()
    try:
        address = getattr(entered, "dashboard", None)
        if address:
            stages.display.say(f"dashboard: {address}")
        beside = location if "://" in location else None
        work = prepare_work(plan.study.folder, entered, beside=beside)
        stages.tally.workers = entered.workers()
        stages.enter("fitting")
        Fitting(
            plan=plan,
            store=store,
            backend=entered,
            work=work,
            tally=stages.tally,
            display=stages.display,
            stopping=stopping,
        ).run(todo)
        return {"name": name, "workers": entered.workers()}
    finally:
        backend.__exit__()


def default_backend(plan: Plan, environment: Mapping[str, str]) -> str:
    """Return threads where every fit is batched on this machine, else dask."""
    batched = all(model.engine == "batched" for model in plan.study.models)
    return "threads" if batched and ADDRESS not in environment else "dask"


def quorum(spec: ModelRunSpec) -> int | None:
    """Return how many workers of a running cluster must be there before fitting starts."""
    if spec.cluster is None:
        return None
    wish = spec.cluster.min_workers
    if isinstance(wish, int):
        return wish
    if spec.cluster.nodes is None or spec.cluster.workers_per_node is None:
        return None
    share = float(wish.removesuffix("%")) / 100
    return max(1, int(share * spec.cluster.nodes * spec.cluster.workers_per_node))


def _draw(location: str, facts: Facts, stages: Stages, wish: Report) -> str:
    from modelrun.reporting import draw_report

    document = facts.bundle(stages.seconds, finished=dt.datetime.now(dt.UTC))
    return draw_report(location, html=wish.html, pdf=wish.pdf, run=document)[0]


def _definition(plan: Plan) -> bytes:
    models = {digest.model: dict(digest.parts) for digest in plan.digests}
    return json.dumps({"data": plan.data_fingerprint, "models": models}, indent=1).encode()


def _circumstances() -> bytes:
    """Return what is kept with stored segments: machine facts that are no part of keys."""
    import platform

    facts = {"python": platform.python_version(), "machine": platform.machine()}
    return json.dumps(facts).encode()
