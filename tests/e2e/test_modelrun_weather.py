"""The cluster itself fails: calls, the API server as a whole, a node. The run ends right."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from cluster import weather
from cluster.evidence import EVIDENCE
from cluster.handle import Cluster
from cluster.modelruns import PROFILE, Study, model_run, results_claim, slow_code, slow_run, submit
from cluster.operator import deployment, keep_log, restart_operator

AWAY_SECONDS = 60


@pytest.fixture
def rain(cluster: Cluster, image: str, operator: str) -> Iterator[None]:
    """Calls of the operator that fail now and then, in every way that calls fail."""
    assert operator
    weather.let_it_rain(cluster, deployment(image))
    yield
    keep_log(cluster, EVIDENCE / "operator-in-the-rain.log")
    cluster.apply(deployment(image))
    restart_operator(cluster)
    cluster.wait_for_rollout("deployment/operator", operator)


@pytest.mark.timeout(900)
def test_calls_that_fail_in_every_way_make_nothing_twice(
    cluster: Cluster, namespace: str, rain: None
) -> None:
    cluster.apply(results_claim(), slow_code(), namespace=namespace)
    studies = [submit(cluster, namespace, slow_run("slow"))]
    studies += [submit(cluster, namespace, model_run(f"study-{i}")) for i in range(2)]
    for study in studies:
        status = study.until("Succeeded", limit=500)
        assert (status["attempts"], status["cluster"]["incarnation"]) == (1, 1), study.told()
        assert status["fits"]["succeeded"] == status["fits"]["total"] > 0
        assert not study.children()
    fell = weather.what_fell(cluster)
    how_often = weather.counted(fell)
    assert all(how_often[what] for what in ("refused", "lost", "busy", "conflict", "cut"))
    assert any(one["did"] == "lost" and one["code"] == 201 for one in fell), "no lost creation"
    made = Counter((one["path"], one["name"]) for one in fell if one["did"] == "created")
    twice = [key for key, count in made.items() if count > 1]
    assert made
    assert not twice


@pytest.mark.timeout(900)
def test_an_api_server_that_is_away_for_a_minute_costs_no_attempt(
    cluster: Cluster, namespace: str, operator: str
) -> None:
    assert operator
    cluster.apply(results_claim(), slow_code(), namespace=namespace)
    study = submit(cluster, namespace, slow_run("study", seconds=1))
    before = study.until_done(5)["fits"]["done"]
    with cluster.api_server_away():
        time.sleep(AWAY_SECONDS)
    status = study.until("Succeeded", limit=400)
    assert status["attempts"] == 1, study.told()
    assert status["cluster"]["incarnation"] == 1, study.told()
    assert status["fits"]["succeeded"] == status["fits"]["total"] > before
    assert not study.children()


@pytest.mark.timeout(900)
def test_a_node_that_is_lost_takes_no_stored_fit_along(
    cluster: Cluster, namespace: str, operator: str
) -> None:
    assert operator
    cluster.apply(results_claim(), slow_code(), namespace=namespace)
    shape = {"profileName": PROFILE, "nodes": 2, "minWorkers": "50%"}
    study = submit(cluster, namespace, slow_run("study", seconds=1, cluster=shape))
    before = study.until_done(10)["fits"]["done"]
    scheduler = study.pods("scheduler")[0]["spec"]["nodeName"]
    (lost,) = set(cluster.nodes) - {scheduler}
    with cluster.lost_node(lost):
        cluster.wait("the fits are stored", lambda: _complete(study), limit=500)
    status = study.until("Succeeded", limit=120)
    assert status["fits"]["succeeded"] == status["fits"]["total"] > before
    assert not study.children()


def _complete(study: Study) -> bool:
    """Tell whether the verdict is in: pods of the lost node may hold the end up."""
    return study.condition("Complete").get("status") == "True"
