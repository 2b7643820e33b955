"""From an action to calls: one function for each kind of action.

What the API server answers goes into the caches at once, so that the next pass sees it. An object
that is there already is taken for ours only by its owner's uid; one that is on its way out is
waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelrun_api import identity
from modelrun_operator.core.actions import (
    Action,
    Create,
    Delete,
    DeleteRun,
    HealCluster,
    IssueTls,
    KeepLogs,
    ScaleWorkers,
    Tell,
)
from modelrun_operator.core.snapshot import Kind, Ref
from modelrun_operator.errors import Bug, Conflict, NotFound, Refused, WorldNotReady
from modelrun_operator.kube.cache import Cache
from modelrun_operator.kube.client import Kube
from modelrun_operator.kube.logs import keep_logs
from modelrun_operator.kube.observe import is_ours
from modelrun_operator.kube.resources import CHILDREN, EVENTS, RUNS, Resource
from modelrun_operator.manifests.tls_secret import tls_secret
from modelrun_operator.pki.issue import issue
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

SOON_SECONDS: Final = 2.0
_LONGEST_MESSAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes to carry something out."""

    kube: Kube
    """The API server."""

    cache: Cache
    """What is known; answers go here."""

    settings: Settings
    """The installation."""

    now: Callable[[], datetime]
    """The clock, in UTC."""


async def carry_out(action: Action, run: Run, hands: Hands) -> None:
    """Do one thing.

    Raises:
        WorldNotReady: later it may work.
        Refused: the API server refuses an object that the run needs.
    """
    match action:
        case Create():
            await _create(action.manifest, run, hands)
        case IssueTls():
            await _issue_tls(action, run, hands)
        case ScaleWorkers():
            change = {"spec": {"worker": {"replicas": action.replicas}}}
            await _patch(action.cluster, change, run, hands)
        case HealCluster():
            # Its handlers run anew when this field changes, and make what is missing.
            await _patch(action.cluster, {"status": {"phase": "Created"}}, run, hands)
        case KeepLogs():
            await keep_logs(action, run, hands.kube, hands.cache, hands.settings)
        case Delete():
            await _delete(action.ref, run, hands)
        case DeleteRun():
            await _delete_run(run, hands)
        case Tell():
            await _tell(action, run, hands)


async def _create(manifest: dict[str, Any], run: Run, hands: Hands) -> None:
    kind = Kind(manifest["kind"])
    resource = CHILDREN[kind]
    try:
        made = await hands.kube.create(resource, manifest)
    except Conflict as conflict:
        name = manifest["metadata"]["name"]
        try:
            made = await hands.kube.get(resource, run.namespace, name)
        except NotFound as error:
            raise WorldNotReady(
                f"{kind} {name} went while it was looked at", retry_after=SOON_SECONDS
            ) from error
        if not is_ours(made, run):
            raise Refused(f"{resource.plural} {name!r} already exists") from conflict
        if "deletionTimestamp" in made["metadata"]:
            hands.cache.put(made, kind)
            raise WorldNotReady(
                f"{kind} {name} is on its way out; its name is free in a moment",
                retry_after=SOON_SECONDS,
            ) from conflict
    except NotFound as error:
        # The namespace goes, or nobody installed what defines the kind.
        raise Refused(
            f"{kind} {manifest['metadata']['name']} cannot be made here ({error}); check that the "
            "Dask controller and its definitions are installed"
        ) from error
    hands.cache.put(made, kind)


async def _issue_tls(action: IssueTls, run: Run, hands: Hands) -> None:
    names = run.names
    cluster = names.cluster(action.incarnation)
    service = f"{names.scheduler(action.incarnation)}.{run.namespace}"
    certificates = issue(
        cluster=cluster,
        hosts=(
            f"{service}.svc",
            f"{service}.svc.{hands.settings.cluster_domain}",
            service,
        ),
        hours=action.hours,
        now=hands.now(),
    )
    secret = tls_secret(run, incarnation=action.incarnation, files=certificates.files)
    await _create(secret, run, hands)


async def _patch(ref: Ref, change: dict[str, Any], run: Run, hands: Hands) -> None:
    # With the uid a namesake is a conflict, and not patched by mistake.
    whole = {"metadata": {"uid": ref.uid}, **change}
    try:
        made = await hands.kube.patch(CHILDREN[ref.kind], run.namespace, ref.name, whole)
    except NotFound:
        _lost(ref, hands)
    except Conflict as conflict:
        await _lost_unless_there(ref, conflict, run, hands)
    else:
        hands.cache.put(made, ref.kind)


async def raise_if_there(
    resource: Resource, namespace: str, name: str, uid: str, conflict: Conflict, kube: Kube
) -> None:
    """Look at what a conflict about an object means; return if the object is gone.

    Another may have its name by now; that one is none of what was decided.

    Raises:
        WorldNotReady: it is there as before: somebody wrote at the same moment.
    """
    try:
        found = await kube.get(resource, namespace, name)
    except NotFound:
        return
    if found["metadata"]["uid"] == uid:
        raise WorldNotReady(str(conflict), retry_after=SOON_SECONDS) from conflict


async def _delete(ref: Ref, run: Run, hands: Hands) -> None:
    if not ref.uid:
        raise Bug(f"{run.key}: {ref.kind} {ref.name} is to be deleted without its uid")
    try:
        answer = await hands.kube.delete(CHILDREN[ref.kind], run.namespace, ref.name, ref.uid)
    except NotFound:
        _lost(ref, hands)
        return
    except Conflict as conflict:
        await _lost_unless_there(ref, conflict, run, hands)
        return
    if answer.get("kind") == "Status" or "metadata" not in answer:
        _lost(ref, hands)
    else:
        hands.cache.put(answer, ref.kind)


async def _lost_unless_there(ref: Ref, conflict: Conflict, run: Run, hands: Hands) -> None:
    resource = CHILDREN[ref.kind]
    await raise_if_there(resource, run.namespace, ref.name, ref.uid, conflict, hands.kube)
    _lost(ref, hands)


def _lost(ref: Ref, hands: Hands) -> None:
    hands.cache.drop(ref.uid, ref.kind, now=hands.now())


async def _delete_run(run: Run, hands: Hands) -> None:
    try:
        await hands.kube.delete(RUNS, run.namespace, run.name, run.uid)
    except NotFound:
        hands.cache.drop(run.uid, RUNS.kind, now=hands.now())
    except Conflict as conflict:
        await raise_if_there(RUNS, run.namespace, run.name, run.uid, conflict, hands.kube)
        hands.cache.drop(run.uid, RUNS.kind, now=hands.now())


async def _tell(action: Tell, run: Run, hands: Hands) -> None:
    moment = hands.now()
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    await hands.kube.create(
        EVENTS,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{run.name}.{int(moment.timestamp() * 1e6):x}.{action.reason.lower()}",
                "namespace": run.namespace,
            },
            "involvedObject": {
                "apiVersion": identity.API_VERSION,
                "kind": identity.RUN_KIND,
                "name": run.name,
                "namespace": run.namespace,
                "uid": run.uid,
            },
            "type": action.type,
            "reason": action.reason,
            "message": action.message[:_LONGEST_MESSAGE] or action.reason,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "source": {"component": identity.FIELD_MANAGER},
            "reportingComponent": identity.FIELD_MANAGER,
            "reportingInstance": identity.FIELD_MANAGER,
        },
    )
