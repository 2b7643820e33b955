"""Whether a pod is ready, and if not, why: from its status alone, in the words of the diagnosis.

Some answers end the waiting at once, for waiting would not help: an image that cannot be had, a
claim that is not there. Others may pass: a node that has yet to grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelrun_api.reason import Reason

NO_IMAGE: Final = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
PULLING: Final = frozenset({"ErrImagePull", "RegistryUnavailable"})
"""Trouble with an image that the next try may not have."""

NO_START: Final = frozenset({"RunContainerError", "CreateContainerError", "StartError"})


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far a pod is."""

    ready: bool = False
    hopeless: bool = False
    """Whether waiting longer would not help."""

    reason: Reason | None = None
    """What is in the way, as a word; None where nothing is, or no word fits."""

    message: str = ""
    """What it waits for, on which object."""


def readiness(pod: Mapping[str, Any]) -> Readiness:
    """Return how far a pod with one container is.

    Args:
        pod: the pod as the API server has it.
    """
    status = pod.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    phase = status.get("phase")
    if phase in {"Failed", "Succeeded"}:
        return Readiness(hopeless=True, message=_ended(status))
    if (conditions.get("Ready") or {}).get("status") == "True":
        return Readiness(ready=True)
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        return _without_node(str(scheduled.get("message") or "no node takes it"))
    container: Mapping[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    waiting = (container.get("state") or {}).get("waiting") or {}
    word, said = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if word in NO_IMAGE | PULLING:
        message = f"it cannot get its image ({word}): {said or container.get('image')}"
        return Readiness(hopeless=word in NO_IMAGE, reason=Reason.IMAGE_PULL, message=message)
    if word == "CreateContainerConfigError":
        return Readiness(
            hopeless=True, reason=Reason.CONFIG_MISSING, message=f"it cannot start: {said}"
        )
    if word in NO_START:
        return Readiness(hopeless=True, message=f"its container does not start ({word}): {said}")
    if word == "ContainerCreating" or not word:
        return Readiness(message="its node mounts the volume and pulls the image")
    return Readiness(message=f"{word}: {said}")


def _without_node(said: str) -> Readiness:
    lowered = said.lower()
    if "persistentvolumeclaim" not in lowered:
        return Readiness(reason=Reason.UNSCHEDULABLE, message=f"no node takes it: {said}")
    return Readiness(
        hopeless="not found" in lowered or "being deleted" in lowered,
        reason=Reason.VOLUME_PENDING,
        message=f"the claim cannot be used: {said}",
    )


def _ended(status: Mapping[str, Any]) -> str:
    container: Mapping[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
    over = (container.get("state") or {}).get("terminated") or {}
    word = status.get("reason") or over.get("reason") or status.get("phase")
    said = status.get("message") or over.get("message") or ""
    code = f", exit code {over['exitCode']}" if over.get("exitCode") else ""
    return f"it ended ({word}{code}){f': {said}' if said else ''}"
