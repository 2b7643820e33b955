"""Who else works on a run's objects: Job controller, kubelets and Dask controller, played."""

from __future__ import annotations

from typing import Any

from modelrun_api.identity import INCARNATION_LABEL, ROLE_LABEL
from modelrun_api.outcome import PreflightOutcome, StoredFits, termination_message
from support.api_server import CLOCK, ApiServer, Body

TRUE = {"status": "True", "lastTransitionTime": CLOCK}


def play(server: ApiServer) -> None:
    """Everybody takes one turn."""
    for job in server.of("jobs"):
        _job(server, job)
    for cluster in server.of("daskclusters"):
        _dask(server, cluster)


def _job(server: ApiServer, job: Body) -> None:
    name = f"{job['metadata']['name']}-pod"
    pods = [p for p in server.of("pods") if p["metadata"]["name"] == name]
    if not pods and not job.get("status"):
        _pod(server, name, job, "Job", job["spec"]["template"]["metadata"]["labels"])
    elif pods and job["metadata"]["labels"][ROLE_LABEL] == "preflight":
        outcome = PreflightOutcome(ok=True, fits=StoredFits(total=4))
        end(server, job, 0, termination_message(outcome))


def end(server: ApiServer, job: Body, code: int, message: str = "") -> None:
    """A Job's pod ends with a code, and the Job with it."""
    name = f"{job['metadata']['name']}-pod"
    (pod,) = [p for p in server.of("pods") if p["metadata"]["name"] == name]
    state = {"terminated": {"exitCode": code, "message": message, "finishedAt": CLOCK}}
    ended, done = ("Failed", "Failed") if code else ("Succeeded", "Complete")
    server.change(
        pod, status={"phase": ended, "containerStatuses": [{"name": "c", "state": state}]}
    )
    server.change(job, status={"conditions": [{"type": done, **TRUE}]})


def _dask(server: ApiServer, cluster: Body) -> None:
    metadata = cluster["metadata"]
    name, labels = metadata["name"], metadata["labels"]
    if not server.of("deployments", **{INCARNATION_LABEL: labels[INCARNATION_LABEL]}):
        group = _owned("DaskWorkerGroup", f"{name}-default", cluster, labels)
        server.put("daskworkergroups", group)
        deployment = _owned("Deployment", f"{name}-scheduler", cluster, labels)
        deployment["status"] = {"conditions": [{"type": "Available", **TRUE}]}
        server.put("deployments", deployment)
        server.put("services", _owned("Service", f"{name}-scheduler", cluster, labels))
        component = {"dask.org/component": "scheduler"}
        _pod(server, f"{name}-scheduler-pod", deployment, "Deployment", {**labels, **component})
    worker = {**labels, "dask.org/component": "worker"}
    there = server.of("pods", **worker)
    wanted = cluster["spec"]["worker"]["replicas"]
    for number in range(len(there), wanted):
        _pod(server, f"{name}-worker-{number}", cluster, "DaskCluster", worker)
    for pod in there[wanted:]:
        server.remove("pods", pod["metadata"]["name"])


def _pod(server: ApiServer, name: str, owner: Body, kind: str, labels: dict[str, str]) -> None:
    body = _owned("Pod", name, owner, labels, kind)
    body["status"] = {
        "phase": "Running",
        "conditions": [{"type": "PodScheduled", **TRUE}, {"type": "Ready", **TRUE}],
    }
    server.put("pods", body)
    server.logs[name] = f"what {name} wrote\n"


def _owned(
    kind: str, name: str, owner: Body, labels: dict[str, str], owner_kind: str = "DaskCluster"
) -> dict[str, Any]:
    reference = {"kind": owner_kind, "name": owner["metadata"]["name"]}
    return {
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": dict(labels),
            "ownerReferences": [{**reference, "uid": owner["metadata"]["uid"]}],
        },
    }
