"""A conflict (409) does not say that an object is gone: whose name it is now must be looked at."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from modelrun_operator.core.actions import Action, Delete, DeleteRun, ScaleWorkers
from modelrun_operator.core.snapshot import Kind, Ref
from modelrun_operator.errors import Conflict, NotFound, WorldNotReady
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.carry_out import Hands, carry_out
from modelrun_operator.settings import Settings
from support.world import a_run, a_spec, an_object

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = a_run()
CLUSTER = Ref(Kind.DASK_CLUSTER, "study-1", "uid-of-the-cluster")
ON_THE_CLUSTER = [Delete(CLUSTER), ScaleWorkers(CLUSTER, 0)]


class Contested:
    """An API server on which every write is a conflict, and `now` is what has the name."""

    def __init__(self, now: str | None) -> None:
        self.now = now

    async def delete(self, *_: Any) -> None:
        raise Conflict("somebody wrote at the same moment")

    async def patch(self, *_: Any) -> None:
        raise Conflict("somebody wrote at the same moment")

    async def get(self, *_: Any) -> dict[str, Any]:
        if self.now is None:
            raise NotFound("nothing has this name")
        return {"metadata": {"uid": self.now}}


@pytest.fixture
def cache() -> Cache:
    """A run and its cluster."""
    metadata = {
        "name": CLUSTER.name,
        "uid": CLUSTER.uid,
        "resourceVersion": "2",
        "labels": {"modelrun.dev/run-uid": RUN.uid},
    }
    cache = Cache()
    cache.put(an_object(a_spec()), "ModelRun")
    cache.put({"metadata": metadata}, CLUSTER.kind)
    return cache


def act(action: Action, cache: Cache, *, now: str | None) -> None:
    hands: Any = Hands(Contested(now), cache, Settings(), lambda: NOW)  # type: ignore[arg-type]
    asyncio.run(carry_out(action, RUN, hands))


@pytest.mark.parametrize("action", ON_THE_CLUSTER)
def test_what_is_still_there_is_tried_again_soon(action, cache):
    with pytest.raises(WorldNotReady) as told:
        act(action, cache, now=CLUSTER.uid)
    assert told.value.retry_after
    assert cache.find(RUN.uid, CLUSTER.kind, CLUSTER.name)


@pytest.mark.parametrize("now", [None, "uid-of-a-namesake"])
@pytest.mark.parametrize("action", ON_THE_CLUSTER)
def test_what_lost_its_name_is_forgotten(action, now, cache):
    act(action, cache, now=now)
    assert not cache.find(RUN.uid, CLUSTER.kind, CLUSTER.name)


def test_a_run_is_forgotten_only_when_it_is_gone(cache):
    with pytest.raises(WorldNotReady):
        act(DeleteRun(), cache, now=RUN.uid)
    assert cache.run(RUN.uid)
    act(DeleteRun(), cache, now="uid-of-a-namesake")
    assert not cache.run(RUN.uid)
