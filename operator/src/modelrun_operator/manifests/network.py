"""NetworkPolicies of a run: its pods talk to each other, and little else talks to them.

Where the network plugin enforces them they keep strangers from even trying; the wall is TLS, which
holds everywhere. The node's own probes are exempt by the rules of Kubernetes.
"""

from __future__ import annotations

from typing import Any, Final

from modelrun_api.environment import PROGRESS_PORT
from modelrun_api.identity import ROLE_LABEL, RUN_UID_LABEL
from modelrun_operator.manifests.dask_cluster import NANNY_PORTS, WORKER_PORTS
from modelrun_operator.manifests.metadata import Manifest, object_metadata, own_pods
from modelrun_operator.manifests.sizing import Size
from modelrun_operator.names import HEALTH_PORT, SCHEDULER_PORT
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

POLICY_ROLES: Final = ("scheduler", "workers", "jobs")
METADATA_SERVICE: Final = "169.254.169.254/32"
"""Where clouds hand out the node's credentials: no pod of a run may have those."""


def network_policies(run: Run, settings: Settings, *, size: Size) -> tuple[Manifest, ...]:
    """Return the policies of scheduler, workers and Jobs."""
    mine = [{"podSelector": own_pods(run)}]
    controller = [_namespace(settings.controller_namespace)]
    operator = [_namespace(settings.operator_namespace)]
    last = max(size.workers_per_node, 2) - 1
    scheduler = [
        {"from": mine, "ports": [_port(SCHEDULER_PORT)]},
        # To the TLS port too: the controller has no certificate and is turned away there at once,
        # where a packet that is dropped would hold up each scale-down for half a minute.
        {"from": controller, "ports": [_port(HEALTH_PORT), _port(SCHEDULER_PORT)]},
    ]
    workers = [
        {
            "from": mine,
            "ports": [
                _port(WORKER_PORTS, WORKER_PORTS + last),
                _port(NANNY_PORTS, NANNY_PORTS + last),
            ],
        }
    ]
    jobs = [{"from": operator, "ports": [_port(PROGRESS_PORT)]}]
    return (
        _policy(run, "scheduler", {"dask.org/component": "scheduler"}, scheduler),
        _policy(run, "workers", {"dask.org/component": "worker"}, workers),
        _policy(run, "jobs", None, jobs),
    )


def _policy(
    run: Run, role: str, component: dict[str, str] | None, ingress: list[dict[str, Any]]
) -> Manifest:
    selector: dict[str, Any] = {"matchLabels": {RUN_UID_LABEL: run.uid, **(component or {})}}
    if component is None:
        selector["matchExpressions"] = [{"key": ROLE_LABEL, "operator": "Exists"}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": object_metadata(run, run.names.policy(role)),
        "spec": {
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            # Storage may be anywhere, so everything is open but the node's own credentials.
            "egress": [
                # Some network plugins do not count pods among addresses.
                {"to": [{"namespaceSelector": {}}]},
                {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [METADATA_SERVICE]}}]},
                {"to": [{"ipBlock": {"cidr": "::/0"}}]},
            ],
        },
    }


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _port(first: int, last: int | None = None) -> dict[str, Any]:
    port: dict[str, Any] = {"protocol": "TCP", "port": first}
    if last is not None:
        port["endPort"] = last
    return port
