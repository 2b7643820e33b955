"""Whole passes over HTTP: the order of calls, doubles, namesakes, and calls that fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelrun_api.identity import ROLE_LABEL, RUN_UID_LABEL
from modelrun_api.phase import TERMINAL
from modelrun_operator.errors import WorldNotReady
from modelrun_operator.kube import strays
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.observe import fill
from modelrun_operator.kube.resources import rights
from modelrun_operator.names import Names
from modelrun_operator.reconcile import Memory, World, reconcile
from modelrun_operator.settings import Settings
from support.api_server import PATH, ApiServer
from support.players import end, play
from support.world import PROFILE, START, UID, a_program, a_spec, an_object

LONGEST_SECONDS = 60
NAMES = Names(run="study", uid=UID, namespace="lab")


class Story:
    """One run, one operator, an API server, and a clock that is set by hand."""

    def __init__(self, server: ApiServer, world: Any) -> None:
        self.server, self.world = server, world
        self.memory = Memory()
        self.now: datetime = START
        self.phases: list[str] = []
        self.behind = False
        """Whether the watches are behind: the next pass knows nothing new."""

    async def a_pass(self) -> None:
        """Learn of everything, and go one pass; a world that is not ready is waited for."""
        if not self.behind:
            fault, self.server.fault = self.server.fault, lambda _method, _path: 0
            await fill(self.world.cache, self.world.kube, (), now=self.now)
            self.server.fault = fault
        self.behind = False
        with contextlib.suppress(WorldNotReady):
            await reconcile(UID, self.memory, self.world)
        if not self.phases or self.phases[-1] != self.phase:
            self.phases.append(self.phase)
        self.now += timedelta(seconds=1)

    async def restart(self) -> None:
        """The operator dies, and another one begins with nothing but what it finds."""
        self.memory = Memory()
        self.world = World(
            self.world.kube, Cache(), self.world.settings, self.world.session, lambda: self.now
        )

    @property
    def run(self) -> dict[str, Any]:
        return self.server.objects.get(("modelruns", "study"), {})

    @property
    def phase(self) -> str:
        return self.run.get("status", {}).get("phase", "Pending")

    def condition(self, type_: str) -> dict[str, Any]:
        conditions = self.run.get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == type_), {})

    def children(self) -> set[tuple[str, str]]:
        own = {"modelruns", "modelrunprofiles", "events"}
        return {key for key in self.server.objects if key[0] not in own}

    async def until(self, *phases: str, most: int = 60) -> None:
        for _ in range(most):
            if self.phase in phases:
                return
            await self.a_pass()
            play(self.server)
        raise AssertionError(f"{self.phase}: {self.run.get('status')}")


def told(folder: Path, story: Callable[[Story], Awaitable[None]], spec: Any = None) -> ApiServer:
    """Tell a story on a fresh server; return the server."""
    server = ApiServer()
    server.put("modelruns", deepcopy(an_object(spec if spec is not None else a_program())))
    server.put("modelrunprofiles", {**deepcopy(PROFILE), "kind": "ModelRunProfile"})

    async def main() -> None:
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", server.answer)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        cluster = {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("KUBECONFIG", str(kubeconfig(folder, cluster)))
            kube = await Kube.connect()
        try:
            async with kube, aiohttp.ClientSession() as session:
                one = Story(server, None)
                one.world = World(kube, Cache(), Settings(), session, lambda: one.now)
                await asyncio.wait_for(story(one), LONGEST_SECONDS)
        finally:
            await runner.cleanup()

    asyncio.run(main())
    return server


def kubeconfig(folder: Path, cluster: dict[str, str]) -> Path:
    path = folder / "kubeconfig"
    context = {"cluster": "c", "user": "u"}
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": context}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return path


def a_runner(server: ApiServer) -> dict[str, Any]:
    return server.of("jobs", **{ROLE_LABEL: "runner"})[-1]


async def to_the_end(story: Story) -> None:
    await story.until("Running")
    end(story.server, a_runner(story.server), 0)
    await story.until("Succeeded", "Failed")


def test_a_whole_life_makes_everything_once_and_leaves_the_logs(tmp_path):
    async def story(one: Story) -> None:
        await to_the_end(one)
        assert one.phase == "Succeeded"
        assert one.children() == {("configmaps", NAMES.logs)}
        kept = one.server.objects["configmaps", NAMES.logs]["data"]
        assert {name.rpartition("-pod")[0] for name in kept if "worker" not in name} == {
            NAMES.runner(1),
            NAMES.scheduler(1),
        }
        assert one.condition("Released")["status"] == "True"

    server = told(tmp_path, story)
    made = [key for key in server.made if key[0] != "events"]
    assert len(made) == len(set(made))


def test_a_long_list_is_read_in_pages_until_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("modelrun_operator.kube.client.PAGE_OBJECTS", 2)
    names = {f"study-{number}" for number in range(5)}

    async def story(one: Story) -> None:
        for name in names:
            one.server.put("services", {"kind": "Service", "metadata": {"name": name}})
        one.server.calls.clear()
        await fill(one.world.cache, one.world.kube, (), now=one.now)

        assert {body["metadata"]["name"] for body in one.world.cache.all("Service")} == names
        assert [path for _, path in one.server.calls].count("/api/v1/services") == 3

        one.server.remove("services", "study-4")
        await fill(one.world.cache, one.world.kube, (), now=one.now)
        assert len(one.world.cache.all("Service")) == 4

    told(tmp_path, story)


def test_nothing_is_written_when_nothing_changed(tmp_path):
    async def story(one: Story) -> None:
        # Money runs with the clock.
        del one.server.objects["modelrunprofiles", "c5"]["spec"]["price"]
        await one.until("Running")
        await one.a_pass()
        before = len(one.server.calls)
        for _ in range(5):
            await one.a_pass()
        assert {method for method, _ in one.server.calls[before:]} == {"GET"}

    told(tmp_path, story)


def test_logs_are_read_before_anything_goes_even_when_the_server_fails_in_between(tmp_path):
    async def story(one: Story) -> None:
        await one.until("Running")
        end(one.server, a_runner(one.server), 0)
        path = f"/api/v1/namespaces/lab/configmaps/{NAMES.logs}"
        one.server.fault = lambda _method, asked: 500 if asked == path else 0
        await one.a_pass()
        assert not [call for call in one.server.calls if call[0] == "DELETE"]
        assert one.server.of("daskclusters")[0]["spec"]["worker"]["replicas"] == 2
        one.server.fault = lambda _method, _path: 0
        await one.until("Succeeded")
        assert one.server.objects["configmaps", NAMES.logs]["data"]

    told(tmp_path, story)


def test_a_log_that_cannot_be_read_holds_up_nobody(tmp_path):
    async def story(one: Story) -> None:
        await one.until("Running")
        end(one.server, a_runner(one.server), 0)
        one.server.fault = lambda _method, asked: 500 if "worker-0/log" in asked else 0
        await one.a_pass()
        kept = one.server.objects["configmaps", NAMES.logs]["data"]
        assert "could not be read" in kept[f"{NAMES.cluster(1)}-worker-0.log"]
        assert f"{NAMES.runner(1)}-pod.log" in kept
        assert one.server.of("daskclusters")[0]["spec"]["worker"]["replicas"] == 0

    told(tmp_path, story)


def test_the_end_of_a_long_log_is_what_is_kept(tmp_path):
    async def story(one: Story) -> None:
        await one.until("Running")
        long = "\n".join(f"{number:06} {'x' * 3000} é" for number in range(220))
        one.server.logs[f"{NAMES.runner(1)}-pod"] = long
        one.server.logs[f"{NAMES.scheduler(1)}-pod"] = long
        end(one.server, a_runner(one.server), 0)
        await one.a_pass()
        kept = one.server.objects["configmaps", NAMES.logs]["data"]
        assert kept[f"{NAMES.runner(1)}-pod.log"].endswith(long.splitlines()[-1])
        assert sum(len(text.encode()) for text in kept.values()) <= 500_000

    told(tmp_path, story)


def test_a_name_that_somebody_else_holds_is_waited_for_and_named(tmp_path):
    async def story(one: Story) -> None:
        other = {"kind": "ConfigMap", "metadata": {"name": NAMES.run_document}}
        one.server.put("configmaps", other)
        for _ in range(8):
            await one.a_pass()
            play(one.server)
        assert one.condition("Blocked")["reason"] == "NameTaken"
        assert NAMES.run_document in one.condition("Blocked")["message"]
        one.server.remove("configmaps", NAMES.run_document)
        await to_the_end(one)
        assert one.phase == "Succeeded"

    told(tmp_path, story)


def test_an_object_of_ours_that_is_on_its_way_out_is_waited_for(tmp_path):
    async def story(one: Story) -> None:
        owner = {"kind": "ModelRun", "name": "study", "uid": UID}
        going = {
            "name": NAMES.tls(1),
            "labels": {RUN_UID_LABEL: UID},
            "ownerReferences": [owner],
            "deletionTimestamp": "2026-03-01T12:00:00Z",
        }
        one.server.put("secrets", {"kind": "Secret", "metadata": going})
        for _ in range(6):
            await one.a_pass()
        assert one.phase == "Securing"
        assert not one.server.of("daskclusters")
        one.server.remove("secrets", NAMES.tls(1))
        await one.until("Running")

    told(tmp_path, story)


def test_a_run_that_was_deleted_and_made_again_is_not_written_to(tmp_path):
    async def story(one: Story) -> None:
        await one.until("Provisioning")
        again = deepcopy(an_object(a_program()))
        again["metadata"]["uid"] = "another"
        one.server.put("modelruns", again)
        one.now += timedelta(seconds=700)
        assert await reconcile(UID, one.memory, one.world) is None
        assert not one.run["status"]
        assert one.world.cache.run(UID) is None

    told(tmp_path, story)


def test_a_quota_that_refuses_an_object_is_said_at_once(tmp_path):
    async def story(one: Story) -> None:
        one.server.fault = lambda method, path: (
            403 if method == "POST" and path.endswith("/daskclusters") else 0
        )
        for _ in range(8):
            await one.a_pass()
        assert one.condition("Blocked")["status"] == "True"
        assert one.condition("Blocked")["reason"] == "PodRefused"
        one.server.fault = lambda _method, _path: 0
        await one.until("Running")

    told(tmp_path, story)


def test_a_volume_that_cannot_be_mounted_is_found_in_the_pods_events(tmp_path):
    async def story(one: Story) -> None:
        await one.a_pass()
        await one.a_pass()
        play(one.server)
        (pod,) = one.server.of("pods")
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        status = {"phase": "Pending", "containerStatuses": [{"name": "c", "state": waiting}]}
        one.server.change(pod, status=status)
        message = 'MountVolume.SetUp failed for volume "code-source": configmap "mine" not found'
        event = {
            "kind": "Event",
            "metadata": {"name": "e", "creationTimestamp": "2026-03-01T12:00:05Z"},
            "involvedObject": {"uid": pod["metadata"]["uid"]},
            "reason": "FailedMount",
            "message": message,
            "lastTimestamp": "2026-03-01T12:00:05Z",
        }
        one.server.put("events", event)
        begin = one.now
        while one.condition("Blocked").get("status") != "True":
            await one.a_pass()
            assert (one.now - begin).total_seconds() < 30
        assert one.condition("Blocked")["reason"] == "VolumePending"
        assert message in one.condition("Blocked")["message"]

    told(tmp_path, story, a_spec(data={"dataset": "french"}))


FAULTS = st.lists(st.sampled_from([0, 0, 0, 0, 409, 429, 500, 503, -1, -500]), max_size=60)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(faults=FAULTS, deaths=st.sets(st.integers(0, 40), max_size=4))
def test_whatever_fails_between_two_calls_the_run_ends_right(tmp_path, faults, deaths):
    left = list(faults)

    def fault(method: str, _path: str) -> int:
        if not left:
            return 0
        found = left.pop()
        # A read has nothing that could conflict, or be done without an answer.
        return 500 if method == "GET" and found in {409, -500} else found

    async def story(one: Story) -> None:
        one.server.fault = fault
        ended, ended_at = None, 0
        for number in range(120):
            if number in deaths:
                await one.restart()
            await one.a_pass()
            play(one.server)
            if ended is not None:
                assert one.phase == ended, "an end stays an end"
                if number > ended_at + 5:
                    break
            elif one.phase in TERMINAL:
                ended, ended_at = one.phase, number
            jobs = one.server.of("jobs", **{ROLE_LABEL: "runner"})
            if one.phase == "Running" and jobs and not jobs[-1].get("status"):
                end(one.server, jobs[-1], 0)
        assert one.phase == "Succeeded", one.run.get("status")
        assert one.children() <= {("configmaps", NAMES.logs)}
        assert one.run["status"]["attempts"] == 1
        assert one.run["status"]["cluster"]["incarnation"] == 1

    server = told(tmp_path, story)
    made = [key for key in server.made if key[0] != "events"]
    assert len(made) == len(set(made)), "nothing is made twice"
    kinds = {plural for plural, _ in made}
    assert kinds >= {"secrets", "daskclusters", "jobs", "networkpolicies"}


VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}


def verb(method: str, path: str) -> tuple[tuple[str, str], str]:
    """What the API server asks its authorizer about a call: group, resource and verb."""
    match = PATH.fullmatch(path)
    assert match is not None
    resource = "/".join(filter(None, (match["plural"], match["part"])))
    asked = VERBS.get(method) or ("get" if match["name"] else "list")
    return (match["group"] or "", resource), asked


async def a_worker_group_without_owner_goes(one: Story) -> None:
    labels = {RUN_UID_LABEL: UID, "dask.org/cluster-name": "gone"}
    group = {"kind": "DaskWorkerGroup", "metadata": {"name": "gone-default", "labels": labels}}
    one.server.put("daskworkergroups", group)
    await one.a_pass()
    for stray in strays.strays(one.world.cache, now=one.now + timedelta(minutes=1)):
        await strays.remove(one.world.kube, stray)
    assert ("daskworkergroups", "gone-default") not in one.server.objects


def test_every_right_that_the_operator_has_is_one_that_it_uses(tmp_path):
    """A life with every trouble: answers that are lost, a retry, a restart, the end of its time."""
    lost: set[str] = set()

    async def story(one: Story) -> None:
        def fault(method: str, path: str) -> int:
            # The answer to each creation is lost once, and somebody writes the first status too.
            if method == "POST" and path not in lost and not path.endswith("/events"):
                lost.add(path)
                one.behind = True
                return -500
            if path.endswith("/status") and path not in lost:
                lost.add(path)
                return 409
            return 0

        one.server.fault = fault
        await one.until("Running")
        end(one.server, a_runner(one.server), 75)
        await one.a_pass()
        one.now += timedelta(seconds=15)
        await one.until("Running")
        await one.restart()
        await a_worker_group_without_owner_goes(one)
        job = a_runner(one.server)
        # The Job's watch is quicker than that of its pod.
        done = {"type": "Complete", "status": "True"}
        one.server.change(job, status={"conditions": [done]})
        await one.until("Succeeded")
        one.now += timedelta(seconds=100)
        await one.a_pass()
        assert ("modelruns", "study") not in one.server.objects

    server = told(tmp_path, story, a_program(ttlSecondsAfterFinished=60))
    used: dict[tuple[str, str], set[str]] = {}
    for method, path in server.calls:
        key, asked = verb(method, path)
        used.setdefault(key, set()).add(asked)
    granted = {**rights(namespaced=True), **rights(namespaced=False)}
    # Watching is kopf's, and owners that block a deletion are the API server's own question.
    del granted["modelrun.dev", "modelruns/finalizers"]
    assert used == {key: set(verbs) - {"watch"} for key, verbs in granted.items()}


def test_secrets_are_never_listed(tmp_path):
    server = told(tmp_path, to_the_end)
    reads = [path for method, path in server.calls if method == "GET" and "/secrets" in path]
    assert all(path.rpartition("/")[2].startswith("study-") for path in reads)
