"""What the operator knows of the world, whichever of its three streams brings what first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from modelrun_api.identity import RUN_UID_LABEL
from modelrun_operator.core.snapshot import Kind
from modelrun_operator.kube.cache import Cache

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def an_object(uid: str, version: int, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"name-of-{uid}",
            "namespace": "lab",
            "uid": uid,
            "resourceVersion": str(version),
            "labels": {RUN_UID_LABEL: "run"},
            "managedFields": [{"manager": "somebody"}],
            **metadata,
        },
        "status": {"phase": "Running"},
    }


def names(cache: Cache) -> set[str]:
    return {body["metadata"]["uid"] for body in cache.children("run")}


def test_the_newer_version_wins_whatever_comes_first():
    cache = Cache()
    assert cache.put(an_object("pod", 7), Kind.POD)
    assert not cache.put(an_object("pod", 5), Kind.POD)
    assert not cache.put(an_object("pod", 7), Kind.POD), "the same again is no news"
    assert cache.put(an_object("pod", 8), Kind.POD)


def test_an_event_that_was_under_way_brings_nothing_back():
    cache = Cache()
    cache.put(an_object("job", 1), Kind.JOB)
    cache.drop("job", Kind.JOB, now=NOW)
    assert not cache.put(an_object("job", 9), Kind.JOB)
    assert names(cache) == set()


def test_a_pod_that_vanished_stays_until_its_time_is_counted():
    cache = Cache()
    cache.put(an_object("pod", 1), Kind.POD)
    cache.drop("pod", Kind.POD, now=NOW)
    assert cache.vanished("run") == {"pod": NOW}
    assert names(cache) == {"pod"}
    cache.counted("run", until=NOW - timedelta(seconds=1))
    assert names(cache) == {"pod"}
    cache.counted("run", until=NOW)
    assert names(cache) == set()


def test_a_list_removes_what_is_gone_and_leaves_what_is_newer_than_it():
    cache = Cache()
    cache.put(an_object("old", 3), Kind.JOB)
    cache.put(an_object("made-meanwhile", 12), Kind.JOB)
    news = cache.replace(Kind.JOB, [an_object("listed", 4)], version=10, now=NOW)
    assert names(cache) == {"made-meanwhile", "listed"}
    assert news == {"run"}
    assert cache.replace(Kind.JOB, [an_object("listed", 4)], version=11, now=NOW) == set()


def test_a_run_that_is_gone_takes_what_is_known_of_its_children_along():
    cache = Cache()
    cache.put({**an_object("run", 1), "spec": {}}, "ModelRun")
    cache.put(an_object("pod", 2), Kind.POD)
    cache.drop("run", "ModelRun", now=NOW)
    assert names(cache) == set()
    assert list(cache.runs()) == []


def test_a_secret_leaves_nothing_of_its_contents_in_memory():
    cache = Cache()
    body = {**an_object("tls", 1), "data": {"worker.key": "c2VjcmV0"}}
    cache.put(body, Kind.SECRET)
    (kept,) = cache.children("run")
    assert kept.keys() == {"kind", "metadata"}
    assert "managedFields" not in kept["metadata"]
