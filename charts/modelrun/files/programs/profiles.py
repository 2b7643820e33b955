"""Apply the release's profiles and remove those that its values no longer have.

Arguments: the folder with one YAML file for each profile, the release's name and namespace.
"""

# ruff: noqa: T201  what it prints is the log of the Job

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config

KIND = ("modelrun.dev", "v1alpha1", "modelrunprofiles")
OWNER = "app.kubernetes.io/instance"
NAMESPACE = "modelrun.dev/release-namespace"
PATIENCE_SECONDS = 60


def main(folder: str, release: str, namespace: str) -> None:
    """Apply and remove."""
    config.load_incluster_config()
    api = client.CustomObjectsApi()
    wait_until_served(api)
    wanted: dict[str, Any] = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        profile = yaml.safe_load(path.read_text())
        profile["metadata"].setdefault("annotations", {})[NAMESPACE] = namespace
        wanted[profile["metadata"]["name"]] = profile
    there = {
        one["metadata"]["name"]: one["metadata"].get("annotations", {}).get(NAMESPACE)
        for one in listed(api)
    }
    strangers = sorted(name for name in wanted if there.get(name, namespace) != namespace)
    if strangers:
        raise SystemExit(
            f"profiles of these names exist and are not the release's: {', '.join(strangers)}. "
            "Remove them from the values (profiles.NAME.enabled=false), or delete those that are "
            "there. No profile was touched."
        )
    for name, profile in wanted.items():
        api.patch_cluster_custom_object(
            *KIND,
            name,
            profile,
            field_manager=f"helm-{release}",
            field_validation="Strict",
            force=True,
            _content_type="application/apply-patch+yaml",
        )
        print(f"profile {name} applied")
    for one in listed(api, f"app.kubernetes.io/component=profiles,{OWNER}={release}"):
        name = one["metadata"]["name"]
        if there.get(name) == namespace and name not in wanted:
            api.delete_cluster_custom_object(*KIND, name)
            print(f"profile {name} removed: the values no longer have it")


def listed(api: client.CustomObjectsApi, selector: str = "") -> list[dict[str, Any]]:
    """Return the profiles of the cluster."""
    found: Any = api.list_cluster_custom_object(*KIND, label_selector=selector)
    return list(found["items"])


def wait_until_served(api: client.CustomObjectsApi) -> None:
    """Wait for the definition, which the API server takes a moment to serve."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            api.list_cluster_custom_object(*KIND, limit=1)
        except client.ApiException as error:
            if error.status != 404 or time.monotonic() > end:
                raise SystemExit(
                    f"profiles cannot be listed: {error.status} {error.reason}. Is the "
                    "CustomResourceDefinition modelrunprofiles.modelrun.dev installed "
                    "(crds.enabled)?"
                ) from error
            time.sleep(1)
        else:
            return


main(*sys.argv[1:])
