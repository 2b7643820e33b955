"""`modelrun-operator run | render`.

`run` is what the chart starts; its settings come from the environment, and flags win. `render`
prints, without a cluster, every object that a run would get.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from modelrun_operator.errors import SettingsError
from modelrun_operator.settings import PREFIX, Settings

ABOUT = """\
The operator of modelrun: it turns a ModelRun into a Dask cluster secured by TLS, a runner that fits
the models, and in the end into nothing but results."""

ABOUT_RUN = """\
Work on ModelRuns. In a pod it connects as its service account, elsewhere as KUBECONFIG says. Never
let two work on the same namespaces: both would act. It may be ended at any time; every pass starts
from what the cluster holds."""

ABOUT_RENDER = """\
Print every object that a ModelRun would get, as YAML, without asking any cluster: for a review, or
to see what a profile does. Certificates are never printed, and names end in zeros where the uid of
the run would stand. Exit code 2: the run would be refused, and the message says why."""

EXAMPLES = """\
examples:
  modelrun-operator run --log-format text                        all namespaces
  modelrun-operator run --namespace lab --namespace risk         two namespaces
  modelrun-operator render modelrun.yaml --profile profile.yaml  what would be made

`modelrun-operator run --help` lists the settings. People use `modelrun` or kubectl, not this."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and end the process with its exit code."""
    sys.exit(command(sys.argv[1:] if arguments is None else arguments))


def command(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code: 0 done, 2 a mistake of whoever called it."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"modelrun-operator: {error}\n")
        return 2
    return _run(chosen, settings) if chosen.command == "run" else _render(chosen, settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="modelrun-operator",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="run | render")
    run = commands.add_parser(
        "run",
        help="work on ModelRuns until SIGTERM or SIGINT",
        description=ABOUT_RUN,
        epilog=_settings_table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "--namespace",
        action="append",
        metavar="NAME",
        help="work on the runs of this namespace only, with rights in no other; may be repeated; "
        "default: all namespaces",
    )
    run.add_argument(
        "--standalone",
        action="store_true",
        help="take part in no peering of kopf operators, whose objects could pause this one; it is "
        "always so, and the flag only says it",
    )
    run.add_argument(
        "--host",
        default="0.0.0.0",  # noqa: S104
        help="address at which probes and metrics are answered; default: %(default)s",
    )
    run.add_argument(
        "--health-port",
        type=int,
        default=8080,
        help="port of /healthz and /readyz; 0 for none; default: %(default)s",
    )
    run.add_argument(
        "--metrics-port",
        type=int,
        default=9090,
        help="port of /metrics; 0 for none; default: %(default)s",
    )
    run.add_argument(
        "--log-format",
        choices=["json", "text"],
        default="json",
        help="one JSON object a line, or text for people; default: %(default)s",
    )
    run.add_argument(
        "--log-level",
        choices=["DEBUG", "INFO", "WARNING"],
        default="INFO",
        help="how much is told, on standard error; default: %(default)s",
    )
    render = commands.add_parser(
        "render",
        help="print, without a cluster, every object that a ModelRun would get",
        description=ABOUT_RENDER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    render.add_argument("file", type=Path, help="the file with the ModelRun")
    render.add_argument(
        "--profile",
        type=Path,
        required=True,
        help="a file with the ModelRunProfile (kubectl get modelrunprofile NAME --output yaml)",
    )
    render.add_argument(
        "--namespace", default="default", help="where the run would live; default: %(default)s"
    )
    render.add_argument(
        "--nodes",
        type=int,
        help="worker nodes, where the run leaves their number to preflight; default: 1",
    )
    return parser


def _settings_table() -> str:
    """Return every setting with its default, from the settings themselves."""
    lines = ["settings, read from the environment (the flags above win):"]
    for field in dataclasses.fields(Settings):
        default = field.default if field.default not in {"", ()} else "empty"
        lines.append(f"  {PREFIX + field.name.upper():<46} {default}")
    return "\n".join(lines)


def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    from modelrun_operator.handlers.process import operate
    from modelrun_operator.telemetry import configure_logs

    if chosen.namespace:
        settings = dataclasses.replace(settings, namespaces=tuple(chosen.namespace))
    configure_logs(as_json=chosen.log_format == "json", level=chosen.log_level)
    asyncio.run(
        operate(
            settings,
            host=chosen.host,
            health_port=chosen.health_port,
            metrics_port=chosen.metrics_port,
        )
    )
    return 0


def _render(chosen: argparse.Namespace, settings: Settings) -> int:
    from modelrun_api.loader import load_profile_text, load_run
    from modelrun_api.problems import SpecError
    from modelrun_operator.core.acceptance import accepted_profile
    from modelrun_operator.core.snapshot import Snapshot
    from modelrun_operator.errors import UserMistake
    from modelrun_operator.manifests.rendering import rendered
    from modelrun_operator.run import Run

    try:
        file = load_run(chosen.file)
        profile = load_profile_text(
            chosen.profile.read_text(encoding="utf-8"), source=str(chosen.profile)
        )
        run = Run.from_object(
            {
                "metadata": {
                    "name": file.metadata.name,
                    "namespace": chosen.namespace,
                    "uid": UNKNOWN_UID,
                },
                "spec": file.spec.document(),
            }
        )
        accepted_profile(run, Snapshot(profile=profile))
    except (SpecError, UserMistake, OSError) as error:
        sys.stderr.write(f"modelrun-operator render: {error}\n")
        return 2
    objects = rendered(run, profile.spec, settings, nodes=chosen.nodes)
    yaml.safe_dump_all(objects, sys.stdout, sort_keys=False, allow_unicode=True)
    return 0


UNKNOWN_UID = "00000000-0000-0000-0000-000000000000"
"""The API server gives a run its uid; names of children end in its first eight digits."""
