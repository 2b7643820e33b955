import threading
import time

import numpy as np
import pytest

from modelrun.errors import InfrastructureError, UserMistake
from modelrun.results.assemble import assemble
from modelrun.store import lock
from modelrun.store.holder import Holder
from modelrun.store.place import Place
from modelrun.store.store import Pace, Store
from modelrun.store.takeover import take_over
from modelrun_api.spec import Results
from support.finished import finished, keys, study


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A bucket in a real HTTP server on this machine, and the environment that leads to it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "something")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="results")
        yield client
        client.close()
    server.stop()


def put(store: Store, fits: np.ndarray, **options) -> None:
    store.append(finished(fits, **options), *keys(fits))


def objects(bucket, prefix: str) -> list[str]:
    listed = bucket.list_objects_v2(Bucket="results", Prefix=prefix).get("Contents", [])
    return [item["Key"].removeprefix(prefix) for item in listed]


def test_fits_in_a_bucket_are_found_again(bucket) -> None:
    uri = "s3://results/found-again"
    with Store.open(uri, study_name="a") as store:
        put(store, np.arange(20))
        put(store, np.arange(30, 40))
        assert len(store) == 30
    names = objects(bucket, "found-again/")
    assert "study.json" in names
    assert sum(name.endswith(".seg") for name in names) == 1
    assert "lock.json" not in names
    with Store.open(uri, study_name="a") as store:
        positions = store.lookup(*keys(np.arange(40)))
        assert (positions >= 0).tolist() == [True] * 20 + [False] * 10 + [True] * 10
        put(store, np.arange(20, 30))
    assert len(Store.reading(uri)) == 40


def test_a_bucket_is_opened_by_its_indexes_and_read_where_rows_are_wanted(bucket) -> None:
    uri = "s3://results/indexes"
    for first in (0, 10, 20):
        with Store.open(uri, study_name="a") as store:
            put(store, np.arange(first, first + 5))
            put(store, np.arange(first + 5, first + 10))
    segments = [name for name in objects(bucket, "indexes/") if name.endswith(".seg")]
    bucket.delete_object(Bucket="results", Key=f"indexes/{segments[2]}")
    bucket.delete_object(Bucket="results", Key=f"indexes/{segments[1].replace('.seg', '.idx')}")
    index = f"indexes/{segments[0].replace('.seg', '.idx')}"
    bucket.put_object(Bucket="results", Key=index, Body=b"damaged")
    store = Store.reading(uri)
    positions = store.lookup(*keys(np.arange(30)))
    assert (positions >= 0).tolist() == [True] * 20 + [False] * 10
    found = [
        row for chunk in store.read(positions[:20]) for batch in chunk.batches
        for row in batch.column("fit").to_pylist()
    ]  # fmt: skip
    assert found == list(range(20))
    store.close()


def test_appended_fits_are_sent_when_they_have_some_age_or_size(bucket) -> None:
    pace = Pace(roll_bytes=30_000, roll_seconds=0.2, beat_seconds=0.1)
    with Store.open("s3://results/ages", study_name="a", pace=pace) as store:
        put(store, np.arange(5))
        deadline = time.monotonic() + 20
        while not [name for name in objects(bucket, "ages/") if name.endswith(".seg")]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        put(store, np.arange(5, 400))
        assert len([name for name in objects(bucket, "ages/") if name.endswith(".seg")]) == 2
        assert len(Store.reading("s3://results/ages")) == 400


def test_the_second_writer_to_a_bucket_is_told_who_holds_it(bucket) -> None:
    uri = "s3://results/held"
    ada = Holder("ada", "node-1", 17, "2026-01-01T00:00:00+00:00")
    told = pytest.raises(InfrastructureError, match="ada@node-1, process 17")
    with Store.open(uri, study_name="a", holder=ada), told:
        Store.open(uri, study_name="a")
    with Store.open(uri, study_name="a"):
        pass


def test_of_two_who_come_at_once_one_gets_the_bucket(bucket) -> None:
    place, got, refused = Place.at("s3://results/at-once"), [], []
    gate = threading.Barrier(4)

    def come(number: int) -> None:
        gate.wait(10)
        try:
            got.append(lock.acquire(place, Holder("u", "h", number, "now"), stale_seconds=60))
        except InfrastructureError:
            refused.append(number)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(got), len(refused)) == (1, 3)
    got[0].release()


def test_a_dead_writer_of_a_bucket_is_replaced_and_one_that_wakes_up_stops(bucket) -> None:
    uri = "s3://results/stale"
    slow = Pace(beat_seconds=1000, roll_seconds=1000)
    sleeper = Store.open(uri, study_name="a", pace=slow)
    put(sleeper, np.arange(3))
    time.sleep(0.3)
    quick = Pace(stale_seconds=0.2)
    with Store.open(uri, study_name="a", pace=quick) as store:
        put(store, np.arange(3, 6))
        with pytest.raises(InfrastructureError, match="taken over"):
            sleeper._lock.beat()
        sleeper.close()
    assert len(Store.reading(uri)) == 6


def test_tables_are_assembled_in_a_bucket(bucket) -> None:
    from modelrun.results.difference import compare
    from modelrun.results.summary import summarise

    uri = "s3://results/tables"
    the_study = study()
    hi, lo = keys(np.arange(30))
    with Store.open(uri, study_name="a") as store:
        put(store, np.arange(30))
        done = assemble(
            the_study, hi, lo, store, store.lookup(hi, lo), Results(coefficients=["estimate"])
        )
    assert done.counts.total == 30
    assert {"fits.parquet", "coefficients.parquet", "failures.parquet"} <= set(
        objects(bucket, "tables/")
    )
    assert summarise(uri).models["model-0"]["succeeded"] > 0
    assert compare(uri, uri).equal


def test_csv_files_come_from_a_bucket(bucket, tmp_path) -> None:
    from modelrun.results.export import export_csv

    written = export_csv("s3://results/tables", tmp_path)
    assert written[0].read_text().startswith('"fit_key","model"')


def test_fits_are_taken_over_from_a_bucket(bucket, tmp_path) -> None:
    with Store.open("s3://results/source", study_name="other") as store:
        put(store, np.arange(10))
    with Store.open(str(tmp_path), study_name="own") as store:
        assert take_over(store, "s3://results/source", *keys(np.arange(8))) == 8


def test_any_file_system_of_fsspec_will_do() -> None:
    uri = "memory://anything/results"
    with Store.open(uri, study_name="a") as store:
        put(store, np.arange(7))
        with pytest.raises(InfrastructureError, match="is being written by"):
            Store.open(uri, study_name="a")
    with pytest.raises(UserMistake, match="holds the study 'a'"):
        Store.open(uri, study_name="b")
    with Store.open(uri, study_name="a") as store:
        assert (store.lookup(*keys(np.arange(8))) >= 0).sum() == 7


def test_a_bucket_that_is_not_there_is_the_users_mistake(bucket) -> None:
    with pytest.raises(UserMistake, match="s3://nobody/results"):
        Store.open("s3://nobody/results", study_name="a")


def test_a_write_test_in_a_bucket_leaves_nothing_behind(bucket) -> None:
    Place.at("s3://results/probed").probe()
    assert objects(bucket, "probed/") == []


def test_storage_that_does_not_answer_is_infrastructure(bucket, monkeypatch) -> None:
    import fsspec

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"skip_instance_cache": True})
    with pytest.raises(InfrastructureError, match="s3://results/away"):
        Store.open("s3://results/away", study_name="a")
