"""The Python door: what the command does, as functions that return pandas frames.

    result = modelrun.run("modelrun.yaml")
    result.coefficients.query("term == 'mkt'")

It decides nothing that the command does not decide.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrun_api.loader import Loaded, load
from modelrun_api.modelrun import ModelRun
from modelrun_api.validation import plain_document, validated

if TYPE_CHECKING:
    from modelrun.remote.connection import Connection
    from modelrun.remote.run import RemoteRun
    from modelrun.result import RunResult


def run(
    source: str | Path | Mapping[str, Any] | ModelRun,
    *,
    to: str | Path | None = None,
    backend: str | None = None,
    workers: int | None = None,
    only: tuple[str, ...] = (),
    sample: int | None = None,
    retry_failed: tuple[str, ...] = (),
    report: bool = True,
    quiet: bool = False,
) -> RunResult:
    """Fit the models of a run and return what came out.

    Args:
        source: A file, a ModelRun document as a dictionary, or a ModelRun.
        to: Where results go; by default results.to of the run, or results/<name>.
        backend: serial, threads or dask; by default the fastest that fits.
        workers: Worker processes; by default one a CPU.
        only: Only groups with these values, as `column=value`.
        sample: Only so many fits.
        retry_failed: Reasons whose stored failures are computed again; ("all",) for every one.
        report: Whether to draw the reports that the run asks for.
        quiet: Whether to show no progress.

    Raises:
        SpecError: The document is not valid.
        UserMistake: The data or the code does not fit the document.
        TooManyFailed: More fits failed than maxFailed allows; tables exist.
        InfrastructureError: Workers or storage are away; the same call goes on later.
    """
    from modelrun.options import RunOptions
    from modelrun.pipeline import run as run_pipeline
    from modelrun.progress import Bar, Display, Lines, Silent, Tally
    from modelrun.result import RunResult

    loaded, base = _loaded(source)
    tally = Tally()
    display: Display
    if quiet:
        display = Silent()
    elif sys.stderr.isatty():
        display = Bar(tally)
    else:
        display = Lines(tally, lambda text: print(text, file=sys.stderr))  # noqa: T201
    options = RunOptions(
        to=None if to is None else str(to),
        backend=backend,
        workers=workers,
        only=only,
        sample=sample,
        retry_failed=retry_failed,
        report=report,
    )
    with display:
        finished = run_pipeline(loaded, options, base=base, tally=tally, display=display)
    return RunResult(finished.location)


def open_results(location: str | Path) -> RunResult:
    """Open the results of an earlier run.

    Args:
        location: The results folder or its address.
    """
    from modelrun.result import RunResult

    return RunResult(str(location))


def submit(
    source: str | Path | Mapping[str, Any] | ModelRun,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | Path | None = None,
    replace: bool = False,
) -> RemoteRun:
    """Hand a run to a cluster, with the code beside its file.

    Args:
        source: A file, a ModelRun document as a dictionary, or a ModelRun.
        namespace: By default that of the document, then that of the kubeconfig's context.
        context: A context of the kubeconfig.
        kubeconfig: By default $KUBECONFIG, or ~/.kube/config.
        replace: Delete a run of this name first; its stored fits stay.

    Returns:
        A handle: `submit(...).wait().coefficients`.

    Raises:
        SpecError: The document is not valid.
        UserMistake: The cluster refuses the run, or there is no way to one.
        InfrastructureError: The API server is away.
    """
    from modelrun.remote import submission
    from modelrun.remote.run import RemoteRun

    loaded, base = _loaded(source)
    made = submission.prepare(loaded, base)
    connection = _connection(
        namespace or loaded.run.metadata.namespace, context=context, kubeconfig=kubeconfig
    )
    submission.submit(connection, made, replace=replace)
    return RemoteRun(connection, loaded.run.metadata.name)


def remote_run(
    name: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | Path | None = None,
) -> RemoteRun:
    """Return the handle of a run that is on a cluster already.

    Args:
        name: The run's name.
        namespace: By default that of the kubeconfig's context.
        context: A context of the kubeconfig.
        kubeconfig: By default $KUBECONFIG, or ~/.kube/config.
    """
    from modelrun.remote.run import RemoteRun

    return RemoteRun(_connection(namespace, context=context, kubeconfig=kubeconfig), name)


def _connection(
    namespace: str | None, *, context: str | None, kubeconfig: str | Path | None
) -> Connection:
    from modelrun.remote.access import Access
    from modelrun.remote.connection import Connection

    named = None if kubeconfig is None else str(kubeconfig)
    return Connection.open(Access(namespace, context, named))


def _loaded(source: str | Path | Mapping[str, Any] | ModelRun) -> tuple[Loaded, Path]:
    if isinstance(source, str | Path):
        return load(source), Path(source).resolve().parent
    value = source.document() if isinstance(source, ModelRun) else dict(source)
    document = plain_document(value, "<dictionary>")
    return Loaded(run=validated(ModelRun, document), document=document), Path.cwd()
