"""The first run of a new user: the README's commands, word by word, and what they promise.

The shell block below "On a test cluster" is run as it stands. While it runs, the test looks at the
secured cluster; afterwards at the tables and at what is left. These tests come before those that
install operator and Dask controller in their own ways.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from cluster.errors import ClusterError
from cluster.evidence import EVIDENCE, keep_evidence
from cluster.handle import Cluster
from cluster.home import CHECKOUT
from cluster.modelruns import Study
from cluster.pods import python_pod

NAME = "fama-french-rolling"
FILE = CHECKOUT / "app" / "examples" / f"{NAME}.yaml"
NAMESPACE = "default"
RELEASE = ("modelrun", "--namespace", "modelrun-system")
FETCHED = CHECKOUT / "results" / "from-the-cluster"
KEPT = EVIDENCE / "first-run"
DEFINITIONS = (
    "modelruns.modelrun.dev",
    "modelrunprofiles.modelrun.dev",
    "daskclusters.kubernetes.dask.org",
    "daskworkergroups.kubernetes.dask.org",
    "daskjobs.kubernetes.dask.org",
    "daskautoscalers.kubernetes.dask.org",
)
MOMENTS = (
    "accepted",
    "preflighted",
    "secured",
    "schedulerAvailable",
    "quorum",
    "stored",
    "workersGone",
    "released",
)

HANDSHAKES = """
import json, socket, ssl
from threadpoolctl import threadpool_info
import numpy
address = ("127.0.0.1", 8786)
def shake(context):
    with socket.create_connection(address, timeout=10) as plain:
        with context.wrap_socket(plain) as secure:
            secure.settimeout(10)
            secure.recv(1)
            return secure.version()
def refused(context):
    try:
        return "connected with " + shake(context)
    except (ssl.SSLError, OSError) as error:
        return "refused"
def context(pair):
    made = ssl.create_default_context(cafile="/etc/dask-tls/ca.crt")
    made.check_hostname = False
    if pair:
        made.load_cert_chain("/etc/dask-tls/tls.crt", "/etc/dask-tls/tls.key")
    return made
old = context(True)
old.maximum_version = ssl.TLSVersion.TLSv1_2
with socket.create_connection(address, timeout=10) as plain:
    plain.sendall(b"\\0" * 64)
    plain.settimeout(10)
    try:
        answer = plain.recv(4096)
    except OSError:
        answer = b""
print(json.dumps({
    "ours": shake(context(True)),
    "without a certificate": refused(context(False)),
    "TLS 1.2": refused(old),
    "plain": "refused" if not answer or answer[0] == 21 else "answered",
    "threads": max(one["num_threads"] for one in threadpool_info()),
}))
"""

COMPARE = """
import json, subprocess, sys
import numpy as np, pandas as pd
open("/scratch/run.yaml", "w").write(FILE)
subprocess.run(["modelrun", "run", "/scratch/run.yaml", "--backend", "serial", "--to",
                "/scratch/local", "--no-report", "--quiet"], check=True)
here, there = "/scratch/local", "/results/" + PATH
worst = 0.0
rows = {}
for table in ("coefficients", "fits"):
    one, two = (pd.read_parquet(f"{place}/{table}.parquet") for place in (here, there))
    rows[table] = len(one)
    assert list(one["fit_key"]) == list(two["fit_key"]), table
    for name in one.select_dtypes("number"):
        if name in ("seconds",):
            continue
        a, b = one[name].to_numpy(float), two[name].to_numpy(float)
        assert (np.isnan(a) == np.isnan(b)).all(), name
        scale = np.maximum(np.abs(a), 1e-300)
        worst = max(worst, float(np.nanmax(np.abs(a - b) / scale, initial=0)))
print(json.dumps({"worst": worst, "rows": rows}))
"""


@pytest.fixture
def readme(cluster: Cluster) -> Iterator[subprocess.Popen[str]]:
    """The README's commands under way, on a cluster that knows nothing of modelrun."""
    cluster.kubectl("delete", "crd", *DEFINITIONS, "--ignore-not-found", "--timeout=60s", limit=90)
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "said.txt").open("w") as log:
        script = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-x", "-c", commands()],
            cwd=CHECKOUT,
            env={**os.environ, "MODELRUN_CLUSTER_PROVIDER": cluster.provider.name},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        yield script
    finally:
        if script.poll() is None:
            os.killpg(script.pid, signal.SIGKILL)
            script.wait(10)
        keep_evidence(cluster, NAMESPACE, KEPT)
        cluster.kubectl("delete", "modelrun", NAME, "--ignore-not-found", namespace=NAMESPACE)
        cluster.kubectl("delete", "pod,pvc", "--all", "--wait=false", namespace=NAMESPACE)
        cluster.helm("uninstall", *RELEASE, "--wait", check=False)
        shutil.rmtree(FETCHED, ignore_errors=True)


def commands() -> str:
    """Return the shell block of the README that raises a cluster and runs the example on it."""
    text = (CHECKOUT / "README.md").read_text()
    section = text.partition("### On a test cluster")[2]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.timeout(1200)
def test_the_readme_leads_from_nothing_to_tables_that_equal_those_of_a_laptop(
    cluster: Cluster, image: str, readme: subprocess.Popen[str]
) -> None:
    study = Study(cluster, NAMESPACE, NAME)
    cluster.wait("the run is there", lambda: readme.poll() or _body(study), limit=400)
    assert readme.poll() is None, (KEPT / "said.txt").read_text()[-3000:]

    # The cluster, while it is there.
    study.until("Provisioning")
    cluster.wait(
        "the scheduler runs",
        lambda: any(pod["status"].get("phase") == "Running" for pod in study.pods("scheduler")),
        limit=120,
    )
    cluster.wait("both workers have nodes", lambda: len(_nodes(study)) == 2, limit=120)
    assert _nodes(study) == set(cluster.nodes)
    scheduler = study.pods("scheduler")[0]["metadata"]["name"]

    def shaken() -> str:
        said = cluster.kubectl(
            "exec", scheduler, "--", "python", "-c", HANDSHAKES, namespace=NAMESPACE, check=False
        )
        return said if said.startswith("{") else ""

    assert json.loads(cluster.wait("the scheduler answers", shaken, limit=120)) == {
        "ours": "TLSv1.3",
        "without a certificate": "refused",
        "TLS 1.2": "refused",
        "plain": "refused",
        "threads": 1,
    }

    status = study.until("Succeeded")
    # The last command of the README may begin to copy before this looks.
    assert study.children(but="results-reader") == []
    assert status["fits"]["succeeded"] == status["fits"]["total"] == 22_800
    assert status["results"]["uri"] == f"pvc://results/tables/{NAMESPACE}/{NAME}"
    for condition in ("Accepted", "Preflighted", "Complete", "Released"):
        assert study.condition(condition)["status"] == "True", condition
    moments = [status["times"][name] for name in MOMENTS]
    assert moments == sorted(moments)
    print("\n" + "\n".join(f"{name:20} {status['times'][name]}" for name in MOMENTS))
    logs = cluster.get("configmap", status["results"]["logs"], NAMESPACE) or {}
    assert len(logs["data"]) >= 4, "preflight, runner, scheduler, workers"

    # The last command brings the tables to this machine.
    assert readme.wait(timeout=120) == 0, (KEPT / "said.txt").read_text()[-3000:]
    assert {"coefficients.parquet", "fits.parquet", "run.json"} <= {
        path.name for path in FETCHED.iterdir()
    }
    cluster.wait("what copied is gone, too", lambda: not study.children(), limit=60)

    # A second apply changes nothing.
    said = cluster.kubectl("apply", "-f", str(FILE), namespace=NAMESPACE)
    assert "unchanged" in said
    before = study.body()["metadata"]["resourceVersion"]

    program = f"FILE = {FILE.read_text()!r}\nPATH = 'tables/{NAMESPACE}/{NAME}'\n{COMPARE}"
    cluster.apply(
        python_pod("compare", image, program, claims={"/results": "results"}),
        namespace=NAMESPACE,
    )
    cluster.wait_for_pod("compare", NAMESPACE, phases=["Succeeded"], limit=300)
    compared = json.loads(cluster.logs("compare", NAMESPACE).splitlines()[-1])
    assert compared["rows"] == {"coefficients": 22_800 * 5, "fits": 22_800}
    assert compared["worst"] <= 1e-12
    assert study.body()["metadata"]["resourceVersion"] == before, "nothing was written meanwhile"


def _body(study: Study) -> dict[str, object]:
    """Return the run, or nothing where not even its definition is there."""
    try:
        return study.body()
    except ClusterError:
        return {}


def _nodes(study: Study) -> set[str]:
    return {pod["spec"]["nodeName"] for pod in study.pods("worker") if "nodeName" in pod["spec"]}
