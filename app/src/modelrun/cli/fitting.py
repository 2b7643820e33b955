"""The command `modelrun run`: the pipeline between a display before and a summary after it.

The data are read while most of the program is still imported, so imports stand in functions here.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modelrun.backends import machine
from modelrun.backends.loading import loading
from modelrun.foresight import begin_cluster
from modelrun.options import RunOptions
from modelrun_api.environment import OUTCOME_FILE_VARIABLE
from modelrun_api.identity import RUN_KIND
from modelrun_api.reading import one_document, read_text

if TYPE_CHECKING:
    from modelrun.pipeline import Finished
    from modelrun.progress import Display, Tally
    from modelrun_api.loader import Loaded

__all__ = ["RunOptions", "run"]


def run(file: Path, options: RunOptions, *, show: str, as_json: bool) -> int:
    """Run a file and say what came out."""
    # before numeric libraries are loaded
    os.environ.update({**machine.ONE_THREAD, **machine.LARGE_PAGES, **os.environ})
    with ExitStack() as stack:
        return _run(file, options, stack, show=show, as_json=as_json)


def _run(file: Path, options: RunOptions, stack: ExitStack, *, show: str, as_json: bool) -> int:
    base = file.absolute().parent
    with loading(for_good=True):
        loaded = _loaded(file, options, base, stack)
        from modelrun.errors import ModelrunError, TooManyFailed
        from modelrun.pipeline import run as run_pipeline
        from modelrun.preparing import code_folder
        from modelrun.progress import Tally

    if loaded.run.spec.program is not None:
        from modelrun.program import run as run_program

        command = loaded.run.spec.program.command
        return run_program(
            command,
            workers=options.workers,
            cwd=code_folder(base, os.environ),
            tls=options.tls,
            dashboard=":8787" if options.dashboard else None,
        )
    tally = Tally()
    display = _display(show, tally)
    try:
        with display, _profiled(options.profile):
            finished = run_pipeline(
                loaded, options, base=base, tally=tally, display=display, file=str(file)
            )
    except TooManyFailed as error:
        where = {"location": error.location, "report": error.report}
        _tell(tally.counts, error.exit_code, str(error), **where)
        raise
    except ModelrunError as error:
        _tell(tally.counts, error.exit_code, str(error))
        raise
    counts = {**tally.counts, **finished.counts}
    _tell(counts, 0, "", location=finished.location, report=finished.report)
    if as_json:
        print(json.dumps(dataclasses.asdict(finished), indent=2, default=dict))
    elif show != "quiet":
        _summarise(finished, tally)
    return 0


def _loaded(file: Path, options: RunOptions, base: Path, stack: ExitStack) -> Loaded:
    """Read the file; begin to start workers and to read data before anything else is imported."""
    from modelrun.datasets import ahead

    text = read_text(file)
    document, problems = one_document(text, str(file), RUN_KIND)
    if not problems:
        begin_cluster(document.value, options, base=base, environment=os.environ, stack=stack)
        ahead.begin(document.value, text, base=base)
    from modelrun_api.loader import loaded

    return loaded(document, problems)


@contextmanager
def _profiled(folder: Path | None) -> Iterator[None]:
    """Profile this process and show where it and the workers spent their time."""
    if folder is None:
        yield
        return
    from modelrun.backends import profile

    with profile.runner(folder):
        yield
    print(f"{'own s':>8}  {'all s':>8}  {'calls':>10}  function", file=sys.stderr)
    for name, calls, own, cumulative in profile.top(folder, 10):
        print(f"{own:8.2f}  {cumulative:8.2f}  {calls:10,}  {name}", file=sys.stderr)
    print(f"profiles of all processes: {folder}; open them in snakeviz or tuna", file=sys.stderr)


def _display(show: str, tally: Tally) -> Display:
    from modelrun.progress import Bar, Lines, Silent, Verbose

    def write(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    match show:
        case "quiet":
            return Silent()
        case "verbose":
            return Verbose(tally, write)
        case _ if sys.stderr.isatty():
            return Bar(tally)
        case _:
            return Lines(tally, write)


def _summarise(finished: Finished, tally: Tally) -> None:
    from rich.console import Console

    from modelrun.progress import counted, duration, pace

    console = Console(highlight=False)
    counts = finished.counts
    words = [f"{counts['succeeded']:,} succeeded"]
    for key, word in (
        ("notConverged", "did not converge"),
        ("failed", "failed"),
        ("skipped", "skipped"),
    ):
        if counts[key]:
            words.append(f"{counts[key]:,} {word}")
    if counts["reused"]:
        words.append(f"{counts['reused']:,} of them reused")
    rate = tally.fits_per_second()
    speed = f", {pace(rate)} fits a second" if rate else ""
    took = duration(sum(finished.seconds.values()))
    console.print(
        f"[bold]{counted(counts['total'], 'fit')}[/bold] in {took}{speed}: {', '.join(words)}",
        soft_wrap=True,
    )
    if finished.reasons:
        why = ", ".join(f"{count:,} {reason}" for reason, count in finished.reasons.items())
        console.print(f"reasons  {why}", soft_wrap=True)
    console.print(f"tables   {finished.location}/", soft_wrap=True)
    for name in ("coefficients", "fits", "failures", "observations"):
        path = Path(finished.location) / f"{name}.parquet"
        if path.exists():
            import pyarrow.parquet as pq

            rows = pq.read_metadata(path).num_rows
            if rows:
                console.print(f"         {path.name:<22}{rows:>12,} rows", soft_wrap=True)
    if finished.report:
        console.print(f"report   {finished.report}", soft_wrap=True)
        printed = Path(finished.report).with_suffix(".pdf")
        if str(printed) != finished.report and printed.exists():
            console.print(f"         {printed}", soft_wrap=True)
    console.print(f"next     modelrun results {finished.location}", style="dim", soft_wrap=True)


def _tell(
    counts: Mapping[str, int],
    code: int,
    message: str,
    *,
    location: str | None = None,
    report: str | None = None,
) -> None:
    """Leave the outcome for whoever started this process, where somebody asks for it."""
    if OUTCOME_FILE_VARIABLE not in os.environ:
        return  # nobody asks, and the words for it need not be imported
    from modelrun import telling
    from modelrun_api.outcome import RunOutcome

    failures = []
    if location is not None and counts["failed"]:
        from modelrun.results.summary import failing

        failures = [
            {"reason": one.reason, "count": one.count, "example": one.example[:512]}
            for one in failing(location)[:20]
        ]
    outcome = {
        "exitCode": code,
        "fits": counts,
        "failures": failures,
        "uri": location,
        "report": report,
        "message": message[:2000],
    }
    telling.tell(RunOutcome.model_validate(outcome), os.environ)
