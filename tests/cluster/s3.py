"""An S3 service inside the cluster: moto's server in a pod, everything in its memory."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import wait_until
from cluster.errors import ClusterError
from cluster.handle import RESTRICTED, RESTRICTED_POD, Cluster

NAMESPACE = "modelrun-test-s3"
ENDPOINT = f"http://s3.{NAMESPACE}.svc:5000"


@dataclass(frozen=True, slots=True)
class S3:
    """A running S3 service.

    Attributes:
        endpoint: Its URL for pods.
        local_endpoint: Its URL for the test itself.
    """

    endpoint: str
    local_endpoint: str

    @property
    def credentials(self) -> dict[str, str]:
        """Environment variables for a pod that uses the service (any key pair is accepted)."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    @property
    def storage_options(self) -> dict[str, object]:
        """Keywords for fsspec's s3 file system in the test itself."""
        return {
            "key": "test",
            "secret": "test",
            "endpoint_url": self.local_endpoint,
            "client_kwargs": {"region_name": "us-east-1"},
        }


def deploy(cluster: Cluster, image: str) -> None:
    """Start the service, or leave it as it is; ready when this returns."""
    labels = {"app": "s3"}
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": restricted},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "s3", "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "terminationGracePeriodSeconds": 1,
                        "securityContext": RESTRICTED_POD,
                        "containers": [
                            {
                                "name": "s3",
                                "image": image,
                                "ports": [{"containerPort": 5000}],
                                "readinessProbe": {
                                    "httpGet": {"path": "/moto-api/", "port": 5000},
                                    "periodSeconds": 1,
                                },
                                "securityContext": RESTRICTED,
                                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                            }
                        ],
                        "volumes": [{"name": "tmp", "emptyDir": {}}],
                    },
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s3", "namespace": NAMESPACE},
            "spec": {"selector": labels, "ports": [{"port": 5000}]},
        },
    )
    cluster.wait_for_rollout("deployment/s3", NAMESPACE)


@contextlib.contextmanager
def forwarded(cluster: Cluster, what: str, port: int, namespace: str, log: Path) -> Iterator[int]:
    """Forward a free local port to ``svc/NAME`` or ``pod/NAME``; gives that port."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        forward = subprocess.Popen(
            [
                str(cluster.tools.kubectl),
                "--kubeconfig",
                str(cluster.kubeconfig),
                "--namespace",
                namespace,
                "port-forward",
                what,
                f":{port}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:

        def guard() -> None:
            if forward.poll() is not None:
                raise ClusterError(f"port-forward to {what} ended:\n{log.read_text()}")

        found = wait_until(
            f"port-forward to {what}",
            lambda: re.search(r"127\.0\.0\.1:(\d+) ->", log.read_text()),
            limit=30,
            guard=guard,
        )
        assert found is not None
        yield int(found[1])
    finally:
        forward.terminate()
        forward.wait(timeout=20)
