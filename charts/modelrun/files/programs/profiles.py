"""Apply the release's profiles and remove those that its values no longer have.

Arguments: the folder with one YAML file for each profile, the release's name and namespace.
"""

# ruff: noqa: T201  what it prints is the log of the Job

from __future__ import annotations

import sys
import time
from pathlib import Path

import yaml
from kubernetes import client, config

KIND = ("modelrun.dev", "v1alpha1", "modelrunprofiles")
NAMESPACE = "modelrun.dev/release-namespace"
PATIENCE_SECONDS = 60


def main(folder: str, release: str, namespace: str) -> None:
    """Apply and remove."""
    config.load_incluster_config()
    api = client.CustomObjectsApi()
    selector = f"app.kubernetes.io/component=profiles,app.kubernetes.io/instance={release}"
    wait_until_served(api)
    wanted = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        profile = yaml.safe_load(path.read_text())
        profile["metadata"].setdefault("annotations", {})[NAMESPACE] = namespace
        wanted[profile["metadata"]["name"]] = profile
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
    for there in api.list_cluster_custom_object(*KIND, label_selector=selector)["items"]:
        metadata = there["metadata"]
        ours = metadata.get("annotations", {}).get(NAMESPACE) == namespace
        if ours and metadata["name"] not in wanted:
            api.delete_cluster_custom_object(*KIND, metadata["name"])
            print(f"profile {metadata['name']} removed: the values no longer have it")


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
