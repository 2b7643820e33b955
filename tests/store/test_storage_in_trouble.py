import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from modelrun.errors import InfrastructureError, UserMistake
from modelrun.store.place import Place
from modelrun.store.store import Store
from support.finished import finished, keys


def put(store: Store, fits: np.ndarray) -> None:
    store.append(finished(fits), *keys(fits))


@pytest.fixture(params=["disk", "file size"])
def little_room(request, tmp_path):
    """A folder in which about half a megabyte can be written."""
    if request.param == "disk":
        if os.geteuid() != 0 or sys.platform != "linux":
            pytest.skip("only root can mount a small disk")
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(tmp_path)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip("mounting is not allowed here")
        yield tmp_path
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_stops_the_run_and_loses_nothing_that_was_stored(little_room) -> None:
    store = Store.open(str(little_room), study_name="a")
    stored = 0
    with pytest.raises(InfrastructureError, match="no room is left") as told:
        while stored < 100_000:
            put(store, np.arange(stored, stored + 200))
            stored += 200
    assert told.value.exit_code == 75
    assert f"{stored:,} finished fits are stored" in str(told.value)
    assert "run the same command again" in str(told.value)
    store.close()
    assert stored > 0
    found = Store.reading(str(little_room)).lookup(*keys(np.arange(stored + 200)))
    assert (found >= 0).tolist() == [True] * stored + [False] * 200


def test_tables_that_do_not_fit_leave_no_rubbish(little_room) -> None:
    from modelrun.results.assemble import assemble
    from modelrun_api.spec import Results
    from support.finished import study

    the_study = study(models=1, groups=1, windows=1200)
    with Store.open(str(little_room), study_name="a") as store:
        put(store, np.arange(1200))
        if os.path.ismount(little_room):
            room = os.statvfs(little_room).f_bavail * 4096
            (little_room / "other").write_bytes(bytes(max(0, room - 20_000)))
        else:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        hi, lo = keys(np.arange(1200))
        asked = Results(coefficients=["estimate", "std_error", "p_value"])
        with pytest.raises(InfrastructureError, match="cannot write tables"):
            assemble(the_study, hi, lo, store, store.lookup(hi, lo), asked)
    assert not list(little_room.glob("*.parquet")) and not list(little_room.glob(".*.part"))
    assert len(Store.reading(str(little_room))) == 1200


def unwritable(tmp_path) -> str:
    if os.geteuid() == 0:
        return "/sys/modelrun"
    tmp_path.chmod(0o500)
    return str(tmp_path / "results")


def test_a_place_that_is_not_writable_is_the_users_mistake(tmp_path) -> None:
    place = unwritable(tmp_path)
    with pytest.raises(UserMistake, match="permission") as told:
        Store.open(place, study_name="a")
    assert place in str(told.value)
    assert "--to" in str(told.value)
    with pytest.raises(UserMistake):
        Place.at(place).probe()


def test_a_file_where_the_folder_should_be_is_the_users_mistake(tmp_path) -> None:
    (tmp_path / "results").write_text("I am a file")
    with pytest.raises(UserMistake, match="a file lies where a folder is needed"):
        Store.open(str(tmp_path / "results"), study_name="a")
    assert (tmp_path / "results").read_text() == "I am a file"


def test_a_write_test_leaves_nothing_behind(tmp_path) -> None:
    Place.at(str(tmp_path / "new")).probe()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("gopher://somewhere/results", "no storage of kind gopher"),
        ("gs://bucket/results", "modelrun[gcs]"),
        ("abfs://container@account/results", "modelrun[azure]"),
    ],
)
def test_an_address_that_nothing_can_open_says_what_to_install(uri, said) -> None:
    import importlib.util

    package = {"gs": "gcsfs", "abfs": "adlfs"}.get(uri.split(":")[0], "none")
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    with pytest.raises(UserMistake) as told:
        Place.at(uri)
    assert said in str(told.value)
