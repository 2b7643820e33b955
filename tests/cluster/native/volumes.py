"""The provisioner of the default StorageClass: a folder of this machine for every claim.

Both nodes see the same disk, so every access mode holds on both, ReadWriteMany included. Nothing
limits a volume to its size. Started as a daemon:
``python3 -m cluster.native.volumes KUBECONFIG FOLDER``.
"""

from __future__ import annotations

import http.client
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.native.api import Api

CLASS = "shared"
PROVISIONER = "modelrun.dev/test-folder"
CLAIMS = "/api/v1/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"


def provision(api: Api, folder: Path, claim: dict[str, Any]) -> None:
    """Make the volume of a claim of our class that has none."""
    spec = claim["spec"]
    if spec.get("storageClassName") != CLASS or spec.get("volumeName"):
        return
    if "deletionTimestamp" in claim["metadata"]:
        return
    metadata = claim["metadata"]
    name = f"claim-{metadata['uid']}"
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o777)
    api.call(
        "POST",
        VOLUMES,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": name,
                "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            },
            "spec": {
                "storageClassName": CLASS,
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "volumeMode": spec.get("volumeMode", "Filesystem"),
                "persistentVolumeReclaimPolicy": "Delete",
                "hostPath": {"path": str(path), "type": "Directory"},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
            },
        },
    )


def reclaim(api: Api, folder: Path, volume: dict[str, Any]) -> None:
    """Delete a volume of ours, and its folder, once its claim is gone."""
    metadata = volume["metadata"]
    ours = metadata.get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
    if ours and volume.get("status", {}).get("phase") in ("Released", "Failed"):
        shutil.rmtree(folder / metadata["name"], ignore_errors=True)
        api.call("DELETE", f"{VOLUMES}/{metadata['name']}")


def follow(api: Api, path: str, act: Callable[[dict[str, Any]], None]) -> None:
    """Call `act` for every object of a collection, now and whenever one changes, for ever."""
    while True:
        try:
            for thing in api.watch(path):
                act(thing)
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            print(f"{path}: {error!r}", file=sys.stderr, flush=True)
            time.sleep(1)


def main(kubeconfig: str, folder: str) -> None:
    """Serve until the process is ended."""
    api, root = Api.of(Path(kubeconfig)), Path(folder)
    claims = threading.Thread(
        target=follow, args=(api, CLAIMS, lambda c: provision(api, root, c)), daemon=True
    )
    claims.start()
    follow(api, VOLUMES, lambda v: reclaim(api, root, v))


if __name__ == "__main__":
    main(*sys.argv[1:])
