"""Results on a volume, copied to this machine through a small pod that mounts it.

Nothing outside the cluster can read a claim. So a pod is made, waited for, read from and deleted,
the last in every case. Where a person may not do that, the message says which right is missing
and how it is done by hand.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from modelrun.errors import InfrastructureError, ModelrunError, UserMistake
from modelrun.remote import copying
from modelrun.remote.advice import NEXT
from modelrun.remote.claim import Volume, by_hand
from modelrun.remote.connection import Connection
from modelrun.remote.reader_pod import (
    COMPONENT,
    COMPONENT_LABEL,
    CONTAINER,
    Likeness,
    of_pod,
    of_profile,
    reader_pod,
)
from modelrun.remote.readiness import Readiness, readiness
from modelrun.remote.refusals import Forbidden, Invalid, NotThere
from modelrun.remote.rights import Right, missing
from modelrun.remote.seen import Seen
from modelrun_api.identity import RUN_LABEL, RUN_UID_LABEL
from modelrun_api.reason import Reason

PATIENCE: Final = 300.0
"""Seconds for the pod to be ready: where a node has to grow for it, that takes 2 to 4 minutes."""

NEEDED: Final = (
    Right("create", "pods"),
    Right("get", "pods"),
    Right("delete", "pods"),
    Right("create", "pods/exec"),
    Right("get", "pods/exec"),
)


def copy_out(
    connection: Connection,
    run: Seen,
    volume: Volume,
    folder: Path,
    *,
    names: Sequence[str],
    needed: str,
    marker: str,
    tell: Callable[[str], None] = lambda _: None,
    meter: copying.Meter | None = None,
    patience: float = PATIENCE,
) -> list[Path]:
    """Copy files of a volume into a folder, each whole or not at all.

    Args:
        connection: the cluster.
        run: the run whose results they are.
        volume: where they lie.
        folder: where they go; made if it is not there.
        names: the files that are wanted, as far as they are there.
        needed: the one without which there is nothing to copy.
        marker: the one whose presence means complete.
        tell: is told in a few words what is waited for.
        meter: is told how much has come.
        patience: seconds for the pod to be ready.

    Returns:
        The files of the copy.

    Raises:
        UserMistake: The person may not make pods, no pod can read the volume, or there is nothing
            on it. Says what to do.
        InfrastructureError: The pod is not ready in time, or the stream broke off.
    """
    lacking = missing(connection, NEEDED)
    if lacking:
        words = ", ".join(map(str, lacking))
        raise UserMistake(
            f"copying the results of {run.name} takes a small pod that mounts the claim "
            f"{volume.claim}, and you may not {words} in the namespace {run.namespace}. Ask the "
            f"platform team for that right, or for the files. {by_hand(volume, run)}"
        )
    like = _likeness(connection, run, volume)
    with _pod(connection, run, volume, like) as name:
        _wait(connection, run, volume, name, tell=tell, patience=patience)
        tell("reading what is there")
        with connection.session(name, CONTAINER, copying.command(volume.inside, names)) as session:
            try:
                return copying.receive(
                    session, folder, names=names, needed=needed, marker=marker,
                    meter=meter or copying.Unmeasured(),
                )  # fmt: skip
            except copying.NothingThere as error:
                raise UserMistake(_nothing(run, volume, error)) from error


@contextmanager
def _pod(connection: Connection, run: Seen, volume: Volume, like: Likeness) -> Iterator[str]:
    """Make the pod, give its name, and delete it whatever happens."""
    _sweep(connection, run)
    name = f"{run.name}-results-{secrets.token_hex(3)}"
    body = reader_pod(name, run, volume.claim, like)
    uid: str | None = None
    try:
        try:
            uid = str(connection.create(connection.core("pods"), body)["metadata"]["uid"])
        except (Forbidden, Invalid) as error:
            raise UserMistake(f"{error}. {by_hand(volume, run)}") from error
        yield name
    finally:
        # Without an answer it is not known whether there is one; no other has this name.
        with suppress(ModelrunError):
            connection.delete(connection.core("pods", name), uid=uid)


def _sweep(connection: Connection, run: Seen) -> None:
    """Delete the ended pods of earlier copies that were killed before they could do so."""
    selector = f"{COMPONENT_LABEL}={COMPONENT},{RUN_LABEL}={run.name}"
    with suppress(ModelrunError):
        found = connection.read(connection.core("pods"), labelSelector=selector)
        for pod in found.get("items") or ():
            if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
                metadata = pod["metadata"]
                connection.delete(connection.core("pods", metadata["name"]), uid=metadata["uid"])


def _likeness(connection: Connection, run: Seen, volume: Volume) -> Likeness:
    """Return what the run's pods have in common: from one of them, else from the profile."""
    with suppress(ModelrunError):
        found = connection.read(
            connection.core("pods"), labelSelector=f"{RUN_UID_LABEL}={run.uid},!dask.org/component"
        )
        for pod in found.get("items") or ():
            return of_pod(pod)
    profile = str((run.spec.get("cluster") or {}).get("profileName") or "")
    try:
        return of_profile(connection.read(f"{connection.profiles()}/{profile}"))
    except (Forbidden, NotThere) as error:
        raise UserMistake(
            f"copying the results of {run.name} takes a pod with the image of its profile "
            f"{profile!r}, which cannot be read: {error}. {by_hand(volume, run)}"
        ) from error


def _wait(
    connection: Connection,
    run: Seen,
    volume: Volume,
    name: str,
    *,
    tell: Callable[[str], None],
    patience: float,
) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            how = readiness(connection.read(connection.core("pods", name)))
        except NotThere as error:
            raise InfrastructureError(
                f"the pod {name} was deleted before it was ready; copy again"
            ) from error
        if how.ready:
            return
        late = time.monotonic() > end
        if how.hopeless or late:
            raise _unready(connection, run, volume, name, how, patience=patience if late else None)
        tell(f"pod {name}: {how.message}")
        time.sleep(0.5)


def _unready(
    connection: Connection,
    run: Seen,
    volume: Volume,
    name: str,
    how: Readiness,
    *,
    patience: float | None,
) -> ModelrunError:
    when = f" after {patience:.0f} s" if patience is not None else ""
    said = [f"the pod {name}, which would read the claim {volume.claim}, is not ready{when}"]
    said.append(how.message)
    warning = _warning(connection, name) if how.reason is None else ""
    reason = how.reason
    if warning:
        said.append(warning)
        if any(word in warning for word in ("MountVolume", "AttachVolume", "attach or mount")):
            reason = Reason.VOLUME_PENDING
    message = ": ".join(said)
    if reason is not None:
        step = NEXT[reason].format(name=run.name, namespace=run.namespace)
        message += f".\nnext: {step}"
    kind = UserMistake if how.hopeless else InfrastructureError
    return kind(f"{message}.\n{by_hand(volume, run)}")


def _warning(connection: Connection, name: str) -> str:
    """Return the last warning about a pod: only there does a kubelet say that a mount fails."""
    with suppress(ModelrunError):
        selector = f"involvedObject.kind=Pod,involvedObject.name={name},type=Warning"
        found = connection.read(connection.core("events"), fieldSelector=selector)
        events = sorted(
            found.get("items") or (),
            key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""),
        )
        return str(events[-1].get("message") or "") if events else ""
    return ""


def _nothing(run: Seen, volume: Volume, error: copying.NothingThere) -> str:
    place = f"the folder {volume.folder or '/'} of the claim {volume.claim}"
    said = f"{run.name} ({run.phase}) has no tables in {place}: {error}"
    if run.finished:
        return f"{said}. `modelrun why {run.name}` says how it ended"
    return f"{said}. Tables are written at the end; `modelrun watch {run.name}` waits for it"
