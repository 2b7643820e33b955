import json
import os
import subprocess
import sys

import numpy as np
import pytest

from modelrun.errors import InfrastructureError, UserMistake
from modelrun.store import lock
from modelrun.store.holder import Holder
from modelrun.store.place import Place
from modelrun.store.store import RUN, Store
from modelrun.store.takeover import take_over
from modelrun_api.failure import FailureReason
from support.finished import finished, keys

ADA = Holder(user="ada", host="node-1", pid=17, started="2026-01-01T00:00:00+00:00")

HOLD = """
import sys, numpy as np
sys.path.insert(0, sys.argv[2])
from support.finished import finished, keys
from modelrun.store.store import Store
store = Store.open(sys.argv[1], study_name="a")
store.append(finished(np.arange(10)), *keys(np.arange(10)))
print("held", flush=True)
sys.stdin.read()
"""


def put(store: Store, fits: np.ndarray, **options) -> None:
    store.append(finished(fits, **options), *keys(fits))


def test_the_second_writer_is_told_who_holds_the_location(tmp_path) -> None:
    with Store.open(str(tmp_path), study_name="a", holder=ADA) as store:
        put(store, np.arange(3))
        with pytest.raises(InfrastructureError, match=r"ada@node-1, process 17, since") as told:
            Store.open(str(tmp_path), study_name="a")
        assert told.value.exit_code == 75
        assert str(tmp_path) in str(told.value)
        assert len(Store.reading(str(tmp_path))) == 3
    with Store.open(str(tmp_path), study_name="a") as store:
        assert len(store) == 3


def test_a_killed_writer_leaves_its_fits_and_frees_the_location(tmp_path) -> None:
    tests = os.path.dirname(os.path.dirname(__file__))
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), tests],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InfrastructureError, match=f"process {process.pid}"):
            Store.open(str(tmp_path), study_name="a")
    finally:
        process.kill()
        process.communicate(timeout=20)
    with Store.open(str(tmp_path), study_name="a") as store:
        assert (store.lookup(*keys(np.arange(12))) >= 0).tolist() == [True] * 10 + [False] * 2


def test_another_studys_name_is_refused_and_both_stay_as_they_were(tmp_path) -> None:
    with Store.open(str(tmp_path), study_name="first") as store:
        put(store, np.arange(4))
        store.place.write(RUN, b"{}")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserMistake, match="holds the study 'first', this file is 'second'") as told:
        Store.open(str(tmp_path), study_name="second")
    assert told.value.field == "metadata.name"
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_a_claim_that_nobody_can_read_is_not_overwritten(tmp_path) -> None:
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(UserMistake, match=r"study\.json"):
        Store.open(str(tmp_path), study_name="a")
    assert (tmp_path / "study.json").read_text() == "{"


def test_run_json_is_removed_before_work_starts(tmp_path) -> None:
    with Store.open(str(tmp_path), study_name="a") as store:
        store.place.write(RUN, b"{}")
    with Store.open(str(tmp_path), study_name="a") as store:
        assert (tmp_path / RUN).exists()
        store.begin()
        assert not (tmp_path / RUN).exists()


def test_a_store_that_is_read_cannot_be_written(tmp_path) -> None:
    with pytest.raises(ValueError, match="open for reading"):
        put(Store.reading(str(tmp_path)), np.arange(2))


class TestObjectLocks:
    """Locks for storage without flock, here in a folder, which knows exclusive creation too."""

    @pytest.fixture(autouse=True)
    def _no_flock(self, monkeypatch) -> None:
        monkeypatch.setattr(lock, "_flock", lambda place, holder: None)

    @staticmethod
    def take(folder, now, holder=ADA):
        return lock.acquire(
            Place.at(str(folder)), holder, stale_seconds=90, clock=lambda: now[0], settle_seconds=0
        )

    def test_a_silent_holder_is_replaced_and_notices(self, tmp_path) -> None:
        now = [1000.0]
        first = self.take(tmp_path, now)
        now[0] += 80
        with pytest.raises(InfrastructureError, match="ada@node-1"):
            self.take(tmp_path, now)
        first.beat()
        now[0] += 80
        with pytest.raises(InfrastructureError, match="ada@node-1"):
            self.take(tmp_path, now)
        now[0] += 20
        second = self.take(tmp_path, now, Holder("grace", "node-2", 5, "later"))
        with pytest.raises(InfrastructureError, match="taken over by grace@node-2"):
            first.beat()
        first.release()
        assert (tmp_path / lock.OBJECT).exists()
        second.release()
        assert not (tmp_path / lock.OBJECT).exists()

    def test_a_lock_that_nobody_can_read_may_be_taken_over(self, tmp_path) -> None:
        (tmp_path / lock.OBJECT).write_text("not json")
        self.take(tmp_path, [0.0]).release()

    def test_the_holder_is_written_down(self, tmp_path) -> None:
        held = self.take(tmp_path, [5.0])
        document = json.loads((tmp_path / lock.OBJECT).read_text())
        assert (document["user"], document["host"], document["renewed"]) == ("ada", "node-1", 5.0)
        held.release()


def test_other_studies_finished_fits_are_taken_over_and_marked(tmp_path) -> None:
    failed = np.array(["failed"] * 2)
    with Store.open(str(tmp_path / "other"), study_name="other") as other:
        put(other, np.arange(0, 10), status=np.array(["succeeded"] * 10))
        put(other, np.array([10, 11]), status=failed, reason="SingularMatrix")
        put(other, np.array([12, 13]), status=failed, reason="Timeout")
    with Store.open(str(tmp_path / "own"), study_name="own") as store:
        put(store, np.array([0, 1]), shift=1.0)
        wanted = np.array([13, 0, 5, 6, 11, 99, 8])
        assert take_over(store, str(tmp_path / "other"), *keys(wanted)) == 4
        positions = store.lookup(*keys(wanted))
        assert (positions >= 0).tolist() == [False, True, True, True, True, False, True]
        there = positions[positions >= 0]
        assert store.reused(there).tolist() == [False, True, True, True, True]
        assert store.failed(positions, [FailureReason.SINGULAR_MATRIX]).tolist()[4]
        assert take_over(store, str(tmp_path / "other"), *keys(wanted)) == 0
        numbers = [
            row for chunk in store.read(np.sort(there)) for batch in chunk.batches
            for row in batch.column("fit").to_pylist()
        ]  # fmt: skip
        assert sorted(numbers) == [0, 5, 6, 8, 11]
    with Store.open(str(tmp_path / "other"), study_name="other") as other:
        assert len(other) == 14


def test_taking_over_from_nowhere_takes_nothing(tmp_path) -> None:
    with Store.open(str(tmp_path / "own"), study_name="own") as store:
        assert take_over(store, str(tmp_path / "nowhere"), *keys(np.arange(5))) == 0
