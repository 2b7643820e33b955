"""The small pod that reads results from a volume: what it is made of, and nothing of its life.

It runs the image of the run's other pods, for that one is on the nodes and has Python. It mounts
the claim read-only, passes Pod Security "restricted", has no token of Kubernetes, and ends by
itself when nobody reads through it: a command that is killed leaves nothing that costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelrun.remote.seen import Seen
from modelrun_api.environment import RESULTS_FOLDER
from modelrun_api.identity import API_VERSION, RUN_KIND, RUN_LABEL

CONTAINER: Final = "reader"
COMPONENT: Final = "results-reader"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"

USER: Final = 10001
"""The user and group of the operator's pods, unless the run's pods say another: what they wrote,
they can read."""

IDLE_SECONDS: Final = 120
MOST_SECONDS: Final = 4 * 3600
"""As long as a kubelet keeps a silent stream."""

IDLING: Final = f"""\
import os, time
idle = 0
while idle < {IDLE_SECONDS}:
    time.sleep(1)
    others = {{name for name in os.listdir("/proc") if name.isdigit()}} - {{str(os.getpid())}}
    idle = 0 if others else idle + 1
"""
"""The pod's own program: it waits until nobody has run another one beside it for two minutes."""

PLACEMENT: Final = (
    "nodeSelector", "tolerations", "affinity", "priorityClassName", "runtimeClassName",
    "imagePullSecrets",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the pod has in common with the run's other pods."""

    image: str
    """The image, which has Python."""

    pull_policy: str | None = None
    """When nodes pull it."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    """Where it may run, in the words of a pod's spec."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that the profile gives to pods, such as a queue's name."""

    annotations: Mapping[str, str] = field(default_factory=dict)

    user: int | None = USER
    """The user who wrote the results; None leaves the choice to the cluster."""

    group: int | None = USER


def of_profile(document: Mapping[str, Any]) -> Likeness:
    """Return the likeness that a ModelRunProfile gives: that of its control pods."""
    spec = document["spec"]
    control = spec.get("control") or {}
    placed = {name: control.get(name) for name in PLACEMENT}
    placed["imagePullSecrets"] = spec.get("imagePullSecrets")
    return Likeness(
        image=spec["image"],
        pull_policy=spec.get("imagePullPolicy"),
        spec={name: value for name, value in placed.items() if value},
        labels=control.get("labels") or {},
        annotations=control.get("annotations") or {},
    )


def of_pod(document: Mapping[str, Any]) -> Likeness:
    """Return the likeness of a pod of the run."""
    spec = document["spec"]
    container = spec["containers"][0]
    security = spec.get("securityContext") or {}
    return Likeness(
        image=container["image"],
        pull_policy=container.get("imagePullPolicy"),
        spec={name: spec[name] for name in PLACEMENT if spec.get(name)},
        user=security.get("runAsUser"),
        group=security.get("runAsGroup"),
    )


def reader_pod(name: str, run: Seen, claim: str, like: Likeness) -> dict[str, Any]:
    """Return the pod.

    It has no label that tells the run's uid: the operator counts what has one among the things
    that the run holds.

    Args:
        name: the pod's name.
        run: the run, which owns it: what is left of it goes with the run.
        claim: the PersistentVolumeClaim with the results.
        like: what it has in common with the run's other pods.
    """
    security: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if like.user is not None:
        security["runAsUser"] = like.user
    if like.group is not None:
        security["runAsGroup"] = like.group
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": like.image,
        "command": ["python", "-c", IDLING],
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"memory": "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "results", "mountPath": RESULTS_FOLDER, "readOnly": True}],
    }
    if like.pull_policy is not None:
        container["imagePullPolicy"] = like.pull_policy
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "annotations": dict(like.annotations),
            "labels": {
                **like.labels,
                "app.kubernetes.io/managed-by": "modelrun",
                "app.kubernetes.io/part-of": "modelrun",
                COMPONENT_LABEL: COMPONENT,
                RUN_LABEL: run.name,
            },
            "ownerReferences": [
                {"apiVersion": API_VERSION, "kind": RUN_KIND, "name": run.name, "uid": run.uid}
            ],
        },
        "spec": {
            **like.spec,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": MOST_SECONDS,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": security,
            "containers": [container],
            "volumes": [{"name": "results", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }
