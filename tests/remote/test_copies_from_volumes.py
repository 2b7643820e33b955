"""Results on a volume of the cluster come to this machine, whole and without traces left there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import modelrun as door
from modelrun.errors import InfrastructureError, UserMistake
from support.pod_server import READY, PodServer, finished_run, unschedulable, waiting

URI = "pvc://shared/study/first"
FILES = ("coefficients.parquet", "fits.parquet", "failures.parquet", "run.json")


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume with the results of a run in study/first."""
    volume = tmp_path_factory.mktemp("volume")
    document = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "first"},
        "spec": {
            "data": {"dataset": "french"},
            "models": [{"name": "capm", "estimator": "OLS", "formula": "excess ~ mkt"}],
            "slices": {"by": ["portfolio"]},
        },
    }
    door.run(document, to=volume / "study" / "first", report=False, quiet=True)
    return volume


@pytest.fixture
def server(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PodServer]:
    """The cluster with that volume; the kubeconfig of this machine leads to it."""
    monkeypatch.chdir(tmp_path)
    with PodServer(finished_run("first", URI), stored) as served:
        monkeypatch.setenv("KUBECONFIG", str(served.kubeconfig(tmp_path / "kubeconfig")))
        yield served


@pytest.fixture
def modelrun(
    server: PodServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Run a command in this process."""

    def command(*arguments: object) -> Ended:
        from modelrun.cli import main

        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["modelrun", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    return command


@pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v5.channel.k8s.io"])
def test_tables_come_whole_and_the_pod_goes(server, modelrun, stored, protocol):
    server.protocols = (protocol,)
    done = modelrun("results", "--run", "first")
    assert done.code == 0, done.err
    assert "fits" in done.out
    for name in FILES:
        copied = Path("results/first", name)
        assert copied.read_bytes() == (stored / "study" / "first" / name).read_bytes()
    assert f"from {URI} into results/first" in done.err
    assert server.deleted == [one["metadata"]["name"] for one in server.made]


def test_the_pod_has_the_image_and_the_place_of_the_profile_and_reads_only(server, modelrun):
    modelrun("results", "--run", "first")
    (pod,) = server.made
    spec = pod["spec"]
    assert spec["containers"][0]["image"] == "modelrun:1"
    assert spec["nodeSelector"] == {"pool": "control"}
    assert spec["containers"][0]["volumeMounts"][0]["readOnly"] is True
    assert pod["metadata"]["labels"]["queue"] == "small"
    assert "modelrun.dev/run-uid" not in pod["metadata"]["labels"]
    assert pod["metadata"]["ownerReferences"][0]["uid"] == "0a1b2c3d-0000"


def test_what_is_here_already_does_not_travel_again(server, modelrun, stored):
    modelrun("results", "--run", "first")
    first = server.sent
    size = sum((stored / "study" / "first" / name).stat().st_size for name in FILES)
    assert first > size
    assert modelrun("results", "--run", "first").code == 0
    assert server.sent - first < 20_000


def test_a_table_that_is_no_longer_there_is_no_longer_in_the_copy(server, modelrun):
    modelrun("results", "--run", "first")
    stale = Path("results/first/observations.parquet")
    stale.write_bytes(b"of an earlier run")
    modelrun("results", "--run", "first")
    assert not stale.exists()


def test_a_stream_that_breaks_leaves_whole_files_only_and_the_next_try_ends_it(
    server, modelrun, stored
):
    server.cut_after = 20_000
    done = modelrun("results", "--run", "first", "--to", "copy")
    assert done.code == 75
    assert "files have come whole" in done.err
    assert not Path("copy/run.json").exists()
    assert list(Path("copy").iterdir())
    for path in Path("copy").iterdir():
        assert path.read_bytes() == (stored / "study" / "first" / path.name).read_bytes()
    assert len(server.deleted) == 1
    server.cut_after = None
    assert modelrun("results", "--run", "first", "--to", "copy").code == 0
    assert Path("copy/run.json").exists()


def test_a_large_table_comes_through(server, modelrun, stored, tmp_path):
    volume = tmp_path / "large"
    folder = volume / "study" / "first"
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes((stored / "study" / "first" / name).read_bytes())
    content = os.urandom(30_000_000)
    (folder / "observations.parquet").write_bytes(content)
    server.volume = volume
    assert modelrun("results", "--run", "first").code == 0
    assert Path("results/first/observations.parquet").read_bytes() == content


def test_a_folder_of_a_local_run_is_never_written_over(server, modelrun):
    parts = Path("results/first/parts")
    parts.mkdir(parents=True)
    done = modelrun("results", "--run", "first")
    assert done.code == 2
    assert "--to results/first-cluster" in done.err
    assert server.made == []


def test_a_copy_of_another_run_is_never_written_over(server, modelrun):
    Path("copy").mkdir()
    Path("copy/run.json").write_text('{"formatVersion": 1, "study": "second"}')
    done = modelrun("results", "--run", "first", "--to", "copy")
    assert done.code == 2
    assert "holds the results of second" in done.err


@pytest.mark.parametrize("right", ["create pods", "create pods/exec", "delete pods"])
def test_a_missing_right_is_named_before_anything_is_made(server, modelrun, right):
    server.denied = {right}
    done = modelrun("results", "--run", "first")
    assert done.code == 2
    assert f"you may not {right} in the namespace research" in done.err
    assert "kubectl -n research cp first-results:/results/study/first results/first" in done.err
    assert server.made == []


def test_without_the_profile_the_way_by_hand_is_told(server, modelrun):
    server.no_profile = True
    done = modelrun("results", "--run", "first")
    assert done.code == 2
    assert "profile 'small', which cannot be read" in done.err
    assert "By hand" in done.err


@pytest.mark.parametrize(
    ("state", "said", "code"),
    [
        (waiting("ImagePullBackOff", "Back-off pulling image"), "cannot get its image", 2),
        (waiting("CreateContainerConfigError", 'secret "x" not found'), 'secret "x" not found', 2),
        (unschedulable('persistentvolumeclaim "shared" not found'), "cannot be used", 2),
        ({"phase": "Failed", "reason": "Evicted", "message": "the node was low"}, "Evicted", 2),
    ],
    ids=["image", "configuration", "claim", "ended"],
)
def test_a_pod_that_cannot_start_says_why_and_goes(server, modelrun, state, said, code):
    server.states = [{"phase": "Pending"}, state]
    done = modelrun("results", "--run", "first")
    assert done.code == code
    assert said in done.err
    assert len(server.deleted) == 1


def test_a_node_that_is_not_there_yet_is_waited_for(server, modelrun):
    server.states = [unschedulable("0/2 nodes are available"), {"phase": "Pending"}, READY]
    assert modelrun("results", "--run", "first").code == 0


def test_waiting_for_a_pod_is_limited_and_its_last_warning_told(server, stored, tmp_path):
    from modelrun.remote.access import Access
    from modelrun.remote.connection import Connection
    from modelrun.remote.fetching import bring
    from modelrun.remote.runs import Runs

    server.states = [waiting("ContainerCreating", "")]
    server.events = [{"message": "MountVolume.SetUp failed", "lastTimestamp": "2026-01-05"}]
    connection = Connection.open(Access())
    run = Runs(connection).get("first")
    with pytest.raises(InfrastructureError, match=r"MountVolume\.SetUp failed"):
        bring(connection, run, tmp_path / "copy", patience=0.1)
    assert len(server.deleted) == 1


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_results_that_are_not_there_yet_are_said_to_be_so(server, modelrun, phase):
    server.run = finished_run("first", "pvc://shared/elsewhere", phase)
    done = modelrun("results", "--run", "first")
    assert done.code == 2
    assert f"first ({phase}) has no tables in the folder elsewhere" in done.err
    assert not Path("results/first/run.json").exists()
    assert len(server.deleted) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_deletes_its_pod(server, tmp_path, number):
    server.states = [unschedulable("0/2 nodes are available")]
    program = subprocess.Popen(
        [sys.executable, "-m", "modelrun", "results", "--run", "first"], cwd=tmp_path,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 60
    while not server.made and time.monotonic() < end:
        time.sleep(0.05)
    program.send_signal(number)
    _, said = program.communicate(timeout=60)
    assert program.returncode == 128 + number
    assert "the same command fetches the rest" in said
    assert server.deleted == [one["metadata"]["name"] for one in server.made]


def test_python_copies_into_a_folder_that_goes_with_the_results(server):
    run = door.remote_run("first")
    result = run.wait(timeout=60)
    folder = Path(result.location)
    assert folder.name.startswith("modelrun-first-")
    assert set(result.coefficients["term"]) == {"Intercept", "mkt"}
    assert folder.exists()
    del result
    assert not folder.exists()


def test_python_copies_into_a_folder_that_is_named(server, tmp_path, stored):
    result = door.remote_run("first").results(to=tmp_path / "kept")
    theirs = pd.read_parquet(stored / "study" / "first" / "fits.parquet")
    pd.testing.assert_frame_equal(result.fits, theirs)
    del result
    assert (tmp_path / "kept" / "run.json").exists()


def test_python_leaves_no_folder_behind_when_there_are_no_results(server, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server.denied = {"create pods"}
    with pytest.raises(UserMistake, match="may not create pods"):
        door.remote_run("first").results()
    assert not list(tmp_path.glob("modelrun-first-*"))
