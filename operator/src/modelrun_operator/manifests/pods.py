"""What all pods of a run share: security, files, placement.

Every pod passes Pod Security "restricted": no root, no capabilities, a read-only root file system,
no token of Kubernetes. Certificates are mounted by role, so a pod holds no key but its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from modelrun_api import environment
from modelrun_api.profile import ModelRunProfileSpec, PodShape
from modelrun_api.spec import ModelRunSpec
from modelrun_operator.manifests.locations import Claim
from modelrun_operator.manifests.metadata import Manifest
from modelrun_operator.manifests.surroundings import HOME, ONE_THREAD, Role, variables
from modelrun_operator.settings import Settings

TERMINATION_SECONDS: Final = 60

CODE_SOURCE: Final = "/code-source"
"""Where the ConfigMap with the user's modules is mounted for unpacking."""


@dataclass(frozen=True, slots=True)
class Code:
    """How the user's modules come into a pod; all empty where there are none."""

    init: tuple[Manifest, ...] = ()
    """The container that unpacks them before the others start."""

    volumes: tuple[Manifest, ...] = ()
    """Where they come from and where they go."""

    mounts: tuple[Manifest, ...] = ()
    """Where the working container finds them."""


def pod_security(settings: Settings) -> Manifest:
    """Return the security context of a pod."""
    context: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if settings.run_as_user:
        context["runAsUser"] = settings.run_as_user
    if settings.run_as_group:
        context["runAsGroup"] = settings.run_as_group
        # Keys are mounted with mode 0440: the group is what may read them.
        context["fsGroup"] = settings.run_as_group
        context["fsGroupChangePolicy"] = "OnRootMismatch"
    return context


def container_security() -> Manifest:
    """Return the security context of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def pod_spec(
    profile: ModelRunProfileSpec,
    shape: PodShape,
    settings: Settings,
    *,
    containers: list[Manifest],
    volumes: list[Manifest],
    code: Code,
) -> Manifest:
    """Return a pod spec with the placement of a shape, our security and the user's modules."""
    spec: Manifest = {
        "automountServiceAccountToken": False,
        # Hundreds of Services in a namespace would otherwise become variables of every pod.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_SECONDS,
        "securityContext": pod_security(settings),
        "containers": containers,
        "volumes": [*volumes, *code.volumes],
    }
    if code.init:
        spec["initContainers"] = list(code.init)
    if profile.service_account_name is not None:
        spec["serviceAccountName"] = profile.service_account_name
    if profile.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": one.name} for one in profile.image_pull_secrets]
    if shape.node_selector:
        spec["nodeSelector"] = dict(shape.node_selector)
    if shape.tolerations:
        spec["tolerations"] = [one.document() for one in shape.tolerations]
    if shape.affinity:
        spec["affinity"] = dict(shape.affinity)
    if shape.priority_class_name is not None:
        spec["priorityClassName"] = shape.priority_class_name
    if shape.runtime_class_name is not None:
        spec["runtimeClassName"] = shape.runtime_class_name
    return spec


def container(
    name: str,
    profile: ModelRunProfileSpec,
    shape: PodShape,
    *,
    args: list[str],
    env: list[Manifest],
    mounts: list[Manifest],
    secret: str | None = None,
) -> Manifest:
    """Return a container of the run's image.

    Args:
        name: the container's name.
        profile: brings the image.
        shape: brings the resources.
        args: the whole command; the image has no entry point of its own.
        env: the variables.
        mounts: the volume mounts.
        secret: a Secret whose keys become variables too.
    """
    made: Manifest = {
        "name": name,
        "image": profile.image,
        "args": args,
        "env": env,
        "securityContext": container_security(),
        "volumeMounts": mounts,
        "terminationMessagePolicy": "File",
    }
    if profile.image_pull_policy is not None:
        made["imagePullPolicy"] = profile.image_pull_policy
    if secret is not None:
        made["envFrom"] = [{"secretRef": {"name": secret}}]
    if resources := _resources(shape):
        made["resources"] = resources
    return made


def _resources(shape: PodShape) -> Manifest:
    # The Dask controller's definition takes quantities as text only.
    return {
        name: {key: str(value) for key, value in values.items()}
        for name, values in (
            ("requests", shape.resources.requests),
            ("limits", shape.resources.limits),
        )
        if values
    }


def scratch(shape: PodShape) -> tuple[Manifest, Manifest]:
    """Return the volume and the mount of the scratch folder."""
    mount = {"name": "scratch", "mountPath": environment.SCRATCH_FOLDER}
    size = shape.scratch.size
    if shape.scratch.storage_class_name is not None:
        claim = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": shape.scratch.storage_class_name,
            "resources": {"requests": {"storage": size}},
        }
        return {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}}, mount
    disk: Manifest = {"sizeLimit": size}
    if shape.scratch.medium is not None:
        disk["medium"] = shape.scratch.medium
    return {"name": "scratch", "emptyDir": disk}, mount


def tls_files(secret: str, role: Role) -> tuple[Manifest, Manifest]:
    """Return the volume and the mount of one role's certificates."""
    items = [
        {"key": "ca.crt", "path": "ca.crt"},
        {"key": f"{role}.crt", "path": "tls.crt"},
        {"key": f"{role}.key", "path": "tls.key"},
    ]
    volume = {
        "name": "tls",
        "secret": {"secretName": secret, "defaultMode": 0o440, "items": items},
    }
    return volume, {"name": "tls", "mountPath": environment.TLS_FOLDER, "readOnly": True}


def code(spec: ModelRunSpec, profile: ModelRunProfileSpec, shape: PodShape) -> Code:
    """Return how the user's modules come into a pod, which every pod needs."""
    if spec.code is None:
        return Code()
    volumes: list[Manifest] = [{"name": "code", "emptyDir": {"sizeLimit": "1Gi"}}]
    mounts: list[Manifest] = [{"name": "code", "mountPath": environment.CODE_FOLDER}]
    source = spec.code.uri
    if spec.code.config_map_name is not None:
        source = CODE_SOURCE
        volumes.append({"name": "code-source", "configMap": {"name": spec.code.config_map_name}})
        mounts.append({"name": "code-source", "mountPath": CODE_SOURCE, "readOnly": True})
    assert source is not None
    scratch_mount = {"name": "scratch", "mountPath": environment.SCRATCH_FOLDER}
    init = container(
        "code",
        profile,
        shape,
        args=["python", "-m", "modelrun.unpack", source, environment.CODE_FOLDER],
        env=variables(HOME, ONE_THREAD),
        mounts=[*mounts, scratch_mount],
        secret=spec.data.credentials_secret_name if spec.data is not None else None,
    )
    read = {"name": "code", "mountPath": environment.CODE_FOLDER, "readOnly": True}
    return Code(init=(init,), volumes=tuple(volumes), mounts=(read,))


def files(spec: ModelRunSpec, results: Claim | None) -> tuple[list[Manifest], list[Manifest]]:
    """Return volumes and mounts of data and results on claims, for pods that read and write."""
    volumes: list[Manifest] = []
    mounts: list[Manifest] = []
    if spec.data is not None and spec.data.volume is not None:
        claim: dict[str, Any] = {"claimName": spec.data.volume.claim_name}
        volumes.append({"name": "data", "persistentVolumeClaim": claim})
        mounts.append({"name": "data", "mountPath": environment.DATA_FOLDER, "readOnly": True})
    if results is not None:
        claim = {"claimName": results.name}
        volumes.append({"name": "results", "persistentVolumeClaim": claim})
        mounts.append({"name": "results", "mountPath": environment.RESULTS_FOLDER})
    return volumes, mounts
