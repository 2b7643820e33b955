"""The files for Amazon EKS agree with each other: worker pods fit the nodes made for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

EKS = Path(__file__).resolve().parents[2] / "charts/modelrun/examples/eks"
TEMPLATE = "k8s.io/cluster-autoscaler/node-template"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EKS / name).read_text()))


def gibibytes(text: str) -> int:
    return int(text.removesuffix("Gi"))


GROUPS = {group["name"]: group for group in documents("cluster.yaml")[0]["managedNodeGroups"]}
POOLS = {
    document["spec"]["template"]["metadata"]["labels"]["modelrun.dev/pool"]: document["spec"]
    for document in documents("karpenter.yaml")
    if document["kind"] == "NodePool"
}
PROFILE = documents("values-eks.yaml")[0]["profiles"]["c5-24xlarge"]


@pytest.mark.parametrize(("part", "pool"), [("worker", "c5-24xlarge"), ("control", "control")])
def test_pods_find_the_nodes_that_are_made_for_them(part: str, pool: str) -> None:
    shape = PROFILE[part]
    assert shape["nodeSelector"]["modelrun.dev/pool"] == pool
    group = GROUPS[pool]
    assert group["labels"] == {"modelrun.dev/pool": pool}
    assert (group["minSize"], group["desiredCapacity"]) == (0, 0)
    # The chart's own values tolerate the taint of workers.
    whole = yaml.safe_load((EKS.parents[1] / "values.yaml").read_text())
    accepted = {
        one["key"]
        for one in shape.get("tolerations")
        or whole["profiles"]["c5-24xlarge"][part].get("tolerations", [])
    }
    taints = {taint["key"] for taint in group["taints"]}
    assert taints == {taint["key"] for taint in POOLS[pool]["template"]["spec"]["taints"]}
    assert taints <= accepted


@pytest.mark.parametrize(("part", "pool"), [("worker", "c5-24xlarge"), ("control", "control")])
def test_the_disk_holds_what_pods_ask_for(part: str, pool: str) -> None:
    shape, group = PROFILE[part], GROUPS[pool]
    asked = gibibytes(shape["resources"]["requests"]["ephemeral-storage"])
    assert gibibytes(shape["scratch"]["size"]) < asked
    assert asked < gibibytes(group["tags"][f"{TEMPLATE}/resources/ephemeral-storage"])
    assert gibibytes(group["tags"][f"{TEMPLATE}/resources/ephemeral-storage"]) < group["volumeSize"]


def test_nodes_are_enough_for_the_limits_and_go_back_quickly() -> None:
    most = PROFILE["limits"]["nodes"]
    assert GROUPS["c5-24xlarge"]["maxSize"] == most
    assert int(POOLS["c5-24xlarge"]["limits"]["cpu"]) == 96 * most
    assert PROFILE["limits"]["workers"] == 94 * most
    tags = GROUPS["c5-24xlarge"]["tags"]
    assert tags[f"{TEMPLATE}/autoscaling-options/scaledownunneededtime"] == "1m0s"
    assert POOLS["c5-24xlarge"]["disruption"] == {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": "30s",
    }
    hours = int(POOLS["c5-24xlarge"]["template"]["spec"]["expireAfter"].removesuffix("h"))
    assert hours > PROFILE["limits"]["hours"]
