"""Objects as a real cluster (Kubernetes 1.34) wrote them, and what a pass makes of them.

The file holds a run whose runner just ended, and pods that were broken on purpose. Fields that
nobody reads were taken out, and addresses and names of images replaced.
"""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelrun_api.outcome import read_outcome, read_preflight
from modelrun_operator.core.diagnosis import blocker
from modelrun_operator.core.reading import Cached, child, cluster, job, pod, snapshot
from modelrun_operator.core.retries import ending
from modelrun_operator.core.snapshot import Kind, Role, Snapshot

FILE = Path(__file__).parent / "objects/of-a-real-cluster.json"
OBJECTS = json.loads(FILE.read_text())
EVENTS = [body for body in OBJECTS if body["kind"] == "Event"]
CHILDREN = [body for body in OBJECTS if body["kind"] != "Event"]
STUDY = [body for body in CHILDREN if body["metadata"]["name"].startswith("study-")]
PODS = [body for body in CHILDREN if body["kind"] == "Pod"]
NOW = datetime(2026, 11, 23, 9, 19, 5, tzinfo=UTC)


def named(kind, name):
    (body,) = [b for b in CHILDREN if b["kind"] == kind and b["metadata"]["name"] == name]
    return deepcopy(body)


def test_a_run_whose_runner_just_ended_is_seen_as_a_whole():
    seen = snapshot(Cached(objects=STUDY), now=NOW)
    runner = seen.job("study-0f1e2d3c-a1")
    assert (runner.finished, runner.succeeded, runner.exit_code) == (True, True, 0)
    assert read_outcome(runner.termination_message).fits.succeeded == 500
    assert ending(runner, program=False).done
    preflight = read_preflight(seen.job("study-0f1e2d3c-preflight").termination_message)
    assert preflight.ok
    assert preflight.fits.total == 500
    made = seen.cluster("study-0f1e2d3c-1")
    assert (made.replicas, made.has_worker_group, made.scheduler_available) == (2, True, True)
    assert made.incarnation == 1
    assert len(seen.pods(Role.WORKER, 1)) == 2
    assert all(one.ready and one.scheduled_at for one in seen.pods(Role.WORKER))
    assert [one.ready for one in seen.pods(Role.SCHEDULER)] == [True]
    assert [one.gone_at is not None for one in seen.pods(Role.RUNNER)] == [True]
    assert blocker(seen) is None
    assert len(list(seen.all(Kind.NETWORK_POLICY))) == 3


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("image-missing", "ImagePull", "no-such-image"),
        ("secret-missing", "ConfigMissing", "not-there"),
        ("no-node", "Unschedulable", "didn't match Pod's node affinity"),
        ("no-claim", "VolumePending", 'persistentvolumeclaim "panel" not found'),
        ("crashes", "CrashLooping", "kubectl logs crashes --previous"),
        ("eats-memory", "OutOfMemory", "memory limit"),
    ],
)
def test_what_is_wrong_with_a_pod_is_found_in_its_status(name, reason, words):
    found = blocker(Snapshot(children=(pod(named("Pod", name)),)))
    assert found is not None
    assert found.reason == reason
    assert words in found.message


def test_a_pod_that_ended_costs_until_it_ended():
    ended = pod(named("Pod", "ends-well"))
    assert ended.phase == "Succeeded"
    assert ended.scheduled_at is not None
    assert ended.gone_at is not None
    assert not ended.gone
    vanished = pod(named("Pod", "study-0f1e2d3c-a1-xkmgc"), vanished=NOW)
    assert vanished.gone
    assert vanished.gone_at == NOW


def test_a_job_that_failed_says_how():
    failed = job(named("Job", "job-fails"), PODS, now=NOW)
    assert (failed.finished, failed.succeeded, failed.exit_code) == (True, False, 3)
    assert ending(failed, program=False).reason == "TooManyFailed"
    hungry = job(named("Job", "job-eats-memory"), PODS, now=NOW)
    assert hungry.out_of_memory
    assert ending(hungry, program=False).reason == "OutOfMemory"
    assert ending(hungry, program=False).retried
    without_pod = job(named("Job", "job-fails"), [], now=NOW)
    assert without_pod.exit_code is None
    assert ending(without_pod, program=False).reason == "RunnerLost"


def test_a_disrupted_pod_is_the_fault_of_the_infrastructure():
    bodies = deepcopy(PODS)
    (body,) = [b for b in bodies if b["metadata"]["name"].startswith("job-fails")]
    body["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})
    assert (
        ending(job(named("Job", "job-fails"), bodies, now=NOW), program=True).reason == "RunnerLost"
    )


@pytest.mark.parametrize(
    ("kind", "about", "reason"),
    [("Job", "job-refused", "QuotaExceeded"), ("ReplicaSet", "refused-667c858579", "PodRefused")],
)
def test_refusals_that_stand_only_in_events_are_heard_while_they_are_fresh(kind, about, reason):
    events = [b for b in EVENTS if b["involvedObject"] == {"kind": kind, "name": about}]
    newest = max(datetime.fromisoformat(b["lastTimestamp"] or b["eventTime"]) for b in events)
    soon = snapshot(Cached(events=events), now=newest + timedelta(seconds=20))
    assert blocker(soon).reason == reason
    late = snapshot(Cached(events=events), now=newest + timedelta(minutes=10))
    assert blocker(late) is None


def a_runner(phase):
    """The runner of the study, whose Job has not been told yet that its pod ended."""
    body = named("Job", "study-0f1e2d3c-a1")
    body["status"]["conditions"] = []
    bodies = deepcopy(PODS)
    (own,) = [b for b in bodies if b["metadata"]["name"].startswith("study-0f1e2d3c-a1")]
    own["status"]["phase"] = phase
    return body, own, bodies


@pytest.mark.parametrize(("phase", "ended"), [("Succeeded", True), ("Running", False)])
def test_a_runner_has_ended_when_its_pod_has(phase, ended):
    body, _, bodies = a_runner(phase)
    seen = job(body, bodies, now=NOW)
    assert (seen.finished, seen.succeeded) == (ended, ended)


def test_a_preflight_whose_pod_failed_may_be_tried_again_by_its_job():
    body, own, bodies = a_runner("Failed")
    assert job(body, bodies, now=NOW).finished
    body["metadata"]["labels"]["modelrun.dev/role"] = "preflight"
    own["metadata"]["labels"]["modelrun.dev/role"] = "preflight"
    assert not job(body, bodies, now=NOW).finished


def test_a_runner_on_a_node_that_is_away_is_lost_when_it_should_long_be_gone():
    body, own, bodies = a_runner("Running")
    own["status"]["containerStatuses"] = [{"name": "runner", "state": {"running": {}}}]
    own["metadata"] |= {
        "deletionTimestamp": "2026-11-23T09:20:00Z",
        "deletionGracePeriodSeconds": 60,
    }
    gone = datetime(2026, 11, 23, 9, 20, tzinfo=UTC)
    assert not job(body, bodies, now=gone + timedelta(seconds=20)).finished
    lost = job(body, bodies, now=gone + timedelta(seconds=31))
    assert (lost.finished, lost.succeeded) == (True, False)
    assert ending(lost, program=False).reason == "RunnerLost"


def test_a_deployment_that_cannot_make_its_pods_says_so_in_a_condition():
    seen = snapshot(Cached(objects=[named("Deployment", "refused")]), now=NOW)
    assert blocker(seen).reason == "PodRefused"


def test_a_cluster_is_judged_by_what_was_made_and_not_by_its_phase():
    body = named("DaskCluster", "study-0f1e2d3c-1")
    assert body["status"]["phase"] == "Running"
    bare = cluster(body, {})
    assert not bare.has_worker_group
    assert not bare.scheduler_available


def test_what_is_being_deleted_has_been_so_since_the_request():
    body = named("Pod", "crashes")
    body["metadata"] |= {
        "deletionTimestamp": "2026-11-23T09:20:00Z",
        "deletionGracePeriodSeconds": 60,
    }
    assert child(body).terminating_since == datetime(2026, 11, 23, 9, 19, tzinfo=UTC)


def test_a_profile_that_cannot_be_read_says_why():
    body = {"metadata": {"name": "c5", "uid": "u"}, "spec": {"image": 5}}
    seen = snapshot(Cached(profile=body), now=NOW)
    assert seen.profile is None
    assert "spec.image" in seen.profile_problem
