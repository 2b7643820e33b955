"""The unmodified dask-kubernetes controller raises a Dask cluster that only its own may use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.dask import Authority, dask_cluster, tls_pod
from cluster.handle import Cluster, is_ready

WORKERS = 2

JOBLIB = """
import json, ssl, socket, threadpoolctl
from distributed import Client
import joblib
client = Client(timeout="30s")
client.wait_for_workers(2, timeout=60)
def work(n):
    import socket, numpy as np, statsmodels.api as sm, threadpoolctl
    rng = np.random.default_rng(n)
    x = sm.add_constant(rng.normal(size=(200, 2)))
    fit = sm.OLS(x @ [1.0, 2.0, 3.0], x).fit()
    pools = max(p["num_threads"] for p in threadpoolctl.threadpool_info())
    return socket.gethostname(), [round(b, 6) for b in fit.params], pools
with joblib.parallel_config(backend="dask", wait_for_workers_timeout=60):
    done = joblib.Parallel(batch_size=1)(joblib.delayed(work)(n) for n in range(24))
info = client.scheduler_info(n_workers=-1)
def handshake():
    import os
    host, port = info["address"].removeprefix("tls://").split(":")
    context = client.security.get_connection_args("client")["ssl_context"]
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with context.wrap_socket(plain) as secure:
            return secure.version(), secure.cipher()[0]
print(json.dumps({
    "address": info["address"],
    "workers": sorted(info["workers"]),
    "hosts": sorted({d[0] for d in done}),
    "params": [list(p) for p in {tuple(d[1]) for d in done}],
    "threads": max(d[2] for d in done),
    "tls": handshake(),
}))
client.close()
"""

REFUSED = """
import json, os
from distributed import Client
try:
    Client(os.environ["TARGET"], timeout="15s")
    print(json.dumps({"refused": False}))
except Exception as error:
    print(json.dumps({"refused": True, "error": type(error).__name__, "text": str(error)[:300]}))
"""


def client_pod(
    name: str, image: str, secret: str, program: str, env: dict[str, str]
) -> dict[str, Any]:
    """Return a pod that runs `program` with the client pair of a Secret."""
    variables = [{"name": key, "value": value} for key, value in env.items()]
    spec = tls_pod("client", image, secret, command=["python", "-c", program], env=variables)
    spec["restartPolicy"] = "Never"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@pytest.mark.usefixtures("dask_controller")
def test_a_dask_cluster_with_mutual_tls_lives_works_shrinks_and_goes(
    cluster: Cluster, namespace: str, image: str
) -> None:
    authority, stranger = Authority.new(), Authority.new()
    cluster.apply(
        authority.secret("tls", "scheduler", "worker", "client"),
        stranger.secret("other-tls", "client"),
        dask_cluster("run", namespace, image, "tls", WORKERS),
        namespace=namespace,
    )

    def pods(component: str) -> list[dict[str, Any]]:
        chosen = f"dask.org/cluster-name=run,dask.org/component={component}"
        return cluster.list("pods", namespace, chosen)

    def up() -> bool:
        ready = [*filter(is_ready, pods("scheduler")), *filter(is_ready, pods("worker"))]
        return len(ready) == 1 + WORKERS

    cluster.wait("scheduler and workers are ready", up, limit=120)
    assert {pod["spec"]["nodeName"] for pod in pods("worker")} == set(cluster.nodes)

    host = f"run-scheduler.{namespace}.svc:8786"
    address = {"DASK_SCHEDULER_ADDRESS": f"tls://{host}"}
    plain = {"TARGET": f"tcp://{host}", "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "False"}
    cluster.apply(
        client_pod("joblib", image, "tls", JOBLIB, address),
        client_pod("plaintext", image, "tls", REFUSED, plain),
        client_pod("stranger", image, "other-tls", REFUSED, {"TARGET": f"tls://{host}"}),
        namespace=namespace,
    )
    answers = {}
    for name in ("joblib", "plaintext", "stranger"):
        cluster.wait_for_pod(name, namespace, phases=["Succeeded"], limit=120)
        answers[name] = json.loads(cluster.logs(name, namespace).splitlines()[-1])

    worked = answers["joblib"]
    assert worked["address"].startswith("tls://")
    assert all(worker.startswith("tls://") for worker in worked["workers"])
    assert len(worked["hosts"]) == WORKERS
    assert worked["params"] == [[1.0, 2.0, 3.0]]
    assert worked["threads"] == 1
    assert worked["tls"][0] == "TLSv1.3"
    assert answers["plaintext"]["refused"], answers
    assert answers["stranger"]["refused"], answers

    patch = json.dumps({"spec": {"worker": {"replicas": 0}}})
    cluster.kubectl(
        "patch", "daskcluster", "run", "--type=merge", f"--patch={patch}", namespace=namespace
    )
    cluster.wait("no worker is left", lambda: not pods("worker"), limit=60)
    assert len(pods("scheduler")) == 1

    cluster.kubectl("delete", "daskcluster", "run", "--timeout=60s", namespace=namespace, limit=70)

    def left() -> list[str]:
        kinds = "deployments,services,pods,daskworkergroups,daskclusters"
        found = cluster.list(kinds, namespace, "dask.org/cluster-name=run")
        return [thing["kind"] for thing in found]

    cluster.wait("nothing of the Dask cluster is left", lambda: not left(), limit=60)
