"""A folder of a claim in which results lie, and how kubectl copies it out by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from modelrun.remote.reader_pod import Likeness, reader_pod
from modelrun.remote.seen import Seen
from modelrun_api.environment import RESULTS_FOLDER

SCHEME: Final = "pvc://"


@dataclass(frozen=True, slots=True)
class Volume:
    """A folder of a claim."""

    claim: str
    folder: str
    """The folder, without slashes at its ends; empty for the whole volume."""

    @property
    def inside(self) -> str:
        """The folder as a pod sees it that mounts the claim."""
        return f"{RESULTS_FOLDER}/{self.folder}".rstrip("/")


def volume_of(uri: str) -> Volume | None:
    """Return the volume that an address names, `pvc://CLAIM/FOLDER`; None for other addresses."""
    if not uri.startswith(SCHEME):
        return None
    claim, _, folder = uri.removeprefix(SCHEME).partition("/")
    return Volume(claim, folder.strip("/"))


def by_hand(volume: Volume, run: Seen) -> str:
    """Return the message that says how kubectl copies results from a volume."""
    pod = f"{run.name}-results"
    like = Likeness(image="busybox")
    made: dict[str, Any] = reader_pod(pod, run, volume.claim, like)["spec"]
    container = {**made["containers"][0], "name": pod, "command": ["sleep", "3600"]}
    overrides = json.dumps({"spec": {**made, "containers": [container]}})
    kubectl = f"kubectl -n {run.namespace}"
    return (
        "By hand, any image with tar does:\n"
        f"  {kubectl} run {pod} --image=busybox --restart=Never --overrides='{overrides}'\n"
        f"  {kubectl} wait --for=condition=Ready pod/{pod}\n"
        f"  {kubectl} cp {pod}:{volume.inside} results/{run.name}\n"
        f"  {kubectl} delete pod {pod}\n"
        f"and `modelrun results results/{run.name}` shows them"
    )
