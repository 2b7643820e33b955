"""The commands and their options: names, types, help. What they do stands in their modules."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from modelrun.cli.cluster import cluster
from modelrun.cli.options import (
    Context,
    Debug,
    File,
    Kubeconfig,
    Namespace,
    Output,
    OutputOption,
    access_of,
)

app = typer.Typer(
    name="modelrun",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Thousands of statsmodels models from one YAML file, on all cores.

    **First steps**

    - `modelrun init` writes a commented file to start from
    - `modelrun plan modelrun.yaml` shows what would be fitted, and how long it takes
    - `modelrun run modelrun.yaml` fits it; again, and it goes on where it stopped
    - `modelrun results results/NAME` shows what came out
    - `modelrun submit modelrun.yaml` hands the same file to a cluster""",
    epilog="Exit codes of run: 0 done, 2 your mistake, 3 too many failed fits, 75 infrastructure, "
    "130 and 143 stopped by a signal, 1 a bug of modelrun.",
)


class BackendName(StrEnum):
    """Where fits are computed."""

    SERIAL = "serial"
    THREADS = "threads"
    DASK = "dask"


Folder = Annotated[
    str, typer.Argument(help="The results folder, or its address.", show_default=False)
]
To = Annotated[
    str | None,
    typer.Option(help="Where results go; by default results.to of the file, or results/NAME."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", "-w", min=1, help="Worker processes; default one a CPU.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Only groups with this value, as `portfolio=S1V1`; may be given again."),
]


@app.command(rich_help_panel="Fit")
def run(
    file: File,
    *,
    to: To = None,
    backend: Annotated[
        BackendName | None,
        typer.Option(help="By default threads where every fit is batched, else dask."),
    ] = None,
    workers: Workers = None,
    only: Only = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only so many fits, drawn evenly; for a try.")
    ] = None,
    retry_failed: Annotated[
        list[str] | None,
        typer.Option(metavar="[REASON]", help="Compute stored failures again; all, or one reason."),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt between local workers.")] = False,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Start Dask's dashboard and print its address.")
    ] = False,
    serve_progress: Annotated[
        int | None, typer.Option(metavar="PORT", help="Answer /progress and /metrics there.")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write cProfile files of all processes.")
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Draw no report.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for each task.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors.")] = False,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Fit the models of a file, store tables and report.

    Stopped or killed, the same command goes on where it was: finished fits are never computed
    again.

    **Examples**

    - `modelrun run modelrun.yaml`
    - `modelrun run modelrun.yaml --only portfolio=S1V1 --sample 100` tries a part
    - `modelrun run modelrun.yaml --retry-failed Timeout`
    """
    del debug
    from modelrun.cli import fitting

    return fitting.run(
        file,
        fitting.RunOptions(
            to=to,
            backend=backend.value if backend else None,
            workers=workers,
            only=tuple(only or ()),
            sample=sample,
            retry_failed=tuple(retry_failed or ()),
            tls=tls,
            dashboard=dashboard,
            serve_progress=serve_progress,
            profile=profile,
            report=not no_report,
        ),
        show="verbose" if verbose else "quiet" if quiet else "auto",
        as_json=output is Output.JSON,
    )


@app.command(rich_help_panel="Fit")
def plan(
    file: File,
    *,
    to: To = None,
    workers: Workers = None,
    no_pilot: Annotated[
        bool, typer.Option("--no-pilot", help="Fit nothing to forecast the time.")
    ] = False,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Show what a run would do: fits, columns, engines, time and memory, what is stored."""
    del debug
    from modelrun.cli import planning

    return planning.show_plan(
        file, to=to, workers=workers, pilot=not no_pilot, as_json=output is Output.JSON
    )


@app.command(rich_help_panel="Fit")
def validate(file: File, *, output: OutputOption = Output.TEXT, debug: Debug = False) -> int:
    """Check a file, and that its data has the columns that the models name."""
    del debug
    from modelrun.cli import planning

    return planning.validate(file, as_json=output is Output.JSON)


@app.command(hidden=True)
def preflight(
    file: File,
    *,
    to: To = None,
    output: OutputOption = Output.JSON,
    debug: Debug = False,
) -> int:
    """Check everything that can be checked before nodes are paid for; the operator runs this."""
    del output, debug
    from modelrun.cli import planning

    return planning.preflight(file, to=to)


@app.command(rich_help_panel="Fit")
def fit(
    key: Annotated[str, typer.Argument(help="A fit_key of a table, or its first characters.")],
    file: File,
    *,
    pdb: Annotated[bool, typer.Option("--pdb", help="Open the debugger where it fails.")] = False,
    debug: Debug = False,
) -> int:
    """Run one fit the naive way in this process, to see why it ends as it does."""
    del debug
    from modelrun.cli import single

    return single.fit(key, file, pdb=pdb)


@app.command(rich_help_panel="Look")
def results(
    folder: Annotated[
        str | None,
        typer.Argument(help="The results folder, or its address.", show_default=False),
    ] = None,
    *,
    run_name: Annotated[
        str | None, typer.Option("--run", metavar="NAME", help="Those of a run on a cluster.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With --run: copy them into DIR. From a volume the copy is always made, by "
            "default into results/NAME.",
        ),
    ] = None,
    diff: Annotated[
        str | None, typer.Option(metavar="OTHER", help="Compare with another results folder.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Export all tables as CSV files into DIR.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Show what came out of a run, and where its files are.

    **Examples**

    - `modelrun results results/ff25-rolling`
    - `modelrun results --run ff25-rolling` opens what a run on a cluster stored
    - `modelrun results --run ff25-rolling --to copies/ff25` copies it, and opens the copy
    - `modelrun results --run ff25-rolling --csv tables` exports it
    """
    del debug
    if (folder is None) == (run_name is None):
        raise typer.BadParameter("give a folder, or the name of a run on a cluster with --run")
    if run_name is not None:
        from modelrun.cli import bringing

        folder = bringing.results(run_name, access_of(namespace, context, kubeconfig), to=to)
    elif to is not None:
        raise typer.BadParameter("--to goes with --run; a folder is on this machine already")
    assert folder is not None
    from modelrun.cli import looking

    return looking.results(folder, diff=diff, csv=csv, as_json=output is Output.JSON)


@app.command(rich_help_panel="Look")
def report(
    folder: Folder,
    *,
    html: Annotated[bool, typer.Option("--html/--no-html")] = True,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf")] = True,
    debug: Debug = False,
) -> int:
    """Draw the report of a finished run again, without fitting anything."""
    del debug
    from modelrun.cli import looking

    return looking.report(folder, html=html, pdf=pdf)


@app.command(rich_help_panel="Look")
def datasets(
    name: Annotated[str | None, typer.Argument(help="Describe only this one.")] = None,
    *,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Describe the bundled real data."""
    del debug
    from modelrun.cli import looking

    return looking.datasets(name, as_json=output is Output.JSON)


app.add_typer(cluster)


@app.command(rich_help_panel="Start")
def init(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = Path("modelrun.yaml"),
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    debug: Debug = False,
) -> int:
    """Write a commented file to start from; it runs as it is."""
    del debug
    from modelrun.cli import starting

    return starting.init(file, force=force)


@app.command(rich_help_panel="Start")
def schema(*, debug: Debug = False) -> int:
    """Print the JSON schema of a ModelRun file, for editors."""
    del debug
    from modelrun.cli import starting

    return starting.schema()


@app.command(rich_help_panel="Start")
def crd(*, debug: Debug = False) -> int:
    """Print the CustomResourceDefinitions, for `kubectl apply -f -`."""
    del debug
    from modelrun.cli import starting

    return starting.crd()


@app.command(rich_help_panel="Start")
def version(*, output: OutputOption = Output.TEXT, debug: Debug = False) -> int:
    """Print the versions that decide about numbers."""
    del debug
    from modelrun.cli import starting

    return starting.version(as_json=output is Output.JSON)
