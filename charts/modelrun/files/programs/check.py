"""Check an installation: definitions, operator, profiles, and with a profile the smallest run.

Arguments: the namespace for the run, the operator's address or nothing, the names of the profiles
that must be there, the profile of the run or nothing, and the longest wait for it in seconds.
"""

# ruff: noqa: T201  what it prints is the log of the Job

from __future__ import annotations

import os
import sys
import time
import urllib.request
from typing import Any

from kubernetes import client, config

RUN: dict[str, Any] = {
    "apiVersion": "modelrun.dev/v1alpha1",
    "kind": "ModelRun",
    "spec": {
        "data": {"dataset": "french"},
        "models": [{"name": "market", "estimator": "OLS", "formula": "excess ~ mkt"}],
        "slices": {"by": ["portfolio"]},
        "results": {"coefficients": ["estimate"]},
        "ttlSecondsAfterFinished": 600,
    },
}
KIND = ("modelrun.dev", "v1alpha1")


def main(namespace: str, health: str, wanted: str, profile: str, seconds: str) -> None:
    """Check everything in order; the first thing that is wrong ends it with a sentence."""
    config.load_incluster_config()
    api = client.CustomObjectsApi()
    api.list_namespaced_custom_object(*KIND, namespace, "modelruns", limit=1)
    print("ModelRuns are served")
    there = {p["metadata"]["name"] for p in profiles(api)}
    missing = sorted(set(wanted.split(",")) - there - {""})
    if missing:
        raise SystemExit(f"profiles are missing: {', '.join(missing)}; there are {sorted(there)}")
    print(f"profiles are there: {', '.join(sorted(there)) or 'none'}")
    if health:
        answers(health)
    if profile:
        fit(api, namespace, profile, float(seconds))


def profiles(api: Any) -> list[dict[str, Any]]:
    """Return the profiles of the cluster."""
    found: list[dict[str, Any]] = api.list_cluster_custom_object(*KIND, "modelrunprofiles")["items"]
    return found


def answers(address: str) -> None:
    """Ask the operator for its metrics."""
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310  the chart's own
            print(f"the operator answers: {answer.status}")
    except OSError as error:
        raise SystemExit(
            f"the operator does not answer at {address} ({error}). Is its pod ready, and does a "
            "NetworkPolicy let the test in?"
        ) from error


def fit(api: Any, namespace: str, profile: str, seconds: float) -> None:
    """Submit the smallest run, wait for its end, remove it."""
    name = f"helm-test-{os.urandom(3).hex()}"
    where = (*KIND, namespace, "modelruns")
    spec = {**RUN["spec"], "cluster": {"profileName": profile, "nodes": 1}}
    api.create_namespaced_custom_object(*where, {**RUN, "metadata": {"name": name}, "spec": spec})
    end = time.monotonic() + seconds
    shown = ""
    status: dict[str, Any] = {}
    try:
        while time.monotonic() < end:
            status = api.get_namespaced_custom_object(*where, name).get("status", {})
            if status.get("phase", "") != shown:
                shown = status["phase"]
                print(f"{name}: {shown}")
            if shown == "Succeeded":
                return
            if shown == "Failed":
                break
            time.sleep(2)
        said = [f"{c['type']}={c['status']}: {c['message']}" for c in status.get("conditions", [])]
        raise SystemExit(f"{name} did not succeed ({shown or 'no phase'}): " + "; ".join(said))
    finally:
        api.delete_namespaced_custom_object(*where, name)


main(*sys.argv[1:])
