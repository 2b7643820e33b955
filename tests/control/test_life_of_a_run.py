"""The life of a run, told as a story: what people do, what the world does, what the run says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelrun_api.outcome import Pilot, PreflightOutcome, StoredFits
from modelrun_operator.core.actions import Delete, DeleteRun, HealCluster, KeepLogs, ScaleWorkers
from modelrun_operator.core.decide import decide
from modelrun_operator.core.snapshot import Child, Kind, Ref, Role
from support.world import PROFILE, World, a_program, a_spec


def end_of(world: World, passes: int = 12) -> str:
    for _ in range(passes):
        world.settle()
        if world.phase in {"Succeeded", "Failed", "Suspended"}:
            return world.phase
        world.wait(3)
        world.dask_controller()
        world.kubelet()
    raise AssertionError(f"{world.phase}: {world.condition('Blocked')}")


def nothing_is_left(world: World) -> bool:
    return [c.ref.name for c in world.children.values() if not getattr(c, "gone", False)] in (
        [],
        [world.run().names.logs],
    )


def test_a_run_goes_through_its_phases_and_leaves_nothing_but_its_logs():
    world = World()
    world.to_running()
    world.wait(60)
    world.settle()
    world.runner_ends(0)
    assert end_of(world) == "Succeeded"
    assert world.phases == [
        "Preflight",
        "Securing",
        "Provisioning",
        "Running",
        "WindingDown",
        "Succeeded",
    ]
    assert nothing_is_left(world)
    assert world.condition("Complete")["reason"] == "ResultsStored"
    assert world.condition("Released")["status"] == "True"
    assert world.status["results"]["uri"] == "s3://results/lab/study"
    assert world.status["fits"]["failed"] == 3
    assert world.status["times"]["workersGone"] >= world.status["times"]["stored"]


def test_the_runner_starts_only_when_the_scheduler_is_available():
    world = World()
    while world.phase != "Provisioning":
        world.settle()
        world.preflight_ends()
        world.kubelet()
    world.dask_controller()
    world.settle()
    assert not any("-a1" in name for _, name in world.made)
    world.kubelet()
    world.settle()
    assert any(name.endswith("-a1") for _, name in world.made)
    assert world.condition("Provisioned")["reason"] == "WorkersStarting"
    world.runner(workers=5)
    world.settle()
    assert world.phase == "Provisioning", "6 of 8 workers are 75 %"
    assert "5 of 8 workers" in world.condition("Blocked")["message"]
    world.runner(workers=6)
    world.settle()
    assert world.phase == "Running"


def test_where_everything_is_stored_no_cluster_is_raised():
    world = World()
    world.settle()
    world.preflight_ends(PreflightOutcome(ok=True, fits=StoredFits(total=9, stored=9)))
    assert end_of(world) == "Succeeded"
    assert world.condition("Complete")["reason"] == "AlreadyStored"
    assert not any(kind is Kind.DASK_CLUSTER for kind, _ in world.made)


def test_what_preflight_finds_wrong_ends_the_run_before_a_node_is_paid_for():
    world = World()
    world.settle()
    problem = "f.yaml:11:24: spec.models[0].formula: the data have no column mkt"
    world.preflight_ends(PreflightOutcome(ok=False, problems=[problem]), code=2)
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "PreflightFailed"
    assert problem in world.condition("Failed")["message"]
    assert not any(kind is Kind.DASK_CLUSTER for kind, _ in world.made)


def test_a_forecast_above_the_budget_is_refused_with_the_numbers():
    world = World(spec=a_spec(budget={"amount": "1"}))
    world.settle()
    world.preflight_ends(
        PreflightOutcome(ok=True, fits=StoredFits(total=100_000), pilot=Pilot(seconds_per_fit=1))
    )
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "OverBudget"
    assert "27.78 USD" in world.condition("Failed")["message"]


def test_nodes_are_chosen_where_nobody_asked_for_a_number():
    world = World(spec=a_spec(cluster={"profileName": "c5"}))
    world.settle()
    world.preflight_ends(
        PreflightOutcome(ok=True, fits=StoredFits(total=9000), pilot=Pilot(seconds_per_fit=0.5))
    )
    world.settle()
    assert 1 < world.status["cluster"]["nodes"] < 10
    assert world.status["forecast"]["nodes"] == world.status["cluster"]["nodes"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1, "InternalError"), (2, "UserMistake"), (3, "TooManyFailed")],
)
def test_what_another_attempt_cannot_help_ends_the_run_at_once(code, reason):
    world = World()
    world.to_running()
    world.runner_ends(code)
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == reason
    assert world.status["attempts"] == 1


def test_trouble_of_the_infrastructure_is_tried_again_on_the_same_cluster():
    world = World()
    world.to_running()
    world.runner_ends(75)
    world.settle()
    assert world.phase == "Provisioning"
    assert world.condition("Blocked")["reason"] == "RetryBackoff"
    world.wait(15)
    world.settle()
    world.runner(workers=8, done=60)
    world.settle()
    assert world.phase == "Running"
    assert world.status["attempts"] == 2
    assert world.status["cluster"]["incarnation"] == 1
    world.runner_ends(0)
    assert end_of(world) == "Succeeded"


def test_waits_double_and_the_limit_ends_them():
    world = World(spec=a_spec(backoffLimit=2))
    world.to_running()
    waits = []
    for _ in range(3):
        world.runner_ends(75)
        world.settle()
        if world.phase == "WindingDown":
            break
        begin = world.now
        while world.condition("Blocked").get("reason") == "RetryBackoff":
            world.wait(1)
            world.step()
        waits.append((world.now - begin).total_seconds())
        world.settle()
        world.runner()
        world.settle()
    assert waits == [10, 20]
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "BackoffLimitExceeded"
    assert world.status["attempts"] == 3


@pytest.mark.parametrize("loss", ["lose_scheduler", "lose_cluster"])
def test_a_lost_cluster_is_replaced_by_a_new_incarnation_with_new_certificates(loss):
    world = World()
    world.to_running()
    getattr(world, loss)()
    world.settle()
    assert world.status["cluster"]["incarnation"] == 2
    assert world.status["countedFailures"] == 1
    world.wait(15)
    world.to_running()
    assert world.status["attempts"] == 2
    secrets = [name for kind, name in world.made if kind is Kind.SECRET]
    assert [name.rsplit("-", 2)[1] for name in secrets] == ["1", "2"]
    clusters = world.there(Kind.DASK_CLUSTER)
    assert [cluster.incarnation for cluster in clusters] == [2]
    world.runner_ends(0)
    assert end_of(world) == "Succeeded"


def test_a_lost_worker_changes_nothing():
    world = World()
    world.to_running()
    world.lose_worker()
    world.settle()
    assert world.phase == "Running"
    assert world.status["attempts"] == 1


def test_a_lost_runner_is_started_again():
    world = World()
    world.to_running()
    world.lose_runner()
    world.settle()
    assert world.status["lastAttempt"]["reason"] == "RunnerLost"
    world.wait(15)
    world.to_running()
    assert world.status["attempts"] == 2


def test_a_runner_that_finished_while_the_cluster_was_lost_has_finished():
    world = World()
    world.to_running()
    world.lose_scheduler()
    world.runner_ends(0)
    assert end_of(world) == "Succeeded"


def test_suspending_gives_everything_back_and_resuming_begins_anew_without_counting():
    world = World()
    world.to_running()
    world.spec["suspend"] = True
    assert end_of(world) == "Suspended"
    assert nothing_is_left(world)
    assert world.condition("Suspended")["status"] == "True"
    world.wait(5000)
    world.settle()
    world.spec["suspend"] = False
    world.to_running()
    assert world.status["cluster"]["incarnation"] == 2
    assert world.status["attempts"] == 2
    assert world.status["countedFailures"] == 0
    assert [name for kind, name in world.made if "preflight" in name and kind is Kind.JOB] == [
        world.run().names.preflight
    ]
    world.runner_ends(0)
    assert end_of(world) == "Succeeded"


@pytest.mark.parametrize("passes", range(8))
def test_suspending_works_in_every_phase(passes):
    world = World()
    for _ in range(passes):
        world.step()
        world.friendly()
    world.spec["suspend"] = True
    assert end_of(world) == "Suspended"
    assert nothing_is_left(world)


def test_too_few_workers_in_time_ends_the_run_and_says_what_was_in_the_way():
    world = World()
    world.settle()
    world.preflight_ends()
    world.settle()
    world.dask_controller()
    for pod in world.snapshot().pods(Role.WORKER):
        world._change(pod.ref, unschedulable="0/3 nodes are available: 3 Insufficient cpu.")
    world.settle()
    assert world.condition("Blocked")["reason"] == "Unschedulable"
    assert "Insufficient cpu" in world.condition("Blocked")["message"]
    world.wait(601)
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "StartupDeadlineExceeded"
    assert "Insufficient cpu" in world.condition("Failed")["message"]


def test_the_active_deadline_and_the_hours_of_the_profile_end_a_run():
    for spec, seconds in ((a_spec(activeDeadlineSeconds=900), 901), (a_spec(), 7201)):
        world = World(spec=spec)
        world.to_running()
        world.wait(seconds)
        assert end_of(world) == "Failed"
        assert world.condition("Failed")["reason"] == "DeadlineExceeded"


def test_a_run_that_spends_its_budget_stops_with_what_is_finished():
    world = World(spec=a_spec(budget={"amount": "1.50"}))
    world.to_running()
    world.wait(740)
    world.settle()
    assert world.phase == "Running"
    assert float(world.status["cost"]["soFar"]) == pytest.approx(1.48, abs=0.02)
    world.wait(30)
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "BudgetExceeded"
    assert world.status["fits"]["done"] == 50


def test_logs_are_kept_before_anything_is_deleted():
    world = World()
    world.to_running()
    world.runner_ends(0)
    decision = world.decide()
    kinds = [type(action) for action in decision.actions]
    assert kinds.index(KeepLogs) < kinds.index(ScaleWorkers)
    assert len(decision.actions[kinds.index(KeepLogs)].pods) == 5


def test_workers_go_at_once_and_the_cluster_when_they_are_gone():
    world = World()
    world.to_running()
    world.runner_ends(0)
    world.step()
    assert world.there(Kind.DASK_CLUSTER)[0].replicas == 0
    world.dask_controller()
    world.wait(1)
    assert end_of(world) == "Succeeded"
    assert (world.typed.times.released - world.typed.times.stored).total_seconds() < 6


def test_a_controller_that_is_away_keeps_the_verdict_and_is_named():
    world = World()
    world.to_running()
    world.dask_works = False
    world.runner_ends(0)
    for _ in range(5):
        world.wait(60)
        world.settle()
    assert world.phase == "WindingDown"
    assert world.condition("Complete")["status"] == "True"
    assert world.condition("Blocked")["reason"] == "StuckTerminating"
    world.dask_works = True
    assert end_of(world) == "Succeeded"


def test_a_worker_group_that_was_never_made_is_asked_for_again():
    world = World()
    world.settle()
    world.preflight_ends()
    world.settle()
    world.dask_controller(worker_group=False)
    world.kubelet()
    world.settle()
    world.wait(31)
    world.settle()
    assert world.status["cluster"]["healedAt"]
    world.to_running()


def test_a_silent_controller_is_named_within_half_a_minute():
    world = World(dask_works=False)
    world.settle()
    world.preflight_ends()
    world.settle()
    waited = 0.0
    while world.condition("Blocked").get("reason") != "DaskControllerSilent":
        wait = world.decide().wake_after
        waited += wait.total_seconds()
        world.wait(wait.total_seconds())
        world.settle()
        assert waited <= 30


def test_a_refused_run_says_why_and_recovers_when_the_profile_appears():
    world = World(profile=None)
    world.settle()
    assert world.phase == "Pending"
    assert world.condition("Accepted")["reason"] == "ProfileNotFound"
    assert "no such profile" in world.condition("Accepted")["message"]
    assert world.made == []
    world.profile = PROFILE
    world.to_running()


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"cluster": None}, "ClusterMissing", "spec.cluster.profileName"),
        ({"cluster": {"profileName": "c5", "nodes": 11}}, "LimitExceeded", "is 11"),
        (
            {"cluster": {"profileName": "c5", "workersPerNode": 5}},
            "LimitExceeded",
            "workersPerNode is 5",
        ),
        (
            {"cluster": {"profileName": "c5", "nodes": 1, "minWorkers": 5}},
            "InvalidSpec",
            "there will be 4 workers",
        ),
        ({"activeDeadlineSeconds": 7201}, "LimitExceeded", "2 hours"),
        ({"data": {"uri": "a.parquet"}}, "LocalAddress", "a file of one machine"),
        ({"data": {"uri": "file:///a"}}, "LocalAddress", "spec.data.uri"),
        ({"code": {"uri": "code.zip"}}, "LocalAddress", "spec.code.uri"),
        ({"budget": {"amount": "5", "currency": "EUR"}}, "BudgetNotComparable", "EUR"),
        ({"models": [{"name": "m", "callable": "a:b", "fit": {"a": 1}}]}, "InvalidSpec", "fit"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_allowed(changes, reason, words):
    world = World(spec=a_spec(**changes))
    world.settle()
    assert world.phase == "Pending"
    assert world.condition("Accepted")["reason"] == reason
    assert words in world.condition("Accepted")["message"]
    assert world.made == []


def test_a_program_skips_preflight_and_is_tried_again_when_it_fails():
    world = World(spec=a_program(backoffLimit=1))
    world.to_running()
    assert world.condition("Preflighted")["reason"] == "PreflightSkipped"
    world.runner_ends(7)
    world.settle()
    assert world.status["lastAttempt"]["reason"] == "ProgramFailed"
    world.wait(15)
    world.to_running()
    world.runner_ends(7)
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "BackoffLimitExceeded"


def test_a_run_is_deleted_when_its_time_to_live_is_over():
    world = World(spec=a_spec(ttlSecondsAfterFinished=100))
    world.to_running()
    world.runner_ends(0)
    end_of(world)
    world.wait(99)
    assert not any(isinstance(a, DeleteRun) for a in world.decide().actions)
    world.wait(30)
    world.step()
    assert not world.run_exists


def test_a_run_that_is_being_deleted_is_left_to_its_owner_references():
    world = World()
    world.to_running()
    decision = decide(replace(world.run(), deleting=True), world.snapshot(), world.now)
    assert decision.actions == ()


def test_each_change_is_told_once_as_an_event():
    world = World()
    world.to_running()
    world.runner_ends(0)
    end_of(world)
    told = [event.reason for event in world.events]
    assert told.count("ResultsStored") == 1
    assert told.count("QuorumReached") == 1
    assert [reason for reason in told if reason in {"Running", "Succeeded"}] == [
        "Running",
        "Succeeded",
    ]


def test_a_status_speaks_about_the_newest_spec_also_after_the_end():
    world = World()
    world.to_running()
    world.runner_ends(0)
    end_of(world)
    decision = decide(replace(world.run(), generation=7), world.snapshot(), world.now)
    assert decision.status.observed_generation == 7
    assert decision.status.phase == "Succeeded"


def test_a_run_that_fits_goes_on_when_its_profile_is_deleted():
    world = World(spec=a_spec(activeDeadlineSeconds=900))
    world.to_running()
    world.profile = None
    world.runner(done=70)
    world.settle()
    assert world.phase == "Running"
    assert world.status["fits"]["done"] == 70
    assert world.condition("Blocked")["status"] == "False"
    world.wait(901)
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "DeadlineExceeded"


def test_what_must_be_made_waits_for_a_deleted_profile_and_says_so():
    world = World()
    world.to_running()
    world.profile = None
    world.lose_runner()
    world.wait(15)
    world.settle()
    assert world.condition("Blocked")["reason"] == "ProfileNotFound"
    world.wait(601)
    assert end_of(world) == "Failed", "workers cost while nobody can start a runner"
    assert world.condition("Failed")["reason"] == "StartupDeadlineExceeded"


def test_one_loss_counts_once_whichever_sign_of_it_comes_first():
    world = World()
    world.to_running()
    world.runner_ends(75)
    world.settle()
    world.lose_scheduler()
    world.wait(1)
    world.settle()
    assert world.status["cluster"]["incarnation"] == 2
    assert world.status["countedFailures"] == 1
    assert world.status["attempts"] == 1


def test_losses_before_any_runner_starts_count_too():
    world = World(spec=a_spec(backoffLimit=3))
    world.to_running()
    world.lose_scheduler()
    for _ in range(5):
        world.settle()
        world.dask_controller()
        world.kubelet()
        world.wait(1)
        world.step()
        world.lose_scheduler()
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "BackoffLimitExceeded"


def test_logs_of_a_runner_are_kept_that_went_down_with_its_scheduler():
    world = World()
    world.to_running()
    world.runner_ends(75)
    world.lose_scheduler()
    decision = world.decide()
    assert decision.status.phase == "Securing"
    assert [a for a in decision.actions if isinstance(a, KeepLogs)]


def test_a_later_attempt_also_has_a_startup_deadline():
    world = World()
    world.to_running()
    world.wait(3000)
    world.runner_ends(75)
    world.settle()
    world.wait(10)
    world.settle()
    assert world.phase == "Provisioning", "the time of the first attempt does not count"
    world.wait(601)
    assert end_of(world) == "Failed"
    assert world.condition("Failed")["reason"] == "StartupDeadlineExceeded"


def test_a_preflight_that_never_started_says_what_was_in_the_way():
    world = World()
    world.settle()
    (pod,) = world.snapshot().pods(Role.PREFLIGHT)
    world._change(pod.ref, waiting="ImagePullBackOff", waiting_message="no such tag")
    world.settle()
    assert world.condition("Blocked")["reason"] == "ImagePull"
    world.preflight_ends(None, code=137)
    assert end_of(world) == "Failed"
    assert "no such tag" in world.condition("Failed")["message"]


# ---- found by breaking the code by hand ------------------------------------------------------


def of_type(decision, kind):
    return [action for action in decision.actions if isinstance(action, kind)]


def test_a_runner_that_is_stopped_may_store_what_is_finished_before_its_workers_go():
    world = World()
    world.to_running()
    world.spec["suspend"] = True
    decision = world.decide()
    assert {a.ref.kind for a in of_type(decision, Delete)} == {Kind.JOB}
    assert not of_type(decision, ScaleWorkers)
    world.write(decision)  # the runner does not come to an end
    world.wait(30)
    assert not of_type(world.decide(), ScaleWorkers)
    world.wait(30)
    assert of_type(world.decide(), ScaleWorkers)


def test_logs_that_cannot_be_kept_are_given_up_after_a_minute():
    world = World()
    world.to_running()
    world.runner_ends(0)
    world.write(world.decide())
    world.wait(30)
    assert of_type(world.decide(), KeepLogs)
    world.wait(40)
    decision = world.decide()
    assert not of_type(decision, KeepLogs)
    assert of_type(decision, ScaleWorkers)


def test_what_comes_into_the_world_after_the_end_is_removed():
    world = World()
    world.to_running()
    world.runner_ends(0)
    end_of(world)
    late = Ref(Kind.JOB, world.run().names.runner(2), "late")
    world.children[Kind.JOB, late.name] = Child(late, world.now)
    decision = world.decide()
    assert [a.ref for a in of_type(decision, Delete)] == [late]
    assert decision.status.phase == "Succeeded"


def test_a_scheduler_that_was_started_again_in_its_pod_has_lost_its_memory():
    world = World()
    world.to_running()
    (pod,) = world.snapshot().pods(Role.SCHEDULER)
    world._change(pod.ref, restarts=1)
    world.settle()
    assert world.status["cluster"]["incarnation"] == 2
    assert world.status["lastAttempt"]["reason"] == "SchedulerLost"


def test_a_cluster_that_goes_is_not_healed():
    world = World()
    world.settle()
    world.preflight_ends()
    world.settle()
    (cluster,) = world.there(Kind.DASK_CLUSTER)
    world._change(cluster.ref, terminating_since=world.now)
    world.wait(61)
    assert not of_type(world.decide(), HealCluster)
    world._change(cluster.ref, terminating_since=None)
    assert of_type(world.decide(), HealCluster)


def test_a_runner_that_is_being_deleted_brings_no_run_to_running():
    world = World()
    world.settle()
    world.preflight_ends()
    while not world.snapshot().pods(Role.RUNNER):
        world.settle()
        world.dask_controller()
        world.kubelet()
    world.runner(workers=8)
    job = world.snapshot().job(world.run().names.runner(1))
    world._change(job.ref, terminating_since=world.now)
    world.settle()
    assert world.phase == "Provisioning"


@pytest.mark.parametrize(
    ("complete", "stored", "raised"), [(True, 5, False), (False, 9, True), (None, 9, False)]
)
def test_a_cluster_is_raised_unless_every_table_lies_there(complete, stored, raised):
    """All fits may be stored by other studies, and the tables of this run still be missing."""
    world = World()
    world.settle()
    world.preflight_ends(
        PreflightOutcome(ok=True, fits=StoredFits(total=9, stored=stored), complete=complete)
    )
    for _ in range(4):
        world.settle()
        world.wait(3)
    assert any(kind is Kind.DASK_CLUSTER for kind, _ in world.made) is raised


def test_nothing_is_begun_for_a_run_that_is_being_deleted():
    world = World()
    run = replace(world.run(), deleting=True)
    decision = decide(run, world.snapshot(), world.now)
    assert decision.actions == ()
    assert decision.status == run.status
    assert decision.wake_after is None


@pytest.mark.parametrize(
    ("profile", "spec", "reason"),
    [
        ({"limits": {"nodes": 10, "workers": 12, "hours": 2}}, {}, None),
        (
            {"limits": {"nodes": 10, "workers": 12, "hours": 2}},
            {"cluster": {"profileName": "c5", "nodes": 4}},
            "LimitExceeded",
        ),
        ({"resultsPrefix": None}, {}, "ResultsLocationMissing"),
        (
            {},
            {"models": [{"name": "m", "callable": "a:b", "kwargs": {"x": "y" * 1_100_000}}]},
            "InvalidSpec",
        ),
    ],
)
def test_what_only_profile_and_run_together_show_is_refused(profile, spec, reason):
    changed = {k: v for k, v in {**PROFILE["spec"], **profile}.items() if v is not None}
    world = World(spec=a_spec(**spec), profile={**PROFILE, "spec": changed})
    world.settle()
    accepted = world.condition("Accepted")
    assert accepted["status"] == ("True" if reason is None else "False"), accepted
    if reason is not None:
        assert accepted["reason"] == reason
