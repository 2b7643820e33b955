"""The Jobs of a run: the preflight before any node is paid for, and one runner for each attempt.

Both read the run's document from a mounted file and leave their outcome as termination message;
neither has rights in Kubernetes. Retries of the runner are ours, so that finished work, a healthy
cluster and the reason of the failure decide; the preflight's are the Job controller's.
"""

from __future__ import annotations

from typing import Final

from modelrun_api import environment
from modelrun_api.profile import ModelRunProfileSpec
from modelrun_operator.manifests import pods
from modelrun_operator.manifests.locations import results_address, results_claim
from modelrun_operator.manifests.metadata import PROTECTED, Manifest, object_metadata
from modelrun_operator.manifests.sizing import Size
from modelrun_operator.manifests.surroundings import (
    HOME,
    MANY_WORKERS,
    ONE_THREAD,
    tls,
    variables,
)
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

OUTCOME_FILE: Final = "/dev/termination-log"
INFRASTRUCTURE: Final = 75
PREFLIGHT_TRIES: Final = 3
PREFLIGHT_SECONDS: Final = 1800


def preflight_job(run: Run, profile: ModelRunProfileSpec, settings: Settings) -> Manifest:
    """Return the Job that checks the file against the data."""
    args = ["modelrun", "preflight", environment.RUN_FILE, "--output", "json"]
    pod = _pod(run, profile, settings, role="preflight", args=args, extra={}, secret=None)
    job = _job(run, profile, run.names.preflight, role="preflight", pod=pod)
    job["spec"] |= {
        "backoffLimit": PREFLIGHT_TRIES,
        "activeDeadlineSeconds": PREFLIGHT_SECONDS,
        # Only trouble of the infrastructure is worth another try.
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": "preflight",
                        "operator": "NotIn",
                        "values": [0, INFRASTRUCTURE],
                    },
                },
            ]
        },
    }
    return job


def runner_job(
    run: Run,
    profile: ModelRunProfileSpec,
    settings: Settings,
    *,
    attempt: int,
    incarnation: int,
    size: Size,
) -> Manifest:
    """Return the Job of one attempt: `modelrun run` against the cluster of an incarnation."""
    assert run.spec is not None
    args = [
        "modelrun",
        "run",
        environment.RUN_FILE,
        "--backend",
        "dask",
        "--serve-progress",
        str(environment.PROGRESS_PORT),
    ]
    extra = {
        **tls("client"),
        "DASK_SCHEDULER_ADDRESS": run.names.scheduler_address(incarnation),
        environment.WORKERS_VARIABLE: str(size.workers),
        environment.MINIMUM_WORKERS_VARIABLE: str(size.minimum),
        environment.STARTUP_SECONDS_VARIABLE: str(run.spec.startup_deadline_seconds),
    }
    if size.memory_per_worker is not None:
        extra[environment.WORKER_MEMORY_VARIABLE] = str(size.memory_per_worker)
    pod = _pod(
        run,
        profile,
        settings,
        role="runner",
        args=args,
        extra=extra,
        secret=run.names.tls(incarnation),
    )
    pod["containers"][0]["ports"] = [
        {"name": "progress", "containerPort": environment.PROGRESS_PORT}
    ]
    job = _job(
        run, profile, run.names.runner(attempt), role="runner", pod=pod, incarnation=incarnation
    )
    job["spec"] |= {"backoffLimit": 0}
    return job


def _pod(
    run: Run,
    profile: ModelRunProfileSpec,
    settings: Settings,
    *,
    role: str,
    args: list[str],
    extra: dict[str, str],
    secret: str | None,
) -> Manifest:
    assert run.spec is not None
    shape = profile.control
    disk, disk_mount = pods.scratch(shape)
    code = pods.code(run.spec, profile, shape)
    files, file_mounts = pods.files(run.spec, results_claim(run, profile))
    document = {
        "name": "run",
        "configMap": {
            "name": run.names.run_document,
            "items": [{"key": "modelrun.yaml", "path": "modelrun.yaml"}],
        },
    }
    folder = environment.RUN_FILE.rpartition("/")[0]
    mounts = [{"name": "run", "mountPath": folder, "readOnly": True}, disk_mount]
    volumes = [document, disk]
    if secret is not None:
        tls_volume, tls_mount = pods.tls_files(secret, "client")
        volumes.append(tls_volume)
        mounts.append(tls_mount)
    address = results_address(run, profile)
    if address is not None and run.spec.program is None:
        args = [*args, "--to", address]
    made = pods.container(
        role,
        profile,
        shape,
        args=args,
        env=variables(
            HOME,
            ONE_THREAD,
            MANY_WORKERS,
            {environment.OUTCOME_FILE_VARIABLE: OUTCOME_FILE},
            extra,
        ),
        mounts=[*mounts, *code.mounts, *file_mounts],
        secret=run.spec.data.credentials_secret_name if run.spec.data is not None else None,
    )
    # Relative paths of a program are those of its code.
    made["workingDir"] = (
        environment.CODE_FOLDER if run.spec.code is not None else environment.SCRATCH_FOLDER
    )
    pod = pods.pod_spec(
        profile, shape, settings, containers=[made], volumes=[*volumes, *files], code=code
    )
    pod["restartPolicy"] = "Never"
    return pod


def _job(
    run: Run,
    profile: ModelRunProfileSpec,
    name: str,
    *,
    role: str,
    pod: Manifest,
    incarnation: int | None = None,
) -> Manifest:
    metadata = object_metadata(run, name, role=role, incarnation=incarnation)
    labels = {**profile.control.labels, **metadata["labels"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "completions": 1,
            "parallelism": 1,
            # Without this a pod that is being deleted is replaced before it is gone.
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {**profile.control.annotations, **PROTECTED},
                },
                "spec": pod,
            },
        },
    }
