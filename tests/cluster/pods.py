"""Pods that run a little Python program from our image, as tests need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster.handle import RESTRICTED, RESTRICTED_POD


def python_pod(
    name: str,
    image: str,
    program: str,
    *,
    node: str | None = None,
    env: Mapping[str, str] | None = None,
    claims: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    ports: Sequence[int] = (),
    container: Mapping[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Return a pod that runs `program` once, under the rules of Pod Security "restricted".

    Args:
        name: Name of the pod.
        image: Image of its container.
        program: Source text.
        node: Name of the node it must run on.
        env: Environment variables.
        claims: Mount path to the name of a PersistentVolumeClaim.
        labels: Labels of the pod.
        ports: Container ports.
        container: Further fields of the container.
        spec: Further fields of the PodSpec.
    """
    volumes: list[dict[str, Any]] = [{"name": "scratch", "emptyDir": {}}]
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    for number, (path, claim) in enumerate((claims or {}).items()):
        source = {"claimName": claim}
        volumes.append({"name": f"claim-{number}", "persistentVolumeClaim": source})
        mounts.append({"name": f"claim-{number}", "mountPath": path})
    if node is not None:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    variables = {"TMPDIR": "/scratch", **(env or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": RESTRICTED_POD,
            "containers": [
                {
                    "name": "program",
                    "image": image,
                    "command": ["python", "-c", program],
                    "env": [{"name": k, "value": v} for k, v in variables.items()],
                    "ports": [{"containerPort": port} for port in ports],
                    "securityContext": RESTRICTED,
                    "volumeMounts": mounts,
                    **(container or {}),
                }
            ],
            "volumes": volumes,
            **spec,
        },
    }
