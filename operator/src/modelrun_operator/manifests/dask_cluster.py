"""The DaskCluster of one incarnation, for the unmodified Dask controller.

Three facts shape it. The controller puts a plain `tcp://` address into workers unless the variable
is already there, so ours stands there. It retires workers over plain HTTP if the scheduler offers
that, and then takes processes for pods; only the health route is open, so it removes whole pods.
It looks the Service's ports up by name. Only the pod specs are ours: pods carry the labels of the
DaskCluster itself.
"""

from __future__ import annotations

from typing import Any, Final

from modelrun_api.environment import SCRATCH_FOLDER
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_operator.manifests import pods
from modelrun_operator.manifests.locations import results_claim
from modelrun_operator.manifests.metadata import PROTECTED, Manifest, object_metadata
from modelrun_operator.manifests.sizing import Size
from modelrun_operator.manifests.surroundings import (
    HOME,
    MANY_WORKERS,
    ONE_THREAD,
    QUIET,
    tls,
    variables,
)
from modelrun_operator.names import HEALTH_PORT, SCHEDULER_PORT
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

WORKER_PORTS: Final = 10_000
"""The first port of worker processes; each has one, in order."""

NANNY_PORTS: Final = 11_000
"""The first port of the nannies."""

WORKER_PATIENCE_SECONDS: Final = 300
"""How long a worker waits for its scheduler before it ends."""


def dask_cluster(
    run: Run,
    profile: ModelRunProfileSpec,
    settings: Settings,
    *,
    incarnation: int,
    size: Size,
) -> Manifest:
    """Return the DaskCluster: one scheduler, and one fat worker pod for each node."""
    name = run.names.cluster(incarnation)
    return {
        "apiVersion": "kubernetes.dask.org/v1",
        "kind": "DaskCluster",
        "metadata": object_metadata(
            run,
            name,
            incarnation=incarnation,
            # They reach the pods of both kinds: the definition has no metadata of its own for them.
            labels={**profile.control.labels, **profile.worker.labels},
            annotations={
                **profile.control.annotations,
                **profile.worker.annotations,
                **PROTECTED,
            },
        ),
        "spec": {
            # The controller cannot ask a TLS scheduler whether it is idle; we own the lifetime.
            "idleTimeout": 0,
            "scheduler": {
                "spec": _scheduler(run, profile, settings, incarnation=incarnation),
                "service": _service(name),
            },
            "worker": {
                "replicas": size.nodes,
                "spec": _worker(run, profile, settings, incarnation=incarnation, size=size),
            },
        },
    }


def _service(cluster: str) -> Manifest:
    return {
        "type": "ClusterIP",
        "selector": {"dask.org/cluster-name": cluster, "dask.org/component": "scheduler"},
        "ports": [
            {
                "name": "tcp-comm",
                "protocol": "TCP",
                "port": SCHEDULER_PORT,
                "targetPort": "tcp-comm",
            },
            {
                "name": "http-dashboard",
                "protocol": "TCP",
                "port": HEALTH_PORT,
                "targetPort": "http-dashboard",
            },
        ],
    }


def _scheduler(
    run: Run, profile: ModelRunProfileSpec, settings: Settings, *, incarnation: int
) -> Manifest:
    assert run.spec is not None
    shape = profile.control
    secret, secret_mount = pods.tls_files(run.names.tls(incarnation), "scheduler")
    disk, disk_mount = pods.scratch(shape)
    code = pods.code(run.spec, profile, shape)
    made = pods.container(
        "scheduler",
        profile,
        shape,
        args=[
            "dask",
            "scheduler",
            "--protocol",
            "tls",
            "--port",
            str(SCHEDULER_PORT),
            "--dashboard-address",
            f":{HEALTH_PORT}",
            "--no-dashboard",
        ],
        env=variables(
            HOME,
            ONE_THREAD,
            QUIET,
            MANY_WORKERS,
            tls("scheduler"),
            {"DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": '["distributed.http.health"]'},
        ),
        mounts=[secret_mount, disk_mount, *code.mounts],
    )
    health: dict[str, Any] = {"path": "/health", "port": "http-dashboard"}
    made |= {
        "ports": [
            {"name": "tcp-comm", "containerPort": SCHEDULER_PORT},
            {"name": "http-dashboard", "containerPort": HEALTH_PORT},
        ],
        "readinessProbe": {"httpGet": health, "periodSeconds": 2, "timeoutSeconds": 5},
        "livenessProbe": {
            "httpGet": health,
            "initialDelaySeconds": 60,
            "periodSeconds": 20,
            "timeoutSeconds": 15,
            "failureThreshold": 6,
        },
    }
    return pods.pod_spec(
        profile, shape, settings, containers=[made], volumes=[secret, disk], code=code
    )


def _worker(
    run: Run,
    profile: ModelRunProfileSpec,
    settings: Settings,
    *,
    incarnation: int,
    size: Size,
) -> Manifest:
    assert run.spec is not None
    shape = profile.worker
    names = run.names
    secret, secret_mount = pods.tls_files(names.tls(incarnation), "worker")
    disk, disk_mount = pods.scratch(shape)
    code = pods.code(run.spec, profile, shape)
    # A program's tasks read and write for themselves; fits get their rows from the runner.
    files, file_mounts = (
        pods.files(run.spec, results_claim(run, profile))
        if run.spec.program is not None
        else ([], [])
    )
    made = pods.container(
        "worker",
        profile,
        shape,
        args=_worker_arguments(size.workers_per_node),
        env=variables(
            HOME,
            ONE_THREAD,
            QUIET,
            MANY_WORKERS,
            tls("worker"),
            {
                "DASK_SCHEDULER_ADDRESS": names.scheduler_address(incarnation),
                "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
            },
        ),
        mounts=[secret_mount, disk_mount, *code.mounts, *file_mounts],
        secret=run.spec.data.credentials_secret_name if run.spec.data is not None else None,
    )
    spec = pods.pod_spec(
        profile, shape, settings, containers=[made], volumes=[secret, disk, *files], code=code
    )
    spec["affinity"] = _apart(spec.get("affinity", {}), names.worker_group(incarnation))
    return spec


def _worker_arguments(workers: int) -> list[str]:
    return [
        "dask",
        "worker",
        "--protocol",
        "tls",
        "--name",
        "$(DASK_WORKER_NAME)",
        "--nworkers",
        str(workers),
        "--nthreads",
        "1",
        "--no-dashboard",
        "--dashboard-address",
        "127.0.0.1:0",
        "--worker-port",
        _ports(WORKER_PORTS, workers),
        "--nanny-port",
        _ports(NANNY_PORTS, workers),
        # Dask's own limit counts the mapped panel and pauses workers for ever; the runner's
        # plugin judges anonymous memory instead.
        "--memory-limit",
        "0",
        "--local-directory",
        SCRATCH_FOLDER,
        "--death-timeout",
        str(WORKER_PATIENCE_SECONDS),
    ]


def _ports(first: int, workers: int) -> str:
    # Dask reads "a:b" as a range of at least two.
    return f"{first}:{first + max(workers, 2) - 1}"


def _apart(affinity: dict[str, Any], group: str) -> dict[str, Any]:
    """Return an affinity that also keeps worker pods on different nodes."""
    rule = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"dask.org/workergroup-name": group}},
    }
    anti = dict(affinity.get("podAntiAffinity", {}))
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    anti[key] = [*anti.get(key, []), rule]
    return {**affinity, "podAntiAffinity": anti}
