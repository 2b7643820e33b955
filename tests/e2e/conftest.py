"""Fixtures of the tests that need a cluster: `make e2e` raises it and builds the image before.

Each test has a namespace of its own, in which Pod Security "restricted" is enforced. What
explains a failed test is kept under ``.cache/e2e/``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import dask, modelruns, s3
from cluster.command import run
from cluster.definitions import define
from cluster.errors import ClusterError
from cluster.evidence import EVIDENCE, keep_evidence
from cluster.handle import Cluster
from cluster.home import Home
from cluster.image import NAME, S3_NAME, current_image
from cluster.operator import NAMESPACE as OPERATOR_NAMESPACE
from cluster.operator import install_operator, remove_operator
from cluster.provider import choose_provider

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember for the teardown of the fixtures that a test failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def pytest_sessionstart(session: pytest.Session) -> None:
    """Forget what earlier runs kept."""
    shutil.rmtree(EVIDENCE, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The running test cluster."""
    provider = choose_provider(Home.find(), os.environ.get("MODELRUN_CLUSTER_PROVIDER"))
    try:
        return Cluster.running(provider)
    except ClusterError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture(scope="session")
def image(cluster: Cluster) -> str:
    """Reference of the image of modelrun that was built last; every node can have it."""
    return current_image(cluster.provider.home, NAME)


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for this test alone; deleted afterwards, without waiting."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))
    name = f"{words[:40].strip('-')}-{uuid.uuid4().hex[:6]}"
    labels = {"modelrun.dev/e2e": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    yield name
    if request.node.stash.get(FAILED, False):
        keep_evidence(cluster, name, EVIDENCE / name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def dask_controller(cluster: Cluster, image: str) -> Iterator[str]:
    """The unmodified dask-kubernetes controller, run from our image; gives its namespace."""
    dask.install_controller(cluster, image)
    yield dask.NAMESPACE
    logs = cluster.kubectl(
        "logs", "--selector=app.kubernetes.io/instance=dask", "--tail=-1",
        namespace=dask.NAMESPACE, check=False,
    )  # fmt: skip
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    (EVIDENCE / "dask-controller.log").write_text(logs)
    dask.remove_controller(cluster)


@pytest.fixture(scope="module")
def operator(
    cluster: Cluster, image: str, dask_controller: str, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The operator of modelrun in a pod, and a profile of test size; gives its namespace.

    It works in all namespaces and so lives for one module: others play its part themselves.
    """
    assert dask_controller
    install_operator(cluster, image)
    cluster.apply(modelruns.profile(image))
    yield OPERATOR_NAMESPACE
    remove_operator(cluster, EVIDENCE / f"operator-{request.module.__name__}.log")


@pytest.fixture(scope="session")
def s3_service(cluster: Cluster) -> Iterator[str]:
    """The address of an S3 service in the cluster, for pods."""
    s3.deploy(cluster, current_image(cluster.provider.home, S3_NAME))
    yield s3.ENDPOINT
    cluster.kubectl("delete", "namespace", s3.NAMESPACE, "--wait=false")


@pytest.fixture
def s3_server(cluster: Cluster, s3_service: str) -> Iterator[s3.S3]:
    """The S3 service, reachable from pods and from the test.

    Each test has a way of its own to it: one ends when the API server goes, as it does for others.
    """
    log = EVIDENCE / "s3-forward.log"
    with s3.forwarded(cluster, "svc/s3", 5000, s3.NAMESPACE, log) as port:
        yield s3.S3(s3_service, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def api_kubeconfig(request: pytest.FixtureRequest) -> Path:
    """An API server that knows ModelRuns, for tests that need no nodes and no operator.

    MODELRUN_API_SERVER_KUBECONFIG may name a bare kube-apiserver; else it is the test cluster's.
    """
    named = os.environ.get("MODELRUN_API_SERVER_KUBECONFIG")
    path = Path(named) if named else request.getfixturevalue("cluster").kubeconfig
    ask = ["kubectl", "--kubeconfig", str(path), "get", "crd", "modelruns.modelrun.dev"]
    known = run(ask, check=False, limit=30)
    if known.returncode:
        define("kubectl", path)
    return path


@pytest.fixture(scope="session")
def api_kubectl(api_kubeconfig: Path) -> Callable[..., str]:
    """Run kubectl against that API server and return what it printed."""

    def call(*arguments: str, namespace: str | None = None, stdin: str | None = None) -> str:
        place = ["--namespace", namespace] if namespace else []
        whole = ["kubectl", "--kubeconfig", str(api_kubeconfig), *place, *arguments]
        return run(whole, stdin=stdin, limit=60).stdout

    return call


@pytest.fixture
def api_namespace(api_kubectl: Callable[..., str]) -> Iterator[str]:
    """A namespace of that API server for this test alone."""
    name = f"remote-{uuid.uuid4().hex[:8]}"
    labels = {"modelrun.dev/e2e": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": name, "labels": labels}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    api_kubectl("apply", "-f", "-", stdin=json.dumps(body))
    yield name
    api_kubectl("delete", "namespace", name, "--wait=false")
