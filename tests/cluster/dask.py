"""The dask-kubernetes controller, unmodified, and what a DaskCluster with mutual TLS needs.

The chart, the CRDs and the program are those of the installed dask-kubernetes; only the image is
ours, and with it the command, which upstream's image has as its entry point.
"""

from __future__ import annotations

import base64
import datetime as dt
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster.definitions import define
from cluster.handle import RESTRICTED, RESTRICTED_POD, Cluster

NAMESPACE = "modelrun-test-dask"
TLS = "/etc/dask-tls"


def chart() -> Path:
    """Return the folder of the helm chart inside the installed dask-kubernetes."""
    found = importlib.util.find_spec("dask_kubernetes")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("dask-kubernetes is not installed (the extra `operator` has it)")
    inner = "operator/deployment/helm/dask-kubernetes-operator"
    return Path(found.origin).parent / inner


def install_controller(cluster: Cluster, image: str) -> None:
    """Install CRDs, rights and the controller; ready when this returns."""
    define(cluster.tools.kubectl, cluster.kubeconfig, chart() / "crds", limit=120)
    name, _, tag = image.rpartition(":")
    rendered = cluster.helm(
        "template", "dask", str(chart()), "--namespace", NAMESPACE,
        "--set", f"image.name={name},image.tag={tag}",
    )  # fmt: skip
    manifests = [m for m in yaml.safe_load_all(rendered) if m]
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            _run_from_our_image(manifest)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.apply(namespace)
    cluster.apply(*manifests, namespace=NAMESPACE)
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            name = manifest["metadata"]["name"]
            cluster.wait_for_rollout(f"deployment/{name}", NAMESPACE)


def remove_controller(cluster: Cluster) -> None:
    """Remove the controller and its rights; the CRDs stay, others may use them."""
    names = ("clusterrole", "clusterrolebinding")
    for kind in names:
        for thing in cluster.list(kind, selector="app.kubernetes.io/instance=dask"):
            cluster.kubectl("delete", kind, thing["metadata"]["name"], "--ignore-not-found")
    cluster.kubectl(
        "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s", limit=70
    )


def _run_from_our_image(deployment: dict[str, Any]) -> None:
    """Say in the Deployment what upstream's image has as its entry point."""
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    module = "dask_kubernetes.operator.controller"
    container["command"] = ["kopf", "run", "-m", module, "--standalone"]
    container["startupProbe"] = {
        "httpGet": {"path": "/healthz", "port": 8080},
        "periodSeconds": 1,
        "failureThreshold": 90,
    }
    pod["terminationGracePeriodSeconds"] = 2


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of one run, with its key only in memory."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("modelrun test authority")
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    def issue(self, role: str) -> tuple[bytes, bytes]:
        """Return certificate and key of a role, as PEM: scheduler and worker dial and serve."""
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if role != "client":
            uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
        certificate = (
            _builder(_name(f"dask-{role}"), self.certificate.subject, key)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return certificate.public_bytes(serialization.Encoding.PEM), secret

    def secret(self, name: str, *roles: str) -> dict[str, Any]:
        """Return a Secret with ``ca.crt`` and ``ROLE.crt``, ``ROLE.key`` of the given roles."""
        data = {"ca.crt": self.certificate.public_bytes(serialization.Encoding.PEM)}
        for role in roles:
            data[f"{role}.crt"], data[f"{role}.key"] = self.issue(role)
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        }


def tls_environment(role: str) -> list[dict[str, str]]:
    """Return the variables that make Dask use the pair of `role`, mounted at `TLS`."""
    prefix = "DASK_DISTRIBUTED__COMM"
    return [
        {"name": f"{prefix}__REQUIRE_ENCRYPTION", "value": "True"},
        {"name": f"{prefix}__TLS__CA_FILE", "value": f"{TLS}/ca.crt"},
        {"name": f"{prefix}__TLS__MIN_VERSION", "value": "1.3"},
        {"name": f"{prefix}__TLS__{role.upper()}__CERT", "value": f"{TLS}/tls.crt"},
        {"name": f"{prefix}__TLS__{role.upper()}__KEY", "value": f"{TLS}/tls.key"},
    ]


def tls_pod(role: str, image: str, secret: str, **container: Any) -> dict[str, Any]:
    """Return the PodSpec of one container with the pair of `role` and a scratch folder.

    Args:
        role: scheduler, worker or client.
        image: Image of the container.
        secret: Name of the Secret with the pairs.
        container: Further fields of the container; `env` is added to.
    """
    env = container.pop("env", [])
    items = [
        {"key": "ca.crt", "path": "ca.crt"},
        {"key": f"{role}.crt", "path": "tls.crt"},
        {"key": f"{role}.key", "path": "tls.key"},
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": RESTRICTED_POD,
        "containers": [
            {
                "name": role,
                "image": image,
                "securityContext": RESTRICTED,
                "env": [
                    *tls_environment(role),
                    {"name": "HOME", "value": "/scratch"},
                    {"name": "TMPDIR", "value": "/scratch"},
                    *env,
                ],
                "volumeMounts": [
                    {"name": "tls", "mountPath": TLS, "readOnly": True},
                    {"name": "scratch", "mountPath": "/scratch"},
                ],
                **container,
            }
        ],
        "volumes": [
            {"name": "tls", "secret": {"secretName": secret, "defaultMode": 288, "items": items}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }


def dask_cluster(
    name: str, namespace: str, image: str, secret: str, workers: int
) -> dict[str, Any]:
    """Return a DaskCluster with mutual TLS 1.3, its workers spread over the nodes."""
    address = f"tls://{name}-scheduler.{namespace}.svc:8786"
    scheduler = tls_pod(
        "scheduler",
        image,
        secret,
        args=[
            "dask",
            "scheduler",
            "--protocol",
            "tls",
            "--port",
            "8786",
            "--dashboard-address",
            ":8787",
            "--no-dashboard",
        ],
        env=[
            {
                "name": "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES",
                "value": json.dumps(["distributed.http.health"]),
            }
        ],
        ports=[
            {"name": "tcp-comm", "containerPort": 8786},
            {"name": "http-dashboard", "containerPort": 8787},
        ],
        readinessProbe={
            "httpGet": {"path": "/health", "port": "http-dashboard"},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
        },
    )
    worker = tls_pod(
        "worker",
        image,
        secret,
        args=[
            "dask",
            "worker",
            "--protocol",
            "tls",
            "--name",
            "$(DASK_WORKER_NAME)",
            "--nworkers",
            "1",
            "--nthreads",
            "1",
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
            "--memory-limit",
            "0",
            "--local-directory",
            "/scratch",
            "--death-timeout",
            "120",
        ],
        env=[
            {"name": "DASK_SCHEDULER_ADDRESS", "value": address},
            {"name": "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES", "value": "[]"},
        ],
    )
    labels = {"dask.org/workergroup-name": f"{name}-default"}
    worker["terminationGracePeriodSeconds"] = 5
    worker["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": labels},
        }
    ]
    return {
        "apiVersion": "kubernetes.dask.org/v1",
        "kind": "DaskCluster",
        "metadata": {"name": name},
        "spec": {
            "idleTimeout": 0,
            "scheduler": {
                "spec": scheduler,
                "service": {
                    "type": "ClusterIP",
                    "selector": {
                        "dask.org/cluster-name": name,
                        "dask.org/component": "scheduler",
                    },
                    "ports": [
                        {
                            "name": "tcp-comm",
                            "protocol": "TCP",
                            "port": 8786,
                            "targetPort": "tcp-comm",
                        },
                        {
                            "name": "http-dashboard",
                            "protocol": "TCP",
                            "port": 8787,
                            "targetPort": "http-dashboard",
                        },
                    ],
                },
            },
            "worker": {"replicas": workers, "spec": worker},
        },
    }


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=2))
    )
