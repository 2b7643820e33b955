"""What holds on every path: hypothesis walks a run through whatever the world may do."""

from __future__ import annotations

import json
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelrun_api.outcome import PreflightOutcome, StoredFits
from modelrun_api.phase import TERMINAL, Phase
from modelrun_operator.core.actions import Create, Creating, IssueTls, Tell
from modelrun_operator.core.snapshot import Kind
from support.world import PROFILE, World, a_program, a_spec

QUICK = settings(
    # More walks find more: MODELRUN_WALKS=1000 before a release.
    max_examples=int(os.environ.get("MODELRUN_WALKS", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)


def unschedulable(world: World) -> None:
    for child in world.there(Kind.POD):
        if child.phase == "Pending":
            world._change(child.ref, unschedulable="0/3 nodes are available")


EVENTS = {
    "everybody is friendly": lambda w: w.friendly(),
    "wait a second": lambda w: w.wait(1),
    "wait a minute": lambda w: w.wait(61),
    "wait ten minutes": lambda w: w.wait(601),
    "the Dask controller works": lambda w: w.dask_controller(),
    "the Dask controller forgets the worker group": lambda w: w.dask_controller(worker_group=False),
    "kubelets work": lambda w: w.kubelet(),
    "preflight passes": lambda w: w.preflight_ends(),
    "preflight finds a mistake": lambda w: w.preflight_ends(
        PreflightOutcome(ok=False, problems=["no column"]), code=2
    ),
    "preflight dies": lambda w: w.preflight_ends(None, code=137),
    "everything is stored": lambda w: w.preflight_ends(
        PreflightOutcome(ok=True, fits=StoredFits(total=5, stored=5))
    ),
    "few workers": lambda w: w.runner(workers=1),
    "all workers": lambda w: w.runner(workers=8, done=10),
    "far": lambda w: w.runner(workers=8, done=90),
    "the runner is done": lambda w: w.runner_ends(0),
    "the runner hits a bug": lambda w: w.runner_ends(1),
    "the runner finds a mistake": lambda w: w.runner_ends(2),
    "the runner loses the storage": lambda w: w.runner_ends(75),
    "the runner is killed": lambda w: w.runner_ends(137, out_of_memory=True),
    "the runner vanishes": lambda w: w.runner_ends(None, disrupted=True),
    "the runner's Job is deleted": lambda w: w.lose_runner(),
    "the scheduler is lost": lambda w: w.lose_scheduler(),
    "a worker is lost": lambda w: w.lose_worker(),
    "the cluster is deleted": lambda w: w.lose_cluster(),
    "suspend": lambda w: w.spec.update(suspend=True),
    "resume": lambda w: w.spec.update(suspend=False),
    "the profile vanishes": lambda w: setattr(w, "profile", None),
    "the profile comes back": lambda w: setattr(w, "profile", PROFILE),
    "the Dask controller stops": lambda w: setattr(w, "dask_works", False),
    "the Dask controller is back": lambda w: setattr(w, "dask_works", True),
    "pods are seen late": lambda w: w.lag(Kind.POD),
    "what Dask makes is seen late": lambda w: w.lag(Kind.SERVICE, Kind.DASK_WORKER_GROUP),
    "everything is seen": lambda w: w.late.clear(),
    "the pods' node is full": unschedulable,
    "a quota refuses": lambda w: setattr(w, "refusals", ("exceeded quota: cpu",)),
    "the quota is raised": lambda w: setattr(w, "refusals", ()),
}

SPECS = [
    a_spec(),
    a_spec(backoffLimit=0),
    a_spec(budget={"amount": "0.50"}, ttlSecondsAfterFinished=30),
    a_spec(cluster={"profileName": "c5"}, activeDeadlineSeconds=1200),
    a_program(),
]

FRIENDLY = ("everybody is friendly", 2, "carries out")

STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(EVENTS)),
        # How many passes follow an event, and what becomes of what they decide.
        st.integers(0, 3),
        st.sampled_from(["carries out"] * 3 + ["dies before", *range(4), *("skips",) * 2]),
    ),
    max_size=30,
)

# Many walks begin with a few friendly turns, or they would seldom get far.
WALKS = st.tuples(st.integers(0, 6), STEPS).map(lambda two: [FRIENDLY] * two[0] + two[1])


def a_pass(world: World, fate: str | int) -> None:
    """One pass that may be cut off: before anything, after some actions, or but for the first.

    An operator that dies leaves off anywhere; an API server that is away ends a pass at an action;
    one that refuses an object lets the others be.
    """
    before = world.status
    decision = world.decide()
    if before.get("phase") in TERMINAL:
        assert not any(isinstance(action, Creating) for action in decision.actions)
        assert decision.status.phase == before["phase"]
    assert decision.status.counted_failures <= world.run().spec.backoff_limit + 1
    if fate == "dies before":
        return
    world.write(decision)
    actions = decision.actions
    if isinstance(fate, int):
        actions = actions[:fate]
    elif fate == "skips":
        actions = actions[1:]
    for action in actions:
        world.carry_out(action)


def walked(spec: dict, walk: list) -> World:
    world = World(spec=json.loads(json.dumps(spec)))
    for event, passes, fate in walk:
        EVENTS[event](world)
        for _ in range(passes):
            a_pass(world, fate)
    # Watches that lag catch up.
    world.late.clear()
    return world


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_an_end_stays_an_end_and_nothing_is_made_after_it(spec, walk):
    world = World(spec=json.loads(json.dumps(spec)))
    ended = None
    for event, passes, fate in walk:
        EVENTS[event](world)
        for _ in range(passes):
            a_pass(world, fate)
            if ended is not None:
                assert world.phase == ended
            if world.phase in TERMINAL:
                ended = world.phase


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_a_second_pass_without_news_does_nothing(spec, walk):
    world = walked(spec, walk)
    world.settle()
    if not world.run_exists:
        return
    before = world.status
    decision = world.decide()
    assert [a for a in decision.actions if not isinstance(a, Tell)] == []
    assert [a for a in decision.actions if isinstance(a, Tell)] == []
    assert decision.status.document() == before


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_the_same_pass_decided_twice_makes_nothing_twice(spec, walk):
    world = walked(spec, walk)
    first, second = world.decide(), world.decide()
    assert first == second
    doubles = [a for index, a in enumerate(first.actions) if a in first.actions[:index]]
    assert doubles == []
    names = [
        (a.manifest["kind"], a.manifest["metadata"]["name"])
        for a in first.actions
        if isinstance(a, Create)
    ]
    assert len(names) == len(set(names))


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_from_every_state_a_friendly_world_leads_to_an_end_that_leaves_nothing(spec, walk):
    world = walked(spec, walk)
    world.profile, world.dask_works, world.refusals = PROFILE, True, ()
    world.spec["suspend"] = False
    for _ in range(60):
        world.settle()
        if world.phase in TERMINAL:
            break
        world.wait(7)
        world.friendly()
        if world.phase == Phase.RUNNING:
            world.runner_ends(0)
    assert world.phase in TERMINAL, (world.phase, world.condition("Blocked"))
    world.settle()
    assert world.run_exists or "ttlSecondsAfterFinished" in spec
    held = {c.ref.name for c in world.children.values() if not getattr(c, "gone", False)}
    assert held <= {world.run().names.logs}
    assert world.condition("Released")["status"] == "True"


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_from_every_state_mere_time_leads_to_an_end_or_a_named_wait(spec, walk):
    world = walked(spec, walk)
    world.dask_works = True
    for _ in range(40):
        world.settle()
        world.dask_controller()
        world.wait(601)
    world.settle()
    if world.phase in TERMINAL:
        return
    if world.phase == Phase.SUSPENDED:
        assert world.spec.get("suspend")
        return
    # Waiting without an end is only allowed for what people must change, and says so.
    assert world.phase == Phase.PENDING or world.profile is None
    assert world.condition("Blocked")["status"] == "True"


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_each_attempt_and_each_incarnation_is_made_once(spec, walk):
    world = walked(spec, walk)
    once = {Kind.DASK_CLUSTER, Kind.SECRET}
    names = [name for kind, name in world.made if kind in once or "-a" in name[-4:]]
    # A cluster that was deleted before anything ran on it is made again under its name.
    lost = {"the cluster is deleted", "the runner's Job is deleted"} & {e for e, _, _ in walk}
    if not lost:
        assert len(names) == len(set(names))


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_counts_and_costs_never_fall_and_stay_sensible(spec, walk):
    world = World(spec=json.loads(json.dumps(spec)))
    before = dict.fromkeys(("seconds", "attempts", "done", "incarnation"), 0)
    for event, passes, fate in walk:
        EVENTS[event](world)
        for _ in range(passes):
            a_pass(world, fate)
            status = world.status
            after = {
                "seconds": status.get("cost", {}).get("workerPodSeconds", 0),
                "attempts": status.get("attempts", 0),
                "done": status.get("fits", {}).get("done", 0),
                "incarnation": status.get("cluster", {}).get("incarnation", 0),
            }
            assert all(after[name] >= before[name] for name in after), (before, after)
            before = after


@QUICK
@given(st.sampled_from(SPECS), WALKS)
def test_certificates_come_before_the_cluster_and_the_cluster_before_the_runner(spec, walk):
    world = walked(spec, walk)
    order = [(kind, name) for kind, name in world.made]
    for index, (kind, name) in enumerate(order):
        if kind is Kind.DASK_CLUSTER:
            assert (Kind.SECRET, f"{name}-tls") in order[:index]
        if kind is Kind.JOB and "-preflight" not in name:
            assert any(k is Kind.DASK_CLUSTER for k, _ in order[:index])


def test_a_status_that_nobody_wrote_makes_no_second_certificate():
    world = World()
    world.settle()
    world.preflight_ends()
    issued = set()
    for _ in range(5):
        decision = world.decide()
        issued |= {a.incarnation for a in decision.actions if isinstance(a, IssueTls)}
        for action in decision.actions:  # carried out, but the status write is lost
            world.carry_out(action)
    assert issued <= {1}
