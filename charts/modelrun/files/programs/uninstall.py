"""Let unfinished runs give back what they hold, while there is an operator that can do it.

Arguments: what to do (suspend, delete, wait, ignore), the longest wait in seconds, the namespaces
that are worked on (comma separated, empty for all), the release's name and namespace.
"""

# ruff: noqa: T201  what it prints is the log of the Job

from __future__ import annotations

import sys
import time
from typing import Any

from kubernetes import client, config

RUNS = ("modelrun.dev", "v1alpha1", "modelruns")
PROFILES = ("modelrun.dev", "v1alpha1", "modelrunprofiles")
CLUSTERS = ("kubernetes.dask.org", "v1", "daskclusters")
OURS = "modelrun.dev/run-uid"
DONE = ("Succeeded", "Failed")


def main(policy: str, seconds: str, namespaces: str, release: str, own: str) -> None:
    """Let runs end, then remove the release's profiles."""
    config.load_incluster_config()
    api = client.CustomObjectsApi()
    places = [name for name in namespaces.split(",") if name]
    if policy != "ignore":
        for run in listed(api, RUNS, places):
            ask(api, run, policy)
        wait_for_the_end(api, places, policy, float(seconds))
    selector = f"app.kubernetes.io/component=profiles,app.kubernetes.io/instance={release}"
    for profile in listed(api, PROFILES, [], selector):
        metadata = profile["metadata"]
        if metadata.get("annotations", {}).get("modelrun.dev/release-namespace") == own:
            api.delete_cluster_custom_object(*PROFILES, metadata["name"])


def listed(
    api: Any, kind: tuple[str, str, str], places: list[str], selector: str = ""
) -> list[dict[str, Any]]:
    """Return the objects of a kind; none where its definition is gone."""
    try:
        if not places:
            everywhere = api.list_cluster_custom_object(*kind, label_selector=selector)
            return list(everywhere["items"])
        group, version, plural = kind
        found: list[dict[str, Any]] = []
        for place in places:
            found += api.list_namespaced_custom_object(
                group, version, place, plural, label_selector=selector
            )["items"]
        return found
    except client.ApiException as error:
        if error.status == 404:
            return []
        raise


def released(run: dict[str, Any]) -> bool:
    """Tell whether a run holds nothing any more."""
    phase = run.get("status", {}).get("phase", "")
    # Nothing was made yet of a run without a phase, or of one that is refused and waits.
    idle = phase in ("", "Pending", "Suspended")
    return phase in DONE or (idle and bool(run["spec"].get("suspend")))


def ask(api: Any, run: dict[str, Any], policy: str) -> None:
    """Suspend a run, or delete it."""
    metadata = run["metadata"]
    group, version, plural = RUNS
    where = (group, version, metadata["namespace"], plural, metadata["name"])
    try:
        if policy == "delete":
            api.delete_namespaced_custom_object(*where, propagation_policy="Foreground")
        elif policy == "suspend" and not released(run) and not run["spec"].get("suspend"):
            api.patch_namespaced_custom_object(
                *where,
                {"spec": {"suspend": True}},
                field_manager="modelrun-uninstall",
                _content_type="application/merge-patch+json",
            )
            print(f"run {metadata['namespace']}/{metadata['name']} is asked to pause")
    except client.ApiException as error:
        if error.status != 404:
            raise


def wait_for_the_end(api: Any, places: list[str], policy: str, seconds: float) -> None:
    """Wait until no run holds anything and no cluster of ours is left."""
    end = time.monotonic() + seconds
    while True:
        runs = listed(api, RUNS, places)
        left = [
            f"run {run['metadata']['namespace']}/{run['metadata']['name']} "
            f"({run.get('status', {}).get('phase', 'not begun')})"
            for run in runs
            if policy == "delete" or not released(run)
        ]
        left += [
            f"DaskCluster {one['metadata']['namespace']}/{one['metadata']['name']}"
            for one in listed(api, CLUSTERS, places, OURS)
        ]
        if not left:
            return
        if time.monotonic() > end:
            raise SystemExit(
                f"after {seconds:.0f} s there is still: {', '.join(left[:10])}. Nothing of the "
                "release was removed. Wait or delete them and uninstall again; with "
                "`helm uninstall --no-hooks` they stay, and nobody takes their pods down."
            )
        time.sleep(2)


main(*sys.argv[1:])
