"""Why a run is not further: the one thing in the way, and what to do about it.

A chain of named looks at refusals and pods, the most telling first. Each answer names the object
and the next step, so that nobody has to read pods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from modelrun_api.reason import Reason
from modelrun_operator.core.snapshot import Pod, Snapshot

_IMAGE: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
    }
)
_CONFIG: Final = frozenset({"CreateContainerConfigError"})
_CRASH: Final = frozenset({"CrashLoopBackOff", "RunContainerError", "CreateContainerError"})
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_TLS_WORDS: Final = ("certificate", "tls", "ssl")


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that is in the way."""

    reason: Reason
    """The machine's word."""

    message: str
    """What it is, on which object, and what to do."""


def blocker(seen: Snapshot) -> Blocker | None:
    """Return what is in the way of the run's pods, or None."""
    # What ended, and what goes, is in nobody's way.
    pods = [pod for pod in seen.pods() if not pod.terminating and pod.phase not in _ENDED]
    for look in LOOKS:
        found = look(seen, pods)
        if found is not None:
            return found
    return None


def _refusal(seen: Snapshot, _pods: Iterable[Pod]) -> Blocker | None:
    if not seen.refusals:
        return None
    said = seen.refusals[0]
    if "exceeded quota" in said or "quota" in said.lower():
        return Blocker(
            Reason.QUOTA_EXCEEDED,
            f"a ResourceQuota refuses a pod: {said}. Ask for less (spec.cluster.nodes), wait for "
            "others to end, or ask the platform team for more",
        )
    if any(word in said for word in ("MountVolume", "AttachVolume", "attach or mount")):
        return Blocker(
            Reason.VOLUME_PENDING,
            f"a volume of a pod cannot be mounted: {said}. Create what is missing in the run's "
            "namespace, or check that the claim can be mounted on this node",
        )
    if "already exists" in said:
        return Blocker(
            Reason.NAME_TAKEN,
            f"an object that the run needs has a name that something else holds: {said}. Delete "
            "that, or give the run another name",
        )
    return Blocker(
        Reason.POD_REFUSED,
        f"the API server refuses an object of the run: {said}. Ask the platform team: the profile "
        "does not fit the rules of this namespace",
    )


def _image(_seen: Snapshot, pods: Iterable[Pod]) -> Blocker | None:
    for pod in pods:
        if pod.waiting in _IMAGE:
            return Blocker(
                Reason.IMAGE_PULL,
                f"{pod.role} pod {pod.ref.name} cannot get its image ({pod.waiting}): "
                f"{pod.waiting_message}. Check image and imagePullSecrets of the profile",
            )
    return None


def _config(_seen: Snapshot, pods: Iterable[Pod]) -> Blocker | None:
    for pod in pods:
        if pod.waiting in _CONFIG:
            return Blocker(
                Reason.CONFIG_MISSING,
                f"{pod.role} pod {pod.ref.name} cannot start: {pod.waiting_message}. Create what "
                "is missing in the run's namespace; the pod then starts by itself",
            )
    return None


def _crash(_seen: Snapshot, pods: Iterable[Pod]) -> Blocker | None:
    for pod in pods:
        if pod.last_exit == "OOMKilled" and not pod.ready:
            return Blocker(
                Reason.OUT_OF_MEMORY,
                f"{pod.role} pod {pod.ref.name} was ended by the kernel for memory; raise its "
                "memory limit in the profile, or take fewer workers for each node",
            )
        if pod.waiting in _CRASH:
            said = f"{pod.waiting_message} {pod.last_exit}".strip()
            tls = any(word in said.lower() for word in _TLS_WORDS)
            return Blocker(
                Reason.TLS_FAILED if tls else Reason.CRASH_LOOPING,
                f"{pod.role} pod {pod.ref.name} ends again and again ({pod.restarts} times): "
                f"{said}. Its log says why: kubectl logs {pod.ref.name} --previous",
            )
    return None


def _place(_seen: Snapshot, pods: Iterable[Pod]) -> Blocker | None:
    waiting = [pod for pod in pods if pod.unschedulable]
    if not waiting:
        return None
    first = waiting[0]
    count = f"{len(waiting)} pods wait" if len(waiting) > 1 else "a pod waits"
    volume = "persistentvolumeclaim" in first.unschedulable.lower()
    return Blocker(
        Reason.VOLUME_PENDING if volume else Reason.UNSCHEDULABLE,
        f"{count} for a node; {first.role} pod {first.ref.name}: {first.unschedulable}. "
        + (
            "Check that the claim exists and can be mounted there"
            if volume
            else "New nodes take 2 to 4 minutes where the node group may grow; else check the "
            "profile's nodeSelector and tolerations, and the group's limit"
        ),
    )


Look = Callable[[Snapshot, list[Pod]], Blocker | None]

LOOKS: Final[tuple[Look, ...]] = (
    # Nothing was made: quota, admission, Pod Security.
    _refusal,
    # A container cannot start: image, missing configuration.
    _image,
    _config,
    # A container starts and ends.
    _crash,
    # No node takes a pod.
    _place,
)
