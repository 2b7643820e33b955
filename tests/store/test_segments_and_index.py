import numpy as np
import pyarrow as pa
import pytest

from modelrun.store.index import Index
from modelrun.store.segment import REASONS, STATUSES, FrameIndex
from modelrun.store.store import Store
from modelrun_api.failure import FailureReason, FitStatus, SkipReason
from support.finished import finished, keys


def put(store: Store, fits: np.ndarray, **options) -> None:
    store.append(finished(fits, **options), *keys(fits))


def told(batch: pa.RecordBatch) -> list:
    return [
        [(term["term"], term["estimate"]) for term in row]
        for row in batch.column("coefficients").to_pylist()
    ]


def asked_of(chunk) -> list:
    rows = [row for batch in chunk.batches for row in told(batch)]
    return rows if chunk.order is None else [rows[i] for i in chunk.order]


def stored(store: Store, fits: np.ndarray, chunk: int = 1000) -> list:
    chunks = store.read(store.lookup(*keys(fits)), chunk=chunk)
    return [row for chunk in chunks for row in asked_of(chunk)]


def test_codes_in_files_never_change_their_meaning() -> None:
    assert STATUSES[:4] == ("succeeded", "notConverged", "failed", "skipped")
    assert REASONS[:14] == (
        "", "EmptySlice", "TooFewRows", "NonFiniteInput", "SingularMatrix",
        "NumericallyUndetermined", "FormulaError", "EstimatorError", "CallableError",
        "InvalidResult", "ResultNotSerialisable", "Timeout", "WorkerDied", "OutOfMemory",
    )  # fmt: skip
    assert set(STATUSES) == set(FitStatus)
    assert set(REASONS) == {"", *SkipReason, *FailureReason}


def test_what_is_stored_is_found_by_key_in_the_next_process(tmp_path) -> None:
    with Store.open(str(tmp_path), study_name="a") as store:
        put(store, np.arange(0, 40))
        put(store, np.arange(70, 90))
    fits = np.array([5, 75, 41, 89, 0, 1000])
    store = Store.reading(str(tmp_path))
    positions = store.lookup(*keys(fits))
    assert (positions >= 0).tolist() == [True, True, False, True, True, False]
    there = fits[positions >= 0]
    assert stored(store, there) == told(finished(there))


def test_rows_come_in_the_asked_order_and_in_chunks(tmp_path) -> None:
    with Store.open(str(tmp_path), study_name="a") as store:
        for first in (60, 0, 30):
            put(store, np.arange(first, first + 30))
        for asked in (np.arange(90), np.arange(90)[::-1], np.array([3, 80, 4, 81, 6, 3])):
            assert stored(store, asked, chunk=25) == told(finished(asked))
            for chunk in store.read(store.lookup(*keys(asked)), chunk=25):
                assert sum(batch.num_rows for batch in chunk.batches) <= 25


def test_arrow_bytes_are_stored_as_they_came(tmp_path) -> None:
    batch = finished(np.arange(10))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch.slice(0, 4))
        stream.write_batch(batch.slice(4))
    with Store.open(str(tmp_path), study_name="a") as store:
        store.append(sink.getvalue().to_pybytes(), *keys(np.arange(10)))
        assert stored(store, np.arange(10)) == told(batch)


def test_keys_that_share_their_first_lane_are_told_apart() -> None:
    index = Index()
    low = np.random.default_rng(0).permutation(1000).astype(np.uint64)
    codes = np.zeros(1000, np.uint8)
    index.add(0, FrameIndex(0, 0, np.full(1000, 7, np.uint64), low, codes, codes), reused=False)
    asked = np.arange(1200, dtype=np.uint64)
    found = index.lookup(np.full(1200, 7, np.uint64), asked)
    assert (found[1000:] == -1).all()
    assert (low[found[:1000]] == asked[:1000]).all()
    assert (index.lookup(np.full(3, 8, np.uint64), asked[:3]) == -1).all()


def test_an_empty_store_knows_nothing(tmp_path) -> None:
    store = Store.reading(str(tmp_path / "not-there"))
    assert len(store) == 0
    assert (store.lookup(*keys(np.arange(3))) == -1).all()
    assert not (tmp_path / "not-there").exists()


FAILED = np.array(["failed"])
GOOD = np.array(["succeeded"])


@pytest.mark.parametrize(
    ("first", "then", "wins"),
    [
        ("EstimatorError", None, "then"),
        (None, None, "then"),
        ("EstimatorError", "SingularMatrix", "then"),
        ("Timeout", None, "then"),
        ("Timeout", "WorkerDied", "then"),
        (None, "WorkerDied", "first"),
        ("EstimatorError", "OutOfMemory", "first"),
        (None, "SingularMatrix", "then"),
    ],
)
def test_the_later_row_counts_unless_it_is_bad_luck(tmp_path, first, then, wins) -> None:
    fit = np.array([3])
    for shift, reason in ((1.0, first), (2.0, then)):
        with Store.open(str(tmp_path), study_name="a") as store:
            put(store, fit, shift=shift, reason=reason or "", status=FAILED if reason else GOOD)
    store = Store.reading(str(tmp_path))
    position = store.lookup(*keys(fit))
    expected = first if wins == "first" else then
    assert REASONS[store.reason(position)[0]] == (expected or "")
    if expected is None:
        shift = 1.0 if wins == "first" else 2.0
        assert stored(store, fit) == told(finished(fit, status=GOOD, shift=shift))


def test_failures_are_chosen_for_a_retry_by_their_reason(tmp_path) -> None:
    with Store.open(str(tmp_path), study_name="a") as store:
        put(store, np.arange(2), status=np.repeat(FAILED, 2), reason="Timeout")
        put(store, np.arange(2, 4), status=np.repeat(FAILED, 2), reason="SingularMatrix")
        put(store, np.arange(4, 6), status=np.array(["succeeded", "skipped"]))
        positions = store.lookup(*keys(np.arange(8)))
        assert store.failed(positions).tolist() == [True] * 4 + [False] * 4
        chosen = store.failed(positions, [FailureReason.TIMEOUT])
        assert chosen.tolist() == [True] * 2 + [False] * 6
        assert store.counts(positions) == {
            "succeeded": 1, "notConverged": 0, "failed": 4, "skipped": 1
        }  # fmt: skip


@pytest.mark.parametrize("damage", ["a bit flipped", "a hole", "garbage at the end"])
def test_damage_costs_only_the_frames_it_touches(tmp_path, damage) -> None:
    with Store.open(str(tmp_path), study_name="a") as store:
        ends = []
        for first in range(0, 50, 10):
            put(store, np.arange(first, first + 10))
            ends.append(next((tmp_path / "parts").iterdir()).stat().st_size)
    segment = next((tmp_path / "parts").iterdir())
    content = bytearray(segment.read_bytes())
    match damage:
        case "a bit flipped":
            content[(ends[1] + ends[2]) // 2] ^= 1
        case "a hole":
            content[ends[1] : ends[2]] = bytes(ends[2] - ends[1])
        case _:
            content += content[: ends[0] // 2]
    segment.write_bytes(content)
    found = Store.reading(str(tmp_path)).lookup(*keys(np.arange(50))) >= 0
    lost = set(range(20, 30)) if damage != "garbage at the end" else set()
    assert set(np.flatnonzero(~found).tolist()) == lost


def test_segments_roll_and_later_writers_sort_after_earlier_ones(tmp_path) -> None:
    from modelrun.store.store import Pace

    for attempt in range(3):
        with Store.open(str(tmp_path), study_name="a", pace=Pace(roll_bytes=4000)) as store:
            for first in range(0, 40, 10):
                put(store, np.arange(first, first + 10), shift=float(attempt))
    names = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert len(names) > 6
    assert len({name[:36] for name in names}) == 3
    store = Store.reading(str(tmp_path))
    assert stored(store, np.arange(40)) == told(finished(np.arange(40), shift=2.0))
