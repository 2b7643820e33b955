"""What people do to runs while they live: pause, resume, delete, limit, kill the operator."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from cluster.evidence import EVIDENCE
from cluster.handle import Cluster
from cluster.modelruns import model_run, slow_run
from cluster.operator import restart_operator
from cluster.stories import Place, told


def a_suspended_run_keeps_its_fits_and_goes_on_with_new_certificates(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=0.5))
    study.until_done(10)
    study.patch({"suspend": True})
    status = study.until("Suspended")
    assert not study.children()
    assert status["results"]["logs"]
    assert study.condition("Released")["status"] == "True"
    stored = status["fits"]["done"]
    study.patch({"suspend": False})
    status = study.until("Succeeded")
    assert status["cluster"]["incarnation"] == 2
    assert status["fits"]["reused"] >= stored > 0
    assert status["countedFailures"] == 0
    assert not study.children()


def a_run_deleted_before_it_has_a_cluster_leaves_nothing(place: Place) -> None:
    study = place.submit(slow_run("study"))
    study.until("Preflight")
    uid = study.delete()
    study.until_nothing_is_left(uid)
    assert not study.body()


def a_run_deleted_while_its_cluster_comes_up_leaves_nothing(place: Place) -> None:
    study = place.submit(slow_run("study"))
    study.until("Provisioning")
    place.cluster.wait("a scheduler comes", lambda: study.pods("scheduler"))
    uid = study.delete()
    study.until_nothing_is_left(uid)
    assert not study.body()


def a_run_deleted_while_it_fits_and_created_again_at_once_is_a_new_run(place: Place) -> None:
    run = slow_run("study", seconds=0.1)
    study = place.submit(run)
    study.until_done(1)
    uid = study.delete()
    place.submit(run)
    status = study.until("Succeeded")
    assert study.body()["metadata"]["uid"] != uid
    assert status["cluster"]["incarnation"] == 1
    study.until_nothing_is_left(uid)
    assert not study.children()


def a_run_that_takes_too_long_ends_and_leaves_nothing(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=10, activeDeadlineSeconds=60))
    study.until("Failed")
    failed = study.condition("Failed")
    assert failed["reason"] == "DeadlineExceeded", study.told()
    assert "spec.activeDeadlineSeconds" in failed["message"]
    assert not study.children()


def a_run_deleted_while_it_winds_down_leaves_nothing(place: Place) -> None:
    study = place.submit(model_run("study"))
    study.until("WindingDown")
    uid = study.delete()
    study.until_nothing_is_left(uid)
    assert not study.body()


def a_run_that_would_pass_its_budget_is_refused_with_the_numbers(place: Place) -> None:
    budget = {"amount": "0.01", "currency": "USD"}
    study = place.submit(slow_run("study", seconds=1, budget=budget))
    status = study.until("Failed")
    failed = study.condition("Failed")
    assert failed["reason"] == "OverBudget", study.told()
    assert "0.01" in failed["message"]
    assert "cluster" not in status, "nothing was paid for"
    assert not study.children()


def a_run_whose_pilot_was_wrong_stops_at_its_budget_and_keeps_what_is_finished(
    place: Place,
) -> None:
    model = {"name": "mean", "callable": "slow:mean_slower_than_its_pilot"}
    budget = {"amount": "0.14", "currency": "USD"}
    study = place.submit(
        slow_run("study", models=[{**model, "kwargs": {"seconds": 1}}], budget=budget)
    )
    status = study.until("Failed")
    failed = study.condition("Failed")
    assert failed["reason"] == "BudgetExceeded", study.told()
    assert 0 < status["fits"]["done"] < status["fits"]["total"]
    assert float(status["cost"]["soFar"]) >= 0.14
    assert not study.children()
    done = status["fits"]["done"]
    uid = study.delete()
    study.until_nothing_is_left(uid)
    place.cluster.wait("the first run is gone", lambda: not study.body(), limit=60)
    again = place.submit(slow_run("study", models=[{**model, "kwargs": {"seconds": 1}}]))
    status = again.until_done(done)
    assert status["fits"]["reused"] >= done > 0
    again.delete()
    again.until_nothing_is_left()


def a_finished_run_goes_when_its_time_to_live_is_over(place: Place) -> None:
    study = place.submit(model_run("study", ttlSecondsAfterFinished=5))
    uid = study.body()["metadata"]["uid"]
    study.until("Succeeded")
    place.cluster.wait("the run is gone", lambda: not study.body(), limit=120)
    study.until_nothing_is_left(uid)


def a_run_survives_the_operator_at_every_step(place: Place) -> None:
    study = place.submit(slow_run("study", seconds=0.2))
    for phase in ("Preflight", "Provisioning", "Running", "WindingDown"):
        study.until(phase, "Succeeded")
        restart_operator(place.cluster)
    status = study.until("Succeeded")
    assert status["attempts"] == 1
    assert status["cluster"]["incarnation"] == 1
    assert status["fits"]["failed"] == 0
    assert not study.children()


def a_run_that_is_stored_already_needs_no_cluster(place: Place) -> None:
    first = place.submit(model_run("study"))
    first.until("Succeeded")
    uid = first.delete()
    place.cluster.wait("the first run is gone", lambda: not first.body(), limit=120)
    first.until_nothing_is_left(uid)
    second = place.submit(model_run("study"))
    status = second.until("Succeeded")
    assert second.condition("Complete")["reason"] == "AlreadyStored"
    assert status.get("attempts", 0) == 0
    assert not second.children()


STORIES = (
    a_suspended_run_keeps_its_fits_and_goes_on_with_new_certificates,
    a_run_survives_the_operator_at_every_step,
    a_run_deleted_before_it_has_a_cluster_leaves_nothing,
    a_run_deleted_while_its_cluster_comes_up_leaves_nothing,
    a_run_deleted_while_it_fits_and_created_again_at_once_is_a_new_run,
    a_run_deleted_while_it_winds_down_leaves_nothing,
    a_run_that_takes_too_long_ends_and_leaves_nothing,
    a_run_that_would_pass_its_budget_is_refused_with_the_numbers,
    a_run_whose_pilot_was_wrong_stops_at_its_budget_and_keeps_what_is_finished,
    a_finished_run_goes_when_its_time_to_live_is_over,
    a_run_that_is_stored_already_needs_no_cluster,
)


@pytest.fixture(scope="module")
def ends(cluster: Cluster, image: str, operator: str) -> Iterator[dict[str, Future[None]]]:
    """The ends of the stories, which are told side by side."""
    assert operator
    with told(cluster, image, EVIDENCE, STORIES) as found:
        yield found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", [story.__name__ for story in STORIES])
def test_it_is_true_that(story: str, ends: dict[str, Future[None]]) -> None:
    ends[story].result(timeout=800)
