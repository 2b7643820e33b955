"""Options that several commands share: one name, one meaning, one help text."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from modelrun.remote.access import Access


class Output(StrEnum):
    """How data is shown."""

    TEXT = "text"
    JSON = "json"


File = Annotated[Path, typer.Argument(help="The ModelRun file.", show_default=False)]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text, or json for scripts.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks instead of messages.")]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="By default that of the kubeconfig's context."),
]
Context = Annotated[str | None, typer.Option(help="A context of the kubeconfig.")]
Kubeconfig = Annotated[
    str | None, typer.Option(metavar="FILE", help="By default $KUBECONFIG, or ~/.kube/config.")
]


def access_of(namespace: str | None, context: str | None, kubeconfig: str | None) -> Access:
    """Return what the three options say together."""
    from modelrun.remote.access import Access

    return Access(namespace=namespace, context=context, kubeconfig=kubeconfig)
