"""What kind is asked for. kind itself needs a Docker daemon; the workflow runs it."""

from __future__ import annotations

import json
from pathlib import Path

from cluster.home import Home
from cluster.kind.provider import KindProvider
from cluster.native.addresses import NODES


def test_the_control_plane_has_the_same_flags_in_every_version_of_kubernetes(
    tmp_path: Path,
) -> None:
    config = KindProvider(Home(tmp_path)).config(tmp_path / "shared")
    merged = [json.loads(text) for text in config["kubeadmConfigPatches"]]
    (before,) = [one for one in merged if one["kind"] == "ClusterConfiguration"]
    (after,) = config["kubeadmConfigPatchesJSON6902"]
    assert before["apiVersion"] == "kubeadm.k8s.io/v1beta3"
    assert (after["group"], after["version"]) == ("kubeadm.k8s.io", "v1beta4")
    old = {
        (part, name, value)
        for part in ("controllerManager", "apiServer")
        for name, value in before[part]["extraArgs"].items()
    }
    new = {
        (one["path"].split("/")[1], one["value"]["name"], one["value"]["value"])
        for one in json.loads(after["patch"])
    }
    assert old == new
    assert ("controllerManager", "node-monitor-grace-period", "16s") in new


def test_both_workers_look_like_the_node_group_and_share_a_folder(tmp_path: Path) -> None:
    config = KindProvider(Home(tmp_path)).config(tmp_path / "shared")
    workers = [node for node in config["nodes"] if node["role"] == "worker"]
    assert [worker["labels"] for worker in workers] == [node.labels for node in NODES]
    folders = {worker["extraMounts"][0]["hostPath"] for worker in workers}
    assert folders == {str(tmp_path / "shared")}
