"""What may be wrong with a run or its surroundings: it says so, says what to do, leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from cluster.handle import UNPULLABLE_IMAGE, Cluster
from cluster.home import CHECKOUT
from cluster.modelruns import PROFILE, model_run, profile, slow_run
from cluster.stories import Place, told

ASKS = {"resources": {"requests": {"cpu": "20m"}}, "scratch": {"size": "100Mi"}}


def own_profile(place: Place, **changes: object) -> str:
    """Make a profile for this story alone; return its name."""
    place.cluster.apply(profile(name=place.namespace, **{"image": place.image, **changes}))
    return place.namespace


def a_profile_that_does_not_exist_is_named_and_waited_for(place: Place) -> None:
    name = place.namespace
    study = place.submit(model_run("study", cluster={"profileName": name, "nodes": 1}))
    assert name in study.until_blocked("ProfileNotFound")
    assert study.condition("Accepted")["status"] == "False"
    assert not study.children()
    own_profile(place, limits={"nodes": 2, "workers": 1, "hours": 1})
    study.until("Preflight", "Securing", "Provisioning", limit=120)
    study.delete()
    study.until_nothing_is_left()
    place.cluster.kubectl("delete", "modelrunprofile", name)


def more_than_the_profile_allows_is_refused_with_the_number(place: Place) -> None:
    study = place.submit(model_run("study", cluster={"profileName": PROFILE, "nodes": 3}))
    message = study.until_blocked("LimitExceeded")
    assert "spec.cluster.nodes is 3" in message
    assert "allows 2" in message
    assert not study.children()


def a_formula_with_a_wrong_column_ends_before_any_node_is_paid_for(place: Place) -> None:
    wrong = {"name": "market", "estimator": "OLS", "formula": "excess ~ mkd"}
    study = place.submit(model_run("study", models=[wrong]))
    status = study.until("Failed")
    failed = study.condition("Failed")
    assert failed["reason"] == "PreflightFailed"
    assert "mkd" in failed["message"]
    assert "cluster" not in status
    assert not study.children()


def a_missing_secret_is_named(place: Place) -> None:
    data = {"uri": "s3://research/panel.parquet", "credentialsSecretName": "reader"}
    study = place.submit(model_run("study", data=data))
    assert "reader" in study.until_blocked("ConfigMissing", limit=120)
    study.delete()
    study.until_nothing_is_left()


def an_image_that_does_not_exist_is_named(place: Place) -> None:
    name = own_profile(place, image=UNPULLABLE_IMAGE)
    study = place.submit(model_run("study", cluster={"profileName": name, "nodes": 1}))
    assert UNPULLABLE_IMAGE in study.until_blocked("ImagePull", limit=120)
    study.delete()
    study.until_nothing_is_left()
    place.cluster.kubectl("delete", "modelrunprofile", name)


def workers_that_no_node_takes_end_the_run_at_its_startup_deadline(place: Place) -> None:
    name = own_profile(place, worker={**ASKS, "nodeSelector": {"group": "nowhere"}})
    study = place.submit(
        model_run("study", cluster={"profileName": name, "nodes": 1}, startupDeadlineSeconds=60)
    )
    study.until("Provisioning")
    message = study.until_blocked("Unschedulable", limit=120)
    assert "worker pod" in message
    assert "nodeSelector" in message
    study.until("Failed")
    failed = study.condition("Failed")
    assert failed["reason"] == "StartupDeadlineExceeded"
    assert "worker pod" in failed["message"], "what was in the way is said to the end"
    assert not study.children()
    place.cluster.kubectl("delete", "modelrunprofile", name)


def a_quota_that_is_used_up_is_named(place: Place) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "0"}},
    }
    place.cluster.apply(quota, namespace=place.namespace)
    study = place.submit(model_run("study"))
    assert "small" in study.until_blocked("QuotaExceeded", limit=120)
    place.cluster.kubectl("delete", "resourcequota", "small", namespace=place.namespace)
    study.until("Securing", "Provisioning", "Running")
    study.delete()
    study.until_nothing_is_left()


def results_that_nobody_may_write_end_before_any_node_is_paid_for(place: Place) -> None:
    name = own_profile(place, resultsPrefix="https://example.invalid/results")
    study = place.submit(model_run("study", cluster={"profileName": name, "nodes": 1}))
    status = study.until("Failed")
    assert study.condition("Failed")["reason"] == "PreflightFailed"
    assert "cluster" not in status
    assert not study.children()
    place.cluster.kubectl("delete", "modelrunprofile", name)


def more_failed_fits_than_allowed_are_a_failed_run_with_tables(place: Place) -> None:
    models = [{"name": "mean", "callable": "slow:mean_of_few"}]
    study = place.submit(slow_run("study", models=models))
    status = study.until("Failed")
    failed = study.condition("Failed")
    assert failed["reason"] == "TooManyFailed", study.told()
    assert status["failures"][0]["reason"] == "CallableError"
    assert status["attempts"] == 1, "it would fail again"
    assert 0 < status["fits"]["succeeded"] < status["fits"]["total"]
    assert not study.children()


def a_program_that_always_fails_is_tried_as_often_as_said(place: Place) -> None:
    run = model_run(
        "study", backoffLimit=1, program={"command": ["python", "-c", "raise SystemExit(4)"]}
    )
    for part in ("data", "models", "slices", "results"):
        del run["spec"][part]
    study = place.submit(run)
    status = study.until("Failed")
    failed = study.condition("Failed")
    assert failed["reason"] == "BackoffLimitExceeded", study.told()
    assert status["attempts"] == 2
    assert status["lastAttempt"]["exitCode"] == 4
    assert not study.children()


STORIES = (
    workers_that_no_node_takes_end_the_run_at_its_startup_deadline,
    a_profile_that_does_not_exist_is_named_and_waited_for,
    more_than_the_profile_allows_is_refused_with_the_number,
    a_formula_with_a_wrong_column_ends_before_any_node_is_paid_for,
    a_missing_secret_is_named,
    an_image_that_does_not_exist_is_named,
    a_quota_that_is_used_up_is_named,
    results_that_nobody_may_write_end_before_any_node_is_paid_for,
    more_failed_fits_than_allowed_are_a_failed_run_with_tables,
    a_program_that_always_fails_is_tried_as_often_as_said,
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
