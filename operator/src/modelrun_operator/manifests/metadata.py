"""What every child carries: labels that find it, an owner that takes it along, annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelrun_api import identity
from modelrun_operator.run import Run

Manifest = dict[str, Any]

PROTECTED: Final[Mapping[str, str]] = {
    # A consolidation or a scale-down must not evict a pod that holds hours of work.
    "karpenter.sh/do-not-disrupt": "true",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
}


def run_labels(run: Run) -> dict[str, str]:
    """Return the labels that say whose a child is; selectors use them."""
    return {
        "app.kubernetes.io/managed-by": "modelrun",
        "app.kubernetes.io/part-of": "modelrun",
        identity.RUN_LABEL: run.name,
        identity.RUN_UID_LABEL: run.uid,
    }


def own_pods(run: Run) -> dict[str, Any]:
    """Return the selector of all pods of a run."""
    return {"matchLabels": {identity.RUN_UID_LABEL: run.uid}}


def owner_reference(run: Run) -> dict[str, Any]:
    """Return the reference by which a child goes when its run goes."""
    return {
        "apiVersion": identity.API_VERSION,
        "kind": identity.RUN_KIND,
        "name": run.name,
        "uid": run.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def object_metadata(
    run: Run,
    name: str,
    *,
    role: str | None = None,
    incarnation: int | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Return the metadata of a child.

    Args:
        run: whose child it is.
        name: its name, made by `names`.
        role: preflight, runner and the like, where pods of one role are selected by it.
        incarnation: the incarnation of the cluster that it belongs to.
        labels: the platform team's labels; ours win.
        annotations: the platform team's annotations.
    """
    ours = run_labels(run)
    if role is not None:
        ours[identity.ROLE_LABEL] = role
    if incarnation is not None:
        ours[identity.INCARNATION_LABEL] = str(incarnation)
    metadata: Manifest = {
        "name": name,
        "namespace": run.namespace,
        "labels": {**(labels or {}), **ours},
        "ownerReferences": [owner_reference(run)],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return metadata
