"""Names, settings, money, forecasts, diagnosis, and when a status is written."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrun_api.loader import validate_profile
from modelrun_api.outcome import Pilot, PreflightOutcome, StoredFits
from modelrun_api.profile import Price
from modelrun_api.status import (
    AttemptStatus,
    ClusterStatus,
    CostStatus,
    FailureGroup,
    FitCounts,
    ModelRunStatus,
    ProgressStatus,
    Times,
    WorkerCounts,
)
from modelrun_operator.core.cost import counted, money
from modelrun_operator.core.diagnosis import blocker
from modelrun_operator.core.forecast import chosen_nodes, duration, forecast
from modelrun_operator.core.progress import fits_of
from modelrun_operator.core.retries import ending, next_attempt_at
from modelrun_operator.core.snapshot import Job, Kind, Pod, Ref, Role, Snapshot
from modelrun_operator.core.writing import Due, due, status_patch, write_at
from modelrun_operator.errors import Bug, SettingsError
from modelrun_operator.manifests.locations import shown_address
from modelrun_operator.names import Names
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings
from support.world import PROFILE, a_run, a_spec, an_object

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
RUN_NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)


@given(RUN_NAMES, st.uuids(), st.integers(1, 999), st.integers(1, 999))
def test_every_name_is_a_label_that_kubernetes_and_dask_take(run, uid, incarnation, attempt):
    names = Names(run=run, uid=str(uid), namespace="lab")
    assert len(names.cluster(incarnation)) <= 53
    made = [
        names.cluster(incarnation),
        names.tls(incarnation),
        names.worker_group(incarnation),
        names.scheduler(incarnation),
        names.runner(attempt),
        names.preflight,
        names.run_document,
        names.logs,
        names.policy("scheduler"),
        # The Dask controller adds "-worker-" and ten characters to the group's name for a
        # Deployment; a name may have 253 characters, but pods take the name into a label.
    ]
    assert len(set(made)) == len(made)
    for name in made:
        assert len(name) <= 63
        assert LABEL.fullmatch(name)


@given(RUN_NAMES, st.uuids(), st.uuids())
def test_a_run_that_comes_again_never_meets_its_former_children(run, one, two):
    first = Names(run=run, uid=str(one), namespace="lab")
    second = Names(run=run, uid=str(two), namespace="lab")
    if str(one)[:8] != str(two)[:8]:
        assert first.cluster(1) != second.cluster(1)


def test_what_cannot_be_named_is_a_bug():
    with pytest.raises(Bug):
        Names(run="a", uid="u", namespace="n").cluster(0)
    with pytest.raises(Bug):
        _ = Names(run="a" * 41, uid="u", namespace="n").stem


def test_settings_come_from_the_environment():
    settings = Settings.from_environment(
        {
            "MODELRUN_OPERATOR_NAMESPACES": "lab, research",
            "MODELRUN_OPERATOR_NETWORK_POLICIES": "false",
            "MODELRUN_OPERATOR_RESYNC_SECONDS": "7",
            "PATH": "/bin",
        }
    )
    assert settings.namespaces == ("lab", "research")
    assert settings.network_policies is False
    assert settings.resync_seconds == 7
    assert settings.controller_namespace == "modelrun-system"


@pytest.mark.parametrize(("runs", "seconds"), [(0, 5), (1, 5), (100, 5), (101, 6), (500, 25)])
def test_a_crowd_of_runs_shares_the_pace_of_writes(runs, seconds):
    settings = Settings(operator_namespace="elsewhere").paced(runs)
    assert settings.progress_seconds == seconds
    assert settings.operator_namespace == "elsewhere"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("RESYNC_SECONDS", "soon"), ("NETWORK_POLICIES", "yes"), ("NO_SUCH_THING", "1")],
)
def test_a_wrong_setting_is_refused_by_its_name(variable, value):
    with pytest.raises(SettingsError, match=f"MODELRUN_OPERATOR_{variable}"):
        Settings.from_environment({f"MODELRUN_OPERATOR_{variable}": value})


def test_a_spec_that_cannot_be_read_does_not_raise():
    run = Run.from_object(an_object({"data": {"dataset": "a"}, "models": [{"name": 5}]}))
    assert run.spec is None
    assert "spec.models[0].name" in run.problem


def test_a_status_of_somebody_else_counts_as_none():
    assert Run.from_object(an_object(a_spec(), {"phase": "Nonsense"})).status == ModelRunStatus()


# ---- attempts --------------------------------------------------------------------------------


def test_waits_between_attempts_double_up_to_a_limit():
    waits = []
    for failures in (1, 2, 3, 6, 7, 50, 500):
        last = AttemptStatus(number=failures, reason="Infrastructure", finished_at=NOON)
        failed = ModelRunStatus(counted_failures=failures, last_attempt=last)
        waits.append((next_attempt_at(failed, Settings()) - NOON).total_seconds())
    assert waits == [10, 20, 40, 320, 360, 360, 360]


def test_a_runner_that_ended_well_has_ended_well_whatever_its_job_says():
    job = Job(Ref(Kind.JOB, "a1", "a1"), NOON, finished=True, succeeded=False, exit_code=0)
    assert ending(job, program=False).done
    assert ending(job, program=True).done


# ---- money -----------------------------------------------------------------------------------

PRICE = Price(per_node_hour="3.60")


def pod(name, scheduled=None, gone=None, **changes):
    return Pod(
        Ref(Kind.POD, name, name),
        NOON,
        1,
        role=changes.pop("role", Role.WORKER),
        scheduled_at=None if scheduled is None else NOON + timedelta(seconds=scheduled),
        gone_at=None if gone is None else NOON + timedelta(seconds=gone),
        **changes,
    )


def test_each_pod_costs_from_its_node_to_its_end():
    pods = [pod("a", 0), pod("b", 50), pod("c"), pod("d", 0, gone=30)]
    cost = counted(None, pods, PRICE, now=NOON + timedelta(seconds=100))
    assert cost.worker_pod_seconds == 100 + 50 + 30
    assert cost.so_far == "0.18"


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8), st.integers(0, 500))
def test_how_often_one_looks_does_not_change_what_it_costs(waits, gone):
    pods = [pod("a", 10), pod("b", 0, gone=gone)]
    end = NOON + timedelta(seconds=sum(waits))
    often, now = None, NOON
    for wait in waits:
        now += timedelta(seconds=wait)
        often = counted(often, pods, PRICE, now=now)
    assert often.worker_pod_seconds == counted(None, pods, PRICE, now=end).worker_pod_seconds


def test_money_is_rounded_to_cents_and_free_without_a_price():
    assert money(3600, Price(per_node_hour="4.08")) == "4.08"
    assert money(1, Price(per_node_hour="4.08")) == "0.00"
    assert counted(None, [pod("a", 0)], None, now=NOON) is None


# ---- forecasts -------------------------------------------------------------------------------

PROFILE_SPEC = validate_profile(PROFILE).spec
UNSIZED = a_run(a_spec(cluster={"profileName": "c5"})).spec


@given(st.floats(0, 1e9), st.integers(1, 10**6))
def test_one_node_more_would_save_less_than_a_tenth(work, fits):
    nodes = chosen_nodes(UNSIZED, PROFILE_SPEC, work=work, fits=fits)
    assert 1 <= nodes <= 10
    now, then = duration(work, nodes * 4), duration(work, (nodes + 1) * 4)
    assert nodes in {10, max(1, -(-fits // 4))} or (now - then) / now < 0.1
    if nodes > 1:
        before = duration(work, (nodes - 1) * 4)
        assert (before - now) / before >= 0.1


def test_nobody_gets_more_workers_than_fits():
    assert chosen_nodes(UNSIZED, PROFILE_SPEC, work=1e9, fits=5) == 2


def test_a_forecast_counts_only_what_is_not_stored():
    outcome = PreflightOutcome(
        ok=True, fits=StoredFits(total=1000, stored=900), pilot=Pilot(seconds_per_fit=7.2)
    )
    found = forecast(a_run().spec, PROFILE_SPEC, outcome)
    assert (found.nodes, found.worker_seconds, found.seconds) == (2, 720, 180 + 100)


# ---- diagnosis -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"waiting": "ImagePullBackOff", "waiting_message": "no such tag"}, "ImagePull", "image"),
        (
            {"waiting": "CreateContainerConfigError", "waiting_message": 'secret "s3" not found'},
            "ConfigMissing",
            'secret "s3" not found',
        ),
        ({"waiting": "CrashLoopBackOff", "restarts": 4}, "CrashLooping", "--previous"),
        (
            {"waiting": "CrashLoopBackOff", "waiting_message": "bad certificate"},
            "TlsFailed",
            "certificate",
        ),
        ({"last_exit": "OOMKilled", "restarts": 1}, "OutOfMemory", "memory limit"),
        ({"unschedulable": "0/3 nodes are available"}, "Unschedulable", "nodeSelector"),
        (
            {"unschedulable": 'persistentvolumeclaim "panel" not found'},
            "VolumePending",
            "claim",
        ),
    ],
)
def test_what_stops_a_pod_is_named_with_the_next_step(changes, reason, words):
    found = blocker(Snapshot(children=(pod("good", 0), pod("w-1", **changes))))
    assert found.reason == reason
    assert words in found.message
    assert "w-1" in found.message


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('pods "a" is forbidden: exceeded quota: cpu', "QuotaExceeded"),
        ('violates PodSecurity "restricted:latest"', "PodRefused"),
        ('jobs.batch "study-a1" already exists', "NameTaken"),
        ('MountVolume.SetUp failed for volume "code": configmap "c" not found', "VolumePending"),
    ],
)
def test_a_refusal_of_the_api_server_is_named(said, reason):
    found = blocker(Snapshot(refusals=(said,)))
    assert found.reason == reason
    assert said in found.message


def test_nothing_is_in_the_way_of_pods_that_run_or_go():
    going = replace(pod("a", waiting="ImagePullBackOff"), terminating_since=NOON)
    assert blocker(Snapshot(children=(pod("b", 0), going))) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"waiting": "ImagePullBackOff", "phase": "Failed"},
        {"last_exit": "OOMKilled", "phase": "Failed"},
        {"last_exit": "OOMKilled", "phase": "Running", "ready": True, "restarts": 1},
    ],
)
def test_what_is_over_is_in_nobodys_way(changes):
    """An attempt that failed leaves its pod; a worker that was ended for memory may be back."""
    assert blocker(Snapshot(children=(pod("a", 0, **changes),))) is None


# ---- progress --------------------------------------------------------------------------------

COUNTS = st.builds(
    FitCounts,
    total=st.integers(0, 9),
    done=st.integers(0, 9),
    succeeded=st.integers(0, 9),
    failed=st.integers(0, 9),
    reused=st.integers(0, 9),
)


@given(st.lists(COUNTS, max_size=6))
def test_counts_of_an_untrusted_runner_never_fall_and_never_exceed_the_total(said):
    shown = None
    for counts in said:
        before, shown = shown, fits_of(shown, counts)
        assert shown.done <= shown.total
        assert shown.succeeded + shown.failed <= shown.total
        if before is not None:
            assert shown.done >= before.done


def test_honest_counts_are_shown_as_they_are():
    honest = FitCounts(total=9, done=4, succeeded=3, failed=1, reused=2)
    assert fits_of(FitCounts(total=9, done=2), honest) == honest
    assert fits_of(honest, FitCounts(total=9, done=3, succeeded=3)) == honest


# ---- writes ----------------------------------------------------------------------------------


def status(**changes):
    return ModelRunStatus(
        **{
            "fits": FitCounts(total=9),
            "cost": CostStatus(),
            "cluster": ClusterStatus(incarnation=1),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("changes", "urgency"),
    [
        ({}, Due.NEVER),
        ({"phase": "Running"}, Due.NOW),
        ({"attempts": 1}, Due.NOW),
        ({"cluster": ClusterStatus(incarnation=2)}, Due.NOW),
        ({"fits": FitCounts(total=9, done=1)}, Due.SOON),
        ({"progress": ProgressStatus(fits="1/9")}, Due.SOON),
        ({"cluster": ClusterStatus(incarnation=1, workers=WorkerCounts(ready=1))}, Due.SOON),
        ({"cost": CostStatus(so_far="0.01")}, Due.SOON),
        ({"cost": CostStatus(worker_pod_seconds=5, counted_until=NOON)}, Due.NEVER),
        ({"cost": CostStatus(worker_pod_seconds=60)}, Due.SOON),
    ],
)
def test_news_is_written_at_once_and_mere_counts_when_it_is_time(changes, urgency):
    assert due(status(), status(**changes)) is urgency


def test_counts_wait_for_their_turn():
    every = timedelta(seconds=5)
    last = NOON - timedelta(seconds=2)
    assert write_at(Due.NOW, last_write=last, now=NOON, every=every) == NOON
    assert write_at(Due.SOON, last_write=last, now=NOON, every=every) == NOON + timedelta(seconds=3)
    assert write_at(Due.SOON, last_write=None, now=NOON, every=every) == NOON
    assert write_at(Due.NEVER, last_write=last, now=NOON, every=every) is None


def merged(target, patch):
    """RFC 7386, as its text says it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


STATUSES = st.builds(
    ModelRunStatus,
    attempts=st.integers(0, 3),
    fits=st.none() | st.builds(FitCounts, total=st.integers(0, 2)),
    cluster=st.none()
    | st.builds(ClusterStatus, name=st.sampled_from(["", "a"]), incarnation=st.integers(0, 2)),
    times=st.builds(Times, secured=st.none() | st.just(NOON), quorum=st.none() | st.just(NOON)),
    failures=st.lists(
        st.builds(FailureGroup, reason=st.just("Timeout"), count=st.integers(0, 2)), max_size=2
    ).map(tuple),
)


@given(STATUSES, STATUSES)
def test_a_patch_leads_from_any_status_to_any_other(before, after):
    patch = status_patch(before.document(), after)
    assert merged(before.document(), patch) == after.document()
    assert (patch == {}) == (before == after)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/results/ff25/report.html", "pvc://out/ff25/report.html"),
        ("/results/ff25", "pvc://out/ff25"),
        ("/results/ff250", None),
        ("https://elsewhere.example", None),
        (None, None),
    ],
)
def test_a_pod_may_only_name_places_within_its_own_results(said, shown):
    run = a_run(a_spec(results={"to": {"volume": {"claimName": "out", "path": "ff25"}}}))
    assert shown_address(run, PROFILE_SPEC, said) == shown
