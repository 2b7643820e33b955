"""The commands for a cluster against a real API server; the operator's word is written for it.

No operator runs here: the status of a run is set through the API as an operator would set it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelrun_api.crd import crd_yaml

Kubectl = Callable[..., str]

FILE = """\
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata:
  name: decay
spec:
  data: {dataset: french}
  models:
  - name: own
    callable: "decay:fit"
    kwargs: {periods: 12}
  slices:
    by: [portfolio]
  startupDeadlineSeconds: 600
  cluster: {profileName: remote-small}
"""

PROFILE = {
    "apiVersion": "modelrun.dev/v1alpha1",
    "kind": "ModelRunProfile",
    "metadata": {"name": "remote-small"},
    "spec": {
        "image": "modelrun:none",
        "workersPerNode": 4,
        "limits": {"nodes": 2, "workers": 8, "hours": 1},
    },
}


ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
"""What a controller makes in every namespace, where there are controllers."""


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def small_profile(api_kubectl: Kubectl):
    api_kubectl("apply", "-f", "-", stdin=json.dumps(PROFILE))
    yield "remote-small"
    api_kubectl("delete", "modelrunprofile", "remote-small", "--wait=false")


@pytest.fixture
def modelrun(
    api_namespace: str,
    api_kubeconfig: Path,
    small_profile: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Command:
    """Run a command in this process, in a folder with a file, its code, and a namespace."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(api_kubeconfig))
    (tmp_path / "decay.yaml").write_text(FILE)
    (tmp_path / "decay.py").write_text("import half\n\ndef fit(frame, periods):\n    return {}\n")
    (tmp_path / "half.py").write_text("LIFE = 1\n")

    def command(*arguments: object, namespace: str | None = api_namespace) -> Ended:
        from modelrun.cli import main

        capfd.readouterr()
        place = () if namespace is None else ("-n", namespace)
        monkeypatch.setattr(sys, "argv", ["modelrun", *map(str, arguments), *place])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    return command


@pytest.fixture
def say(api_kubectl: Kubectl, api_namespace: str) -> Callable[..., None]:
    """Write a status as an operator does."""

    def write(phase: str, *conditions: tuple[str, str, str, str], **more: Any) -> None:
        listed = [
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": stamp(-75),
            }
            for kind, status, reason, message in conditions
        ]
        status = {"observedGeneration": 1, "phase": phase, "conditions": listed, **more}
        api_kubectl(
            "patch", "modelrun", "decay", "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": status}), namespace=api_namespace,
        )  # fmt: skip

    return write


def stamp(seconds: int) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def somebody(name: str, kubectl: Kubectl, namespace: str, folder: Path) -> Path:
    """Make a service account without rights; return its kubeconfig."""
    kubectl("create", "serviceaccount", name, namespace=namespace)
    token = kubectl("create", "token", name, namespace=namespace).strip()
    raw = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    for user in raw["users"]:
        user["user"] = {"token": token}
    path = folder / name
    path.write_text(json.dumps(raw))
    return path


def test_a_file_travels_with_the_modules_that_its_callable_needs(
    modelrun, api_kubectl, api_namespace
):
    done = modelrun("submit", "decay.yaml")
    assert done.code == 0, done.err
    run = json.loads(api_kubectl("get", "modelrun", "decay", "-o", "json", namespace=api_namespace))
    code = json.loads(
        api_kubectl("get", "configmap", "decay-code", "-o", "json", namespace=api_namespace)
    )
    assert run["spec"]["code"] == {"configMapName": "decay-code"}
    assert set(code["data"]) == {"decay.py", "half.py"}
    assert [one["uid"] for one in code["metadata"]["ownerReferences"]] == [run["metadata"]["uid"]]
    assert {one["manager"] for one in run["metadata"].get("managedFields", [])} <= {"modelrun"}


def test_submitting_twice_changes_nothing(modelrun, api_kubectl, api_namespace):
    def found(kind: str, name: str, path: str) -> str:
        return api_kubectl("get", kind, name, "-o", f"jsonpath={{{path}}}", namespace=api_namespace)

    def said() -> tuple[str, ...]:
        # Not the run's resourceVersion: an operator may be there, and write the run's status.
        return (
            found("modelrun", "decay", ".metadata.generation"),
            found("modelrun", "decay", ".metadata.labels"),
            found("modelrun", "decay", ".spec"),
            found("configmap", "decay-code", ".metadata.resourceVersion"),
        )

    assert modelrun("submit", "decay.yaml", "--output", "json").json["verb"] == "created"
    before = said()
    assert modelrun("submit", "decay.yaml", "--output", "json").json["verb"] == "unchanged"
    assert said() == before


def test_a_word_of_the_operator_in_between_is_no_change_of_the_file(
    modelrun, api_kubectl, api_namespace
):
    assert modelrun("submit", "decay.yaml").code == 0
    api_kubectl(
        "patch", "modelrun", "decay", "--subresource=status", "--type=merge",
        '--patch={"status": {"attempts": 3}}', namespace=api_namespace,
    )  # fmt: skip
    assert modelrun("submit", "decay.yaml", "--output", "json").json["verb"] == "unchanged"


def test_a_dry_run_shows_what_would_be_made_and_makes_nothing(modelrun, api_kubectl, api_namespace):
    done = modelrun("submit", "decay.yaml", "--dry-run", "--output", "json")
    assert [one["kind"] for one in done.json["objects"]] == ["ModelRun", "ConfigMap"]
    assert "would be created" in modelrun("submit", "decay.yaml", "--dry-run").out
    assert not api_kubectl("get", "modelruns", "-o", "name", namespace=api_namespace)
    assert "decay-code" not in api_kubectl("get", "cm", "-o", "name", namespace=api_namespace)


def test_a_dry_run_says_what_the_run_will_take(modelrun, tmp_path):
    said = modelrun("submit", "decay.yaml", "--dry-run").out
    assert "nodes:   chosen by a trial of some fits, at most 2; 4 workers on each" in said
    assert "results: nowhere" in said
    (tmp_path / "decay.yaml").write_text(FILE.replace("small}", "small, nodes: 2}"))
    done = modelrun("submit", "decay.yaml", "--dry-run", "--output", "json").json
    assert done["outlook"]["nodes"] == "2 x 4 workers = 8"


def test_code_beyond_what_a_configmap_takes_says_what_to_do(modelrun, tmp_path):
    import secrets

    (tmp_path / "half.py").write_text(f"LIFE = 1\nNOISE = {secrets.token_hex(1_000_000)!r}\n")
    done = modelrun("submit", "decay.yaml")
    assert done.code == 2
    assert "half.py (2,000," in done.err
    assert "spec.code.uri" in done.err


def test_what_defines_a_run_is_not_changed_and_every_difference_is_named(modelrun, tmp_path):
    assert modelrun("submit", "decay.yaml").code == 0
    file = tmp_path / "decay.yaml"
    file.write_text(FILE.replace("periods: 12", "periods: 6").replace("[portfolio]", "[date]"))
    done = modelrun("submit", "decay.yaml")
    assert done.code == 2
    assert "spec.models[own].kwargs.periods: 12 → 6" in done.err
    assert 'spec.slices.by: ["portfolio"] → ["date"]' in done.err
    assert "--replace" in done.err


def test_deadlines_and_budgets_may_change(modelrun, tmp_path):
    modelrun("submit", "decay.yaml")
    (tmp_path / "decay.yaml").write_text(FILE.replace("Seconds: 600", "Seconds: 700"))
    done = modelrun("submit", "decay.yaml", "--output", "json").json
    assert done["verb"] == "changed"
    assert done["changes"] == ["spec.startupDeadlineSeconds: 600 → 700"]


def test_changed_code_under_the_same_name_is_refused_and_replace_starts_anew(
    modelrun, tmp_path, api_kubectl, api_namespace
):
    first = modelrun("submit", "decay.yaml", "--output", "json").json
    (tmp_path / "half.py").write_text("LIFE = 2\n")
    refused = modelrun("submit", "decay.yaml")
    assert refused.code == 2
    assert "the code (half.py)" in refused.err
    done = modelrun("submit", "decay.yaml", "--replace", "--output", "json").json
    assert done["verb"] == "replaced"
    assert done["uid"] != first["uid"]
    code = json.loads(
        api_kubectl("get", "configmap", "decay-code", "-o", "json", namespace=api_namespace)
    )
    assert code["data"]["half.py"] == "LIFE = 2\n"
    assert [one["uid"] for one in code["metadata"]["ownerReferences"]] == [done["uid"]]


def test_code_that_somebody_else_made_is_left_alone(modelrun, api_kubectl, api_namespace):
    api_kubectl(
        "create", "configmap", "decay-code", "--from-literal=decay.py=x = 1",
        namespace=api_namespace,
    )  # fmt: skip
    done = modelrun("submit", "decay.yaml")
    assert done.code == 2
    assert "modelrun did not make it" in done.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("remote-small", "remote-smal"), "did you mean 'remote-small'?"),
        (("{dataset: french}", "{uri: panel.parquet}"), "which no pod can see"),
        (("  cluster: {profileName: remote-small}\n", ""), "name a profile"),
        (("callable:", "calable:"), "callable"),
    ],
    ids=["no such profile", "a file of the laptop", "no cluster", "a mistyped key"],
)
def test_mistakes_are_told_before_anything_is_made(
    modelrun, api_kubectl, api_namespace, tmp_path, change, said
):
    (tmp_path / "decay.yaml").write_text(FILE.replace(*change))
    done = modelrun("submit", "decay.yaml")
    assert done.code == 2
    assert said in done.err
    assert not api_kubectl("get", "modelruns", "-o", "name", namespace=api_namespace)


def test_one_screen_shows_phase_fits_failures_workers_and_cost(modelrun, say):
    modelrun("submit", "decay.yaml")
    say(
        "Running",
        ("Provisioned", "True", "QuorumReached", ""),
        fits={"total": 2000, "done": 500, "succeeded": 490, "failed": 10},
        failures=[{"reason": "EmptySlice", "count": 10, "example": "own · [red]portfolio=S1V1"}],
        progress={"fitsPerSecond": 40, "estimatedCompletionTime": stamp(300), "stage": "fitting"},
        cluster={"nodes": 2, "workers": {"desired": 8, "ready": 7, "minimum": 6}},
        cost={"soFar": "6.40", "estimated": "12.10", "currency": "USD"},
        results={"uri": "s3://research/decay"},
        attempts=2,
        lastAttempt={
            "number": 1, "reason": "SchedulerLost", "message": "the pod was replaced",
            "finishedAt": stamp(-60),
        },
    )  # fmt: skip
    shown = modelrun("status", "decay").out
    for part in (
        "● Running", "500 of 2,000 fits (25 %)", "490 succeeded, 10 failed", "[red]portfolio=S1V1",
        "7 of 8 ready on 2 nodes", "6.40 USD so far, 12.10 USD estimated", "s3://research/decay",
        "40 fits a second", "number 1 ended by SchedulerLost: the pod was replaced",
    ):  # fmt: skip
        assert part in shown
    listed = modelrun("status").out
    assert re.search(r"decay +Running +500/2,000 +25 +10 +7/8 +6.40 USD", listed)
    assert modelrun("status", "decay", "--output", "json").json["status"]["fits"]["done"] == 500


def test_before_fitting_the_screen_shows_the_forecast(modelrun, say):
    modelrun("submit", "decay.yaml")
    say(
        "Provisioning",
        ("Provisioned", "False", "WorkersStarting", "3 of 8 workers"),
        forecast={"fits": 2000, "stored": 500, "seconds": 190, "nodes": 2},
        fits={"total": 2000},
        cluster={"nodes": 2, "workers": {"desired": 8, "ready": 3, "minimum": 6}},
    )
    shown = modelrun("status", "decay").out
    assert "2,000 fits, 500 of them stored already; fitting takes about 3m 10s on 2 nodes" in shown
    assert "3 of 8 ready on 2 nodes, at least 6 to start" in shown
    say("WindingDown", ("Complete", "True", "ResultsStored", ""))
    shown = modelrun("status", "decay").out
    assert "3 of 8 left" in shown
    assert "forecast" not in shown


def test_why_names_the_blocker_and_the_next_step(modelrun, say):
    modelrun("submit", "decay.yaml")
    say("Provisioning", ("Blocked", "True", "Unschedulable", "2 pods wait for a node"))
    said = modelrun("why", "decay").out
    assert "blocked for 1m 1" in said
    assert "Unschedulable" in said
    assert "2 pods wait for a node" in said
    assert "next: wait 2 to 4 minutes" in said
    assert modelrun("why", "decay", "--output", "json").json["reason"] == "Unschedulable"


def test_watching_ends_with_the_run_and_its_exit_code(modelrun, say):
    modelrun("submit", "decay.yaml")
    say("Running", fits={"total": 10, "done": 5, "succeeded": 5})
    ending = threading.Timer(
        1.5, say, ("Failed", ("Failed", "True", "TooManyFailed", "6 of 10 fits failed"))
    )
    ending.start()
    done = modelrun("watch", "decay")
    ending.join()
    assert done.code == 3
    first, *_, last = done.out.splitlines()
    assert "Running" in first
    assert "5/10 fits (50 %)" in first
    assert "TooManyFailed: 6 of 10 fits failed" in last


def test_watching_a_run_that_is_deleted_ends(modelrun, api_kubectl, api_namespace):
    modelrun("submit", "decay.yaml")
    end = threading.Timer(
        1.5, lambda: api_kubectl("delete", "modelrun", "decay", namespace=api_namespace)
    )
    end.start()
    done = modelrun("watch", "decay")
    end.join()
    assert done.code == 2
    assert "was deleted" in done.err


def test_suspend_resume_and_cancel(modelrun, say, api_kubectl, api_namespace):
    def suspended() -> str:
        path = "jsonpath={.spec.suspend}"
        return api_kubectl("get", "modelrun", "decay", "-o", path, namespace=api_namespace)

    modelrun("submit", "decay.yaml")
    assert modelrun("suspend", "decay").code == 0
    assert suspended() == "true"
    assert "unchanged" in modelrun("submit", "decay.yaml").out
    assert suspended() == "true"
    assert modelrun("resume", "decay").code == 0
    assert suspended() == "false"
    say("Running", fits={"total": 10, "done": 5, "succeeded": 5})
    assert "5 of 10 fits are stored" in modelrun("cancel", "decay").out
    assert not api_kubectl("get", "modelruns", "-o", "name", namespace=api_namespace)


def test_a_run_with_a_verdict_is_not_suspended(modelrun, say):
    modelrun("submit", "decay.yaml")
    say("WindingDown", ("Complete", "True", "ResultsStored", ""))
    done = modelrun("suspend", "decay")
    assert done.code == 2
    assert "decay has ended (ResultsStored)" in done.err


def test_a_finished_run_is_not_cancelled(modelrun, say, api_kubectl, api_namespace):
    modelrun("submit", "decay.yaml")
    say("Succeeded", ("Complete", "True", "ResultsStored", ""))
    assert modelrun("cancel", "decay").code == 2
    assert "decay" in api_kubectl("get", "modelruns", "-o", "name", namespace=api_namespace)


def test_a_run_that_finishes_while_it_is_cancelled_keeps_its_entry(
    modelrun, api_kubectl, api_namespace
):
    from modelrun.errors import UserMistake
    from modelrun.remote.access import Access
    from modelrun.remote.connection import Body, Connection
    from modelrun.remote.runs import Runs

    reports = [{"phase": "Succeeded"}, {"phase": "Running", "attempts": 1}]

    class Busy(Connection):
        """The operator writes a status right after each look at the run."""

        def read(self, path: str, **query: str | int) -> Body:
            found = super().read(path, **query)
            if reports:
                self.change(f"{path}/status", {"status": reports.pop()})
            return found

    modelrun("submit", "decay.yaml")
    with pytest.raises(UserMistake, match="is finished"):
        Runs(Busy.open(Access(api_namespace))).cancel("decay")
    assert reports == []
    assert "decay" in api_kubectl("get", "modelruns", "-o", "name", namespace=api_namespace)


def test_what_was_asked_for_is_told_from_what_the_operator_has_done(modelrun, say):
    modelrun("submit", "decay.yaml")
    say("Running", fits={"total": 10, "done": 5, "succeeded": 5})
    modelrun("suspend", "decay")
    assert "is being suspended" in modelrun("why", "decay").out
    say("Suspended", ("Suspended", "True", "SuspendRequested", ""))
    assert "the run is suspended" in modelrun("why", "decay").out
    modelrun("resume", "decay")
    assert "was resumed a moment ago" in modelrun("why", "decay").out


def test_kept_logs_are_read_by_role(modelrun, say, api_kubectl, api_namespace):
    modelrun("submit", "decay.yaml")
    pods = {
        "decay-0a1b2c3d-a1-x7x7x": "the runner said this\nand that",
        "decay-0a1b2c3d-1-scheduler-5d9f-abcde": "the scheduler said this",
        "decay-0a1b2c3d-1-default-worker-9b-abc": "a worker said this",
    }
    literals = [f"--from-literal={pod}.log={text}" for pod, text in pods.items()]
    api_kubectl("create", "configmap", "decay-logs", *literals, namespace=api_namespace)
    say("Succeeded", results={"logs": "decay-logs"})
    assert modelrun("logs", "decay", "--role", "runner").out == "the runner said this\nand that\n"
    assert modelrun("logs", "decay", "--role", "worker").out == "a worker said this\n"
    everything = modelrun("logs", "decay", "--tail", 1)
    assert everything.out.splitlines() == [
        "and that", "the scheduler said this", "a worker said this",
    ]  # fmt: skip
    assert "decay-0a1b2c3d-a1-x7x7x (runner, gone" in everything.err
    lines = modelrun("logs", "decay", "--role", "worker", "--output", "json").json
    assert lines["line"] == "a worker said this"
    assert lines["kept"] is True
    absent = modelrun("logs", "decay", "--role", "preflight")
    assert absent.code == 2
    assert "there is: runner, scheduler, worker" in absent.err


def test_without_the_rights_to_copy_from_a_volume_the_way_by_hand_is_told(
    modelrun, say, api_kubectl, api_namespace, tmp_path
):
    modelrun("submit", "decay.yaml")
    say("Succeeded", results={"uri": "pvc://shared/study/decay"})
    looking = ["--verb=get,list", "--resource=modelruns.modelrun.dev"]
    api_kubectl("create", "role", "looker", *looking, namespace=api_namespace)
    looker = f"--serviceaccount={api_namespace}:looker"
    api_kubectl("create", "rolebinding", "looks", "--role=looker", looker, namespace=api_namespace)
    kubeconfig = somebody("looker", api_kubectl, api_namespace, tmp_path)
    done = modelrun("results", "--run", "decay", "--kubeconfig", kubeconfig)
    assert done.code == 2
    assert "you may not create pods, get pods, delete pods, create pods/exec, get pods/exec" in (
        done.err
    )
    assert f"kubectl -n {api_namespace} cp decay-results:/results/study/decay" in done.err
    overrides = re.search(r"--overrides='(.*)'", done.err)
    assert overrides is not None
    # The very command, judged by Pod Security "restricted" of this namespace.
    api_kubectl("apply", "-f", "-", stdin=json.dumps(ACCOUNT), namespace=api_namespace)
    api_kubectl(
        "run", "decay-results", "--image=busybox", "--restart=Never",
        f"--overrides={overrides[1]}", "--dry-run=server", namespace=api_namespace,
    )  # fmt: skip


def test_the_pod_that_reads_a_volume_is_admitted_by_the_strictest_rules(
    modelrun, api_kubectl, api_namespace
):
    from modelrun.remote.access import Access
    from modelrun.remote.connection import Connection
    from modelrun.remote.reader_pod import of_profile, reader_pod
    from modelrun.remote.runs import Runs

    modelrun("submit", "decay.yaml")
    api_kubectl("apply", "-f", "-", stdin=json.dumps(ACCOUNT), namespace=api_namespace)
    connection = Connection.open(Access(api_namespace))
    run = Runs(connection).get("decay")
    profile = connection.read(f"{connection.profiles()}/remote-small")
    pod = reader_pod("decay-results", run, "shared", of_profile(profile))
    made = connection.create(connection.core("pods"), pod, dry_run=True)
    assert made["metadata"]["ownerReferences"][0]["uid"] == run.uid
    assert made["spec"]["containers"][0]["image"] == "modelrun:none"


def test_python_submits_waits_and_opens_the_results(
    modelrun, say, api_namespace, tmp_path, monkeypatch
):
    import modelrun as door

    stored = tmp_path / "stored"
    local = FILE.replace('callable: "decay:fit"\n    kwargs: {periods: 12}', "estimator: OLS\n    "
                         'formula: "excess ~ mkt"')  # fmt: skip
    (tmp_path / "decay.yaml").write_text(local)
    door.run(tmp_path / "decay.yaml", to=stored, report=False, quiet=True)
    run = door.submit(tmp_path / "decay.yaml", namespace=api_namespace)
    assert run.phase == "Pending"
    ok = ("Complete", "True", "ResultsStored", "")
    ending = threading.Timer(1.0, say, ("Succeeded", ok), {"results": {"uri": f"file://{stored}"}})
    ending.start()
    assert set(run.wait(timeout=60).coefficients["term"]) == {"Intercept", "mkt"}
    ending.join()
    copied = modelrun("results", "--run", "decay", "--to", tmp_path / "copy")
    assert copied.code == 0
    assert (tmp_path / "copy" / "fits.parquet").read_bytes() == (
        stored / "fits.parquet"
    ).read_bytes()


def test_waiting_is_limited_and_a_bad_end_is_raised(modelrun, say, api_namespace, tmp_path):
    import modelrun as door
    from modelrun.errors import InfrastructureError, UserMistake

    run = door.submit(tmp_path / "decay.yaml", namespace=api_namespace)
    with pytest.raises(InfrastructureError, match="not finished after 1 s"):
        run.wait(timeout=1)
    say("Failed", ("Failed", "True", "PreflightFailed", "there is no column 'mkts'"))
    with pytest.raises(UserMistake, match="no column 'mkts'"):
        run.wait(timeout=10)
    assert "PreflightFailed" in run.why()


def test_a_name_that_is_not_there_gets_the_nearest_one(modelrun):
    modelrun("submit", "decay.yaml")
    done = modelrun("status", "decoy")
    assert done.code == 2
    assert "did you mean 'decay'?" in done.err


def test_a_namespace_that_is_not_there_is_named(modelrun):
    done = modelrun("submit", "decay.yaml", namespace="no-such-namespace")
    assert done.code == 2
    assert "no-such-namespace" in done.err


def test_who_has_no_right_reads_which_role_is_missing(
    modelrun, api_kubectl, api_namespace, tmp_path
):
    nobody = somebody("nobody", api_kubectl, api_namespace, tmp_path)
    done = modelrun("status", "--kubeconfig", nobody)
    assert done.code == 2
    assert "role modelrun-editor" in done.err


def test_the_plugin_of_kubectl_is_the_same_command(api_kubeconfig, modelrun):
    plugin = Path(sys.executable).parent / "kubectl-modelrun"
    assert plugin.exists()
    done = subprocess.run(
        [plugin, "status", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "--all-namespaces" in done.stdout


def test_the_definitions_here_are_those_of_this_version(api_kubectl):
    assert "modelruns.modelrun.dev" in crd_yaml()
    assert "modelruns.modelrun.dev" in api_kubectl("get", "crd", "-o", "name")
