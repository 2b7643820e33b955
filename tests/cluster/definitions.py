"""Custom resource definitions: applied, and served when `define` returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cluster.clock import wait_until
from cluster.command import run
from cluster.home import CHECKOUT

OURS = CHECKOUT / "charts" / "modelrun" / "files" / "crds"


def define(kubectl: str | Path, kubeconfig: Path, folder: Path = OURS, limit: float = 60) -> None:
    """Apply the definitions of a folder and wait until the API server serves their kinds.

    `kubectl wait` fails at once on a definition that has no conditions yet; this waits for them.

    Raises:
        ClusterError: kubectl failed, or the kinds were not served within `limit` seconds.
    """

    def printed(*arguments: str) -> list[dict[str, Any]]:
        call = [kubectl, "--kubeconfig", kubeconfig, *arguments, "-o", "json"]
        whole = json.loads(run(call, limit=limit).stdout)
        items: list[dict[str, Any]] = whole.get("items", [whole])
        return items

    applied = printed("apply", "--server-side", "--force-conflicts", "-f", str(folder))
    names = [one["metadata"]["name"] for one in applied]
    wait_until(
        f"{', '.join(names)} are served",
        lambda: all(map(_is_served, printed("get", "crd", *names))),
        limit=limit,
    )


def _is_served(definition: dict[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
