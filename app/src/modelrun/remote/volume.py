"""Results on a volume: nothing outside the cluster can read them, but kubectl can copy them out.

The commands are printed for a person to run; a pod that mounts the claim has to exist for it.
"""

from __future__ import annotations

import json
from typing import Final

SCHEME: Final = "pvc://"
FOLDER: Final = "/results"


def is_on_volume(uri: str) -> bool:
    """Say whether results lie on a claim of the cluster."""
    return uri.startswith(SCHEME)


def how_to_copy(uri: str, *, run: str, namespace: str) -> str:
    """Return the message that says how results come from a volume to this machine.

    Args:
        uri: `pvc://CLAIM/FOLDER`, as status.results.uri has it.
        run: the run's name.
        namespace: the run's namespace.
    """
    claim, _, folder = uri.removeprefix(SCHEME).partition("/")
    pod = f"{run}-results"
    source = f"{FOLDER}/{folder}".rstrip("/")
    overrides = json.dumps(_pod(claim))
    kubectl = f"kubectl -n {namespace}"
    return (
        f"the results of {run} lie on the volume of the claim {claim}, which cannot be read from "
        "outside the cluster. A pod that mounts it lets kubectl copy them:\n"
        f"  {kubectl} run {pod} --image=busybox --restart=Never --overrides='{overrides}'\n"
        f"  {kubectl} wait --for=condition=Ready pod/{pod}\n"
        f"  {kubectl} cp {pod}:{source} results/{run}\n"
        f"  {kubectl} delete pod {pod}\n"
        f"and `modelrun results results/{run}` shows them"
    )


def _pod(claim: str) -> dict[str, object]:
    """Return what `kubectl run` needs beside the image; it passes Pod Security "restricted"."""
    return {
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "fsGroup": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [
                {"name": "results", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
            ],
            "containers": [
                {
                    "name": "copy",
                    "image": "busybox",
                    "command": ["sleep", "3600"],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "results", "mountPath": FOLDER, "readOnly": True}],
                }
            ],
        }
    }
