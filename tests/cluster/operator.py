"""The operator of modelrun in the test cluster, with exactly the rights that its own table names.

The chart is tested elsewhere; here a right that the table lacks makes tests fail.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.dask import NAMESPACE as DASK_NAMESPACE
from cluster.definitions import define
from cluster.handle import RESTRICTED, RESTRICTED_POD, Cluster

NAMESPACE = "modelrun-test-operator"
DEPLOYMENT = "operator"

QUICK = {
    "RESYNC_SECONDS": "10",
    "HEAL_AFTER_SECONDS": "15",
    "RETRY_BASE_SECONDS": "2",
    "PROGRESS_SECONDS": "2",
}
"""Settings that keep tests short."""


def install_operator(cluster: Cluster, image: str) -> None:
    """Install definitions, rights and the operator; ready when this returns."""
    define(cluster.tools.kubectl, cluster.kubeconfig)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": labels},
        }
    )
    cluster.apply(*rights(), deployment(image))
    cluster.wait_for_rollout(f"deployment/{DEPLOYMENT}", NAMESPACE)


def remove_operator(cluster: Cluster, log: Path) -> None:
    """Keep the operator's log and end it: nobody acts any more when this returns.

    The definitions stay.
    """
    keep_log(cluster, log)
    for kind in ("clusterrolebinding", "clusterrole"):
        cluster.kubectl("delete", kind, NAMESPACE, "--ignore-not-found")
    cluster.kubectl(
        "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s", limit=70
    )


def keep_log(cluster: Cluster, log: Path) -> None:
    """Write what the operator's pod has logged, every container of it, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    told = cluster.kubectl(
        "logs", f"deployment/{DEPLOYMENT}", "--all-containers", "--prefix", "--timestamps",
        "--tail=-1", namespace=NAMESPACE, check=False,
    )  # fmt: skip
    log.write_text(told)


def restart_operator(cluster: Cluster) -> None:
    """End the operator without warning; its Deployment starts another at once."""
    cluster.kubectl(
        "delete", "pods", "--selector=app=operator", "--grace-period=0", "--force",
        namespace=NAMESPACE,
    )  # fmt: skip


def rights() -> list[dict[str, Any]]:
    """Return service account, cluster role and binding, from the operator's own table."""
    from modelrun_operator.kube import resources

    rules = [
        {"apiGroups": [group], "resources": [plural], "verbs": sorted(verbs)}
        for namespaced in (True, False)
        for (group, plural), verbs in resources.rights(namespaced=namespaced).items()
    ]
    group = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "operator", "namespace": NAMESPACE},
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": NAMESPACE},
            "rules": rules,
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAMESPACE},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": NAMESPACE},
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": NAMESPACE}],
        },
    ]


def deployment(image: str) -> dict[str, Any]:
    """Return the operator's Deployment."""
    labels = {"app": "operator"}
    settings = {
        **QUICK,
        "OPERATOR_NAMESPACE": NAMESPACE,
        "DASK_CONTROLLER_NAMESPACE": DASK_NAMESPACE,
    }
    env = [{"name": f"MODELRUN_OPERATOR_{k}", "value": v} for k, v in settings.items()]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": "operator",
                    "terminationGracePeriodSeconds": 5,
                    "securityContext": RESTRICTED_POD,
                    "containers": [
                        {
                            "name": "operator",
                            "image": image,
                            "args": ["modelrun-operator", "run", "--log-format", "text"],
                            "env": [*env, {"name": "HOME", "value": "/tmp"}],
                            "ports": [{"containerPort": 8080}, {"containerPort": 9090}],
                            "readinessProbe": {
                                "httpGet": {"path": "/readyz", "port": 8080},
                                "periodSeconds": 1,
                                "timeoutSeconds": 5,
                            },
                            "livenessProbe": {
                                "httpGet": {"path": "/healthz", "port": 8080},
                                "periodSeconds": 10,
                                "timeoutSeconds": 10,
                                "failureThreshold": 6,
                            },
                            "resources": {
                                "requests": {"cpu": "50m", "memory": "128Mi"},
                                "limits": {"memory": "512Mi"},
                            },
                            "securityContext": RESTRICTED,
                            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                        }
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    }
