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
from modelrun_operator.settings import Settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and end the process with its exit code."""
    sys.exit(command(sys.argv[1:] if arguments is None else arguments))


def command(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code: 0 done, 2 a mistake of whoever called it."""
    parser = argparse.ArgumentParser(prog="modelrun-operator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="work on runs until SIGTERM")
    run.add_argument(
        "--namespace",
        action="append",
        metavar="NAME",
        help="work on runs of this namespace only; may be repeated; default: all namespaces",
    )
    run.add_argument(
        "--standalone",
        action="store_true",
        help="take part in no peering of operators; this is always so",
    )
    run.add_argument("--host", default="0.0.0.0", help="where probes and metrics are answered")  # noqa: S104
    run.add_argument("--health-port", type=int, default=8080, help="for probes; 0 for none")
    run.add_argument("--metrics-port", type=int, default=9090, help="for metrics; 0 for none")
    run.add_argument("--log-format", choices=["json", "text"], default="json")
    run.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING"])
    render = commands.add_parser("render", help="print every object that a run would get")
    render.add_argument("file", type=Path, help="the ModelRun")
    render.add_argument("--profile", type=Path, required=True, help="the ModelRunProfile")
    render.add_argument("--namespace", default="default", help="where the run would live")
    render.add_argument(
        "--nodes", type=int, help="worker nodes, where the run leaves them to preflight"
    )
    chosen = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"modelrun-operator: {error}\n")
        return 2
    return _run(chosen, settings) if chosen.command == "run" else _render(chosen, settings)


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
