"""What a cluster may take away from a run while it fits: the run ends right all the same."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from cluster.handle import Cluster
from cluster.home import CHECKOUT
from cluster.modelruns import Study, slow_run
from cluster.stories import Place, told


def ends_whole(study: Study) -> dict[str, object]:
    """Wait for the end, and check that no fit is missing and nothing is left."""
    status = study.until("Succeeded")
    fits = status["fits"]
    assert fits["total"] == fits["succeeded"] > 0, study.told()
    assert not study.children()
    found: dict[str, object] = status
    return found


def a_killed_scheduler_costs_an_attempt_and_no_stored_fit(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=0.5))
    study.until_done(10)
    study.kill("scheduler")
    status = ends_whole(study)
    assert status["attempts"] == 2, study.told()
    assert status["cluster"]["incarnation"] == 2  # type: ignore[index]
    assert status["fits"]["reused"] > 0  # type: ignore[index]


def a_killed_worker_pod_costs_nothing_but_time(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=0.5))
    study.until_done(5)
    study.kill("worker")
    status = ends_whole(study)
    assert status["attempts"] == 1, study.told()


def a_killed_runner_is_followed_by_another_on_the_same_cluster(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=0.5))
    study.until_done(10)
    study.kill("runner")
    status = ends_whole(study)
    assert status["attempts"] == 2, study.told()
    assert status["cluster"]["incarnation"] == 1, study.told()  # type: ignore[index]
    assert status["lastAttempt"]["reason"] == "RunnerLost"  # type: ignore[index]


def a_dask_cluster_deleted_by_hand_is_raised_again(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=0.5))
    name = study.until_done(10)["cluster"]["name"]
    place.cluster.kubectl("delete", "daskcluster", name, "--wait=false", namespace=place.namespace)
    status = ends_whole(study)
    assert status["cluster"]["incarnation"] == 2  # type: ignore[index]


def a_worker_group_that_vanishes_is_asked_for_again(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=0.5))
    study.until("Provisioning")
    group = place.cluster.wait(
        "a worker group is there",
        lambda: place.cluster.list(
            "daskworkergroups", place.namespace, "modelrun.dev/run=study"
        ),
        limit=120,
    )[0]["metadata"]["name"]  # fmt: skip
    place.cluster.kubectl(
        "delete", "daskworkergroup", group, "--wait=false", namespace=place.namespace
    )
    status = ends_whole(study)
    assert status["attempts"] == 1, study.told()
    assert status["cluster"]["healedAt"], "the controller was asked again"  # type: ignore[index]


STORIES = (
    a_killed_scheduler_costs_an_attempt_and_no_stored_fit,
    a_killed_worker_pod_costs_nothing_but_time,
    a_killed_runner_is_followed_by_another_on_the_same_cluster,
    a_dask_cluster_deleted_by_hand_is_raised_again,
    a_worker_group_that_vanishes_is_asked_for_again,
)


@pytest.fixture(scope="module")
def ends(cluster: Cluster, image: str, operator: str) -> Iterator[dict[str, Future[None]]]:
    """The ends of the stories, which are told side by side."""
    assert operator
    with told(cluster, image, CHECKOUT / ".cache" / "e2e", STORIES) as found:
        yield found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", [story.__name__ for story in STORIES])
def test_it_is_true_that(story: str, ends: dict[str, Future[None]]) -> None:
    ends[story].result(timeout=800)
