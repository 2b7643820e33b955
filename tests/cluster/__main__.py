"""The command line: ``PYTHONPATH=tests python3 -m cluster COMMAND``; the Makefile calls it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from cluster import image
from cluster.errors import ClusterError
from cluster.home import Home
from cluster.provider import Provider, choose_provider
from cluster.suite import run_suite


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 1 stands for a failure with a message, 3 for an unhealthy cluster."""
    parser = argparse.ArgumentParser(prog="python -m cluster", description=__doc__)
    parser.add_argument(
        "--provider",
        choices=["kind", "native"],
        default=os.environ.get("MODELRUN_CLUSTER_PROVIDER"),
        help="default: kind where a Docker daemon answers, native elsewhere",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="raise the cluster, or take over a healthy one")
    commands.add_parser("down", help="remove the cluster and all it left behind")
    commands.add_parser("status", help="show what there is: 0 healthy or nothing, 3 otherwise")
    commands.add_parser("image", help="build the image, and load it if there is a cluster")
    commands.add_parser("kubeconfig", help="print the path of the kubeconfig")
    commands.add_parser("env", help="print what a shell needs to use the cluster, for eval")
    suite = commands.add_parser("e2e", help="raise the cluster, build the image, run the tests")
    suite.add_argument("pytest", nargs=argparse.REMAINDER, help="arguments for pytest")
    for command, text in (("lose", "end a node without warning"), ("restore", "bring it back")):
        commands.add_parser(command, help=text).add_argument("node")
    chosen = parser.parse_args(arguments)
    home = Home.find()
    if chosen.command == "kubeconfig":
        print(home.kubeconfig)
        return 0
    try:
        return _run(chosen, choose_provider(home, chosen.provider))
    except ClusterError as error:
        print(f"cluster {chosen.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(chosen: argparse.Namespace, provider: Provider) -> int:
    match chosen.command:
        case "up":
            provider.up()
            print(f"export KUBECONFIG={provider.home.kubeconfig}")
        case "env":
            _print_environment(provider)
        case "down":
            provider.down()
            print("nothing of the cluster is left on this machine")
        case "status":
            return _show_status(provider)
        case "image":
            images = image.build_all(provider.home, provider.name)
            if provider.status().healthy:
                for built in images:
                    provider.load(built)
            print(image.write_values(images[0]))
        case "e2e":
            return run_suite(provider, chosen.pytest)
        case "lose":
            provider.lose_node(chosen.node)
        case "restore":
            provider.restore_node(chosen.node)
    return 0


def _print_environment(provider: Provider) -> None:
    """Print the kubeconfig, and a path with kubectl and helm where the machine has none."""
    print(f"export KUBECONFIG={provider.home.kubeconfig}")
    tools = provider.tools()
    folders = {tool.parent for tool in (tools.kubectl, tools.helm) if not shutil.which(tool.name)}
    if folders:
        print(f"export PATH={':'.join(map(str, sorted(folders)))}:$PATH")


def _show_status(provider: Provider) -> int:
    status = provider.status()
    for line in status.found:
        print(f"  {line}")
    for line in status.problems:
        print(f"  PROBLEM: {line}")
    if status.empty:
        print(f"{provider.name}: no cluster, and nothing of one, on this machine")
        return 0
    print(f"{provider.name}: {'healthy' if status.healthy else 'not healthy'}")
    if status.stale:
        print("raised from other sources than this checkout's: `up` replaces it")
    print(f"KUBECONFIG={provider.home.kubeconfig}")
    return 0 if status.healthy else 3


if __name__ == "__main__":
    sys.exit(main())
