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
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from modelrun import auditing, remaining, selection
from modelrun.auditing import Auditor
from modelrun.backends.backend import Backend
from modelrun.backends.catalog import open_backend
from modelrun.backends.machine import ADDRESS
from modelrun.engines.preloads import modules
from modelrun.errors import TooManyFailed
from modelrun.expecting import expectations
from modelrun.finishing import Facts
from modelrun.fitting import Fitting
from modelrun.forecast import DEFINITION
from modelrun.location import results_location
from modelrun.options import RunOptions
from modelrun.plan.build import Plan
from modelrun.plan.shelf import Shelf
from modelrun.preparing import Prepared, located, prepare
from modelrun.progress import Display, Tally
from modelrun.results import run_json
from modelrun.results.assemble import assemble
from modelrun.serving import serve
from modelrun.stages import Stages
from modelrun.stopping import Stopping
from modelrun.store.store import Store
from modelrun.verdict import judge
from modelrun.work import prepare as prepare_work
from modelrun_api.loader import Loaded
from modelrun_api.spec import ModelRunSpec

if TYPE_CHECKING:
    from modelrun.engines.audit import AuditOutcome
    from modelrun.report.press import Press
    from modelrun.reporting import Draw

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left behind."""

    location: str
    counts: Mapping[str, int]
    report: str | None
    seconds: Mapping[str, float]
    """Seconds of each stage."""

    reasons: Mapping[str, int]
    """How many fits failed or were skipped for each reason, the most frequent first."""


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
    stages = Stages(tally, display)
    with located(loaded.document):
        location = results_location(loaded.run, to=options.to, base=base, trial=options.trial)
    with (
        _scratch() as scratch,
        serve(tally, options.serve_progress) as port,
        Stopping("Everything finished is stored; the same command goes on.") as stopping,
    ):
        if port is not None:
            display.say(f"progress: http://localhost:{port}/progress")
        going = _Run(
            loaded=loaded,
            options=options,
            base=base,
            location=location,
            file=file,
            environment=environment,
            scratch=scratch,
            stages=stages,
            stopping=stopping,
        )
        return going.go()


@dataclass(slots=True)
class _Run:
    """One run under way: what its stages share."""

    loaded: Loaded
    options: RunOptions
    base: Path
    location: str
    file: str
    environment: Mapping[str, str]
    scratch: Path
    stages: Stages
    stopping: Stopping
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    backend: dict[str, Any] = field(default_factory=lambda: {"name": "none", "workers": 0})

    @property
    def spec(self) -> ModelRunSpec:
        """The file's spec."""
        return self.loaded.run.spec

    def go(self) -> Finished:
        """Go through all stages."""
        self.stages.enter("reading")
        with (
            self._press() as press,
            Auditor(self.spec, scratch=self.scratch) as auditor,
        ):
            return self._between(press, auditor)

    def _between(self, press: Press | None, auditor: Auditor) -> Finished:
        """Do everything else while the processes of report and audit warm up."""
        with located(self.loaded.document):
            remaining.check(self.spec, self.options)
        prepared = self.prepare(frozenset())
        with (
            located(self.loaded.document),
            Store.open(
                self.location, study_name=self.loaded.run.metadata.name, note=_circumstances()
            ) as store,
        ):
            distrusted = auditing.distrusted_before(store, prepared.plan)
            if distrusted:
                prepared = self.prepare(distrusted)
            store.begin()
            chosen = selection.sample(len(prepared.plan), self.options.sample)
            under_audit = self.fit(prepared.plan, store, chosen, distrusted, auditor)
            facts = self.tabulate(prepared, store, chosen)
            likely = auditor.expected() if under_audit else None
            with self.drawing(facts, likely, press, "audit" if under_audit else "report") as draw:
                audited = self.audit(store, auditor) if under_audit else None
                if audited is None or audited.clean:
                    finished = self.finish(facts, audited, store, draw)
            if audited is not None and not audited.clean:
                # The sentence stays as the outcome: it says why these fits are statsmodels' own.
                self.stages.display.say(f"audit: {audited.sentence()} They are fitted again.")
                distrusted |= set(audited.models)
                prepared = self.prepare(distrusted)
                self.fit(prepared.plan, store, chosen, distrusted)
                facts = self.tabulate(prepared, store, chosen)
                with (
                    self._press() as another,
                    self.drawing(facts, audited, another, "report") as draw,
                ):
                    finished = self.finish(facts, audited, store, draw)
        verdict = facts.verdict
        if verdict.is_too_many:
            raise TooManyFailed(
                f"{verdict}\n{failures_in_words(self.location)}\nTables and report are in "
                f"{self.location}; failures.parquet says why each one failed, and `modelrun fit "
                f"KEY {self.file}` runs one of them alone",
                location=self.location,
                report=finished.report,
            )
        return finished

    @contextmanager
    def _press(self) -> Iterator[Press | None]:
        """Start the printing process now, so that its imports cost the run no time."""
        wish = self.spec.results.report
        if not (self.options.report and (wish.html or wish.pdf)):
            yield None
            return
        from modelrun.report.press import Press

        press = Press()
        try:
            yield press
        finally:
            press.close()

    def prepare(self, distrusted: frozenset[str]) -> Prepared:
        """Read and plan."""
        prepared = prepare(
            self.loaded,
            base=self.base,
            folder=self.scratch / f"study-{len(distrusted)}",
            environment=self.environment,
            only=self.options.only,
            distrusted=distrusted,
        )
        for note in prepared.plan.notes:
            self.stages.display.say(f"note: {note}")
        return prepared

    def fit(
        self,
        plan: Plan,
        store: Store,
        chosen: Ints,
        distrusted: frozenset[str],
        auditor: Auditor | None = None,
    ) -> bool:
        """Fit what is open; return whether the auditor was given something to do beside it."""
        store.place.write(DEFINITION, _definition(plan, distrusted))
        todo = remaining.open_fits(
            plan,
            store,
            self.spec,
            chosen,
            self.options,
            base=self.base,
            say=self.stages.display.say,
        )
        remaining.count_stored(self.stages.tally, store, plan, chosen, todo)
        if not len(todo):
            return False
        shelf = Shelf(plan.study)
        under_audit = auditor is not None and auditor.begin(plan, shelf, chosen)
        self.backend = self._work(plan, shelf, store, todo)
        return under_audit

    def audit(self, store: Store, auditor: Auditor) -> AuditOutcome:
        """Wait for the audit."""
        self.stages.enter("audit")
        return auditor.outcome(store, self.stopping)

    def _work(self, plan: Plan, shelf: Shelf, store: Store, todo: Ints) -> dict[str, Any]:
        """Fit on a backend; return what fitted, for run.json."""
        self.stages.enter("starting")
        tally, display = self.stages.tally, self.stages.display
        cluster = expectations(self.spec, self.environment)
        name = self.options.backend or default_backend(plan, self.environment)

        def notice(workers: int) -> None:
            tally.workers = workers
            display.changed()

        with ExitStack() as stack:
            with self.stopping.interruptible():
                entered: Backend = stack.enter_context(
                    open_backend(
                        name,
                        workers=self.options.workers,
                        quorum=cluster.quorum,
                        startup_seconds=cluster.startup_seconds,
                        memory_limit=cluster.worker_memory,
                        tls=self.options.tls,
                        dashboard=":8787" if self.options.dashboard else None,
                        fit_timeout=plan.study.fit_timeout_seconds,
                        on_workers=notice,
                        preload=preloads(plan),
                        profile=self.options.profile,
                    )
                )
            address = getattr(entered, "dashboard", None)
            if address:
                display.say(f"dashboard: {address}")
            beside = self.location if "://" in self.location else None
            work = prepare_work(plan.study, shelf, entered, beside=beside)
            tally.workers = entered.workers()
            self.stages.enter("fitting")
            Fitting(
                plan=plan,
                store=store,
                backend=entered,
                work=work,
                tally=tally,
                display=display,
                stopping=self.stopping,
            ).run(todo)
            return {"name": name, "workers": entered.workers()}

    def tabulate(self, prepared: Prepared, store: Store, chosen: Ints) -> Facts:
        """Write the tables."""
        plan, spec = prepared.plan, self.spec
        self.stages.enter("tables")
        key_hi, key_lo = plan.key_hi[chosen], plan.key_lo[chosen]
        positions = store.lookup(key_hi, key_lo)
        assembled = assemble(
            plan.study,
            key_hi,
            key_lo,
            store,
            positions,
            spec.results,
            fits=chosen,
            file=self.file,
        )
        trial = {"only": list(self.options.only), "sample": self.options.sample}
        return Facts(
            loaded=self.loaded,
            plan=plan,
            rows=prepared.rows,
            counts=assembled.counts,
            reasons=store.reasons(positions),
            verdict=judge(assembled.counts, spec.execution.max_failed),
            backend=self.backend,
            started=self.started,
            environment=self.environment,
            trial=trial if self.options.trial else {},
        )

    @contextmanager
    def drawing(
        self,
        facts: Facts,
        audited: AuditOutcome | None,
        press: Press | None,
        stage: Literal["audit", "report"],
    ) -> Iterator[Draw | None]:
        """Draw what the tables say while the audit is still under way; nothing without a press.

        Args:
            facts: What the report tells.
            audited: The audit's outcome, or a likely one.
            press: What prints.
            stage: What the run does meanwhile.
        """
        if press is None:
            yield None
            return
        from modelrun.reporting import drawing

        self.stages.enter(stage)
        wish = self.spec.results.report
        run = facts.bundle(audited, self.stages.seconds | {stage: 1.0})  # for its room on paper
        with drawing(self.location, html=wish.html, pdf=wish.pdf, run=run, press=press) as draw:
            yield draw

    def finish(
        self, facts: Facts, audited: AuditOutcome | None, store: Store, draw: Draw | None
    ) -> Finished:
        """Draw the rest of the report, write run.json last."""
        report = None
        if draw is not None:
            self.stages.enter("report")
            paths = draw(facts.bundle(audited, self.stages.seconds))
            page = next((path for path in paths if path.endswith(".html")), paths[0])
            report = f"{self.location}/{page.rpartition('/')[2]}"
        seconds = self.stages.end()
        run_json.write(store.place, facts.bundle(audited, seconds))
        return Finished(self.location, facts.counts.document(), report, seconds, facts.reasons)


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder for the study, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="modelrun-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def preloads(plan: Plan) -> tuple[str, ...]:
    """Return what workers import before their first task: what the planned models need."""
    models = plan.study.models
    found = (modules(model.engine, model.spec.estimator) for model in models)
    return tuple(dict.fromkeys(name for names in found for name in names))


def default_backend(plan: Plan, environment: Mapping[str, str]) -> str:
    """Return threads where every fit is batched on this machine, else dask."""
    batched = all(model.engine == "batched" for model in plan.study.models)
    return "threads" if batched and ADDRESS not in environment else "dask"


def failures_in_words(location: str) -> str:
    """Return the reasons of failed fits with an example each, a line a reason."""
    from modelrun.results.summary import failing

    return "\n".join(
        f"  {found.count:,} {found.reason}, such as {found.example[:300]}"
        for found in failing(location)[:5]
    )


def _definition(plan: Plan, distrusted: frozenset[str]) -> bytes:
    document = {
        "data": plan.data_fingerprint,
        "models": {digest.model: dict(digest.parts) for digest in plan.digests},
        "distrusted": sorted(distrusted),
    }
    return json.dumps(document, indent=1).encode()


def _circumstances() -> bytes:
    """Return what is kept with stored segments: machine facts that are no part of keys."""
    import platform

    facts = {"python": platform.python_version(), "machine": platform.machine()}
    return json.dumps(facts).encode()
