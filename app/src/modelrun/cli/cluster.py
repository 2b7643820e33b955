"""The commands for a cluster and their options; what they do stands in `remote`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

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

PANEL = "Cluster"
cluster = typer.Typer()


class RoleName(StrEnum):
    """Pods of a run on a cluster."""

    PREFLIGHT = "preflight"
    RUNNER = "runner"
    SCHEDULER = "scheduler"
    WORKER = "worker"


RunName = Annotated[str, typer.Argument(metavar="NAME", help="The run.", show_default=False)]


@cluster.command(rich_help_panel=PANEL)
def submit(
    file: File,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only ask the cluster what would be made.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete a run of this name first; results stay.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the run to its end.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Hand a file to a cluster, with the code beside it.

    The modules that its callables or its program need travel along, up to 900 KiB. Doing it again
    changes nothing. What defines a run never changes: --replace deletes it and starts it anew, and
    the fits that are still valid are not computed again.

    **Examples**

    - `modelrun submit modelrun.yaml`
    - `modelrun submit modelrun.yaml --dry-run` shows what it would take, and makes nothing
    - `modelrun submit modelrun.yaml -n research --replace --watch`
    """
    del debug
    from modelrun.cli import remote

    return remote.submit(
        file,
        access_of(namespace, context, kubeconfig),
        dry_run=dry_run,
        replace=replace,
        watching=watch,
        as_json=output is Output.JSON,
    )


@cluster.command(rich_help_panel=PANEL)
def status(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One run; without it all runs.")
    ] = None,
    *,
    everywhere: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Runs of all namespaces.")
    ] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Show a run on one screen, or a list of runs.

    **Examples**

    - `modelrun status`
    - `modelrun status ff25-rolling`
    - `modelrun status -A --output json`
    """
    del debug
    from modelrun.cli import remote

    return remote.status(
        name,
        access_of(namespace, context, kubeconfig),
        everywhere=everywhere,
        as_json=output is Output.JSON,
    )


@cluster.command(rich_help_panel=PANEL)
def watch(
    name: RunName,
    *,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Follow a run to its end. Ctrl-C ends only the looking.

    Exit codes are those of `modelrun run`: 0 succeeded, 2 your mistake, 3 too many failed fits,
    75 infrastructure, 1 anything else.

    **Examples**

    - `modelrun watch ff25-rolling`
    - `modelrun watch ff25-rolling && modelrun results --run ff25-rolling`
    - `modelrun watch ff25-rolling --output json` prints an object for each change
    """
    del debug
    from modelrun.cli import remote

    return remote.watch(
        name, access_of(namespace, context, kubeconfig), as_json=output is Output.JSON
    )


@cluster.command(rich_help_panel=PANEL)
def logs(
    name: RunName,
    *,
    role: Annotated[RoleName | None, typer.Option(help="Only pods of this kind.")] = None,
    tail: Annotated[int, typer.Option(min=1, help="So many lines of each pod.")] = 1000,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Print the logs of a run's pods; after its end, the last lines that were kept.

    **Examples**

    - `modelrun logs ff25-rolling`
    - `modelrun logs ff25-rolling --role runner --follow`
    - `modelrun logs ff25-rolling --tail 20 --output json` prints an object for each line
    """
    del debug
    from modelrun.cli import remote

    return remote.logs(
        name,
        access_of(namespace, context, kubeconfig),
        role=role.value if role else None,
        tail=tail,
        follow=follow,
        as_json=output is Output.JSON,
    )


@cluster.command(rich_help_panel=PANEL)
def why(
    name: RunName,
    *,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Say why a run is not further, and what to do next.

    **Examples**

    - `modelrun why ff25-rolling`
    - `modelrun why ff25-rolling --output json` has the reason as one word
    """
    del debug
    from modelrun.cli import remote

    return remote.why(
        name, access_of(namespace, context, kubeconfig), as_json=output is Output.JSON
    )


@cluster.command(rich_help_panel=PANEL)
def cancel(
    name: RunName,
    *,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait until the run is gone.")
    ] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Delete an unfinished run and all that it holds; the fits that it stored stay.

    A finished run is left alone. To stop for a while, use `modelrun suspend`.

    **Example**: `modelrun cancel ff25-rolling`
    """
    del debug
    from modelrun.cli import remote

    return remote.cancel(
        name,
        access_of(namespace, context, kubeconfig),
        wait=not no_wait,
        as_json=output is Output.JSON,
    )


@cluster.command(rich_help_panel=PANEL)
def suspend(
    name: RunName,
    *,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Give a run's cluster back for now; finished fits stay.

    It costs nothing until `modelrun resume` lets it go on where it stopped.

    **Example**: `modelrun suspend ff25-rolling`
    """
    del debug
    from modelrun.cli import remote

    return remote.suspend(
        name,
        access_of(namespace, context, kubeconfig),
        suspended=True,
        as_json=output is Output.JSON,
    )


@cluster.command(rich_help_panel=PANEL)
def resume(
    name: RunName,
    *,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: OutputOption = Output.TEXT,
    debug: Debug = False,
) -> int:
    """Let a suspended run go on where it stopped.

    **Example**: `modelrun resume ff25-rolling`
    """
    del debug
    from modelrun.cli import remote

    return remote.suspend(
        name,
        access_of(namespace, context, kubeconfig),
        suspended=False,
        as_json=output is Output.JSON,
    )
