"""Handing a file over: everything that can be refused is refused before anything is made.

The order is read, compare, try (a dry run on the API server), then the code, the run, and the
run as the owner of its code. Doing it twice changes nothing; a failure in between is mended by
doing it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from modelrun.errors import UserMistake
from modelrun.nearest import suggestion
from modelrun.remote import code
from modelrun.remote.changes import Change, changes
from modelrun.remote.connection import Connection
from modelrun.remote.outlook import outlook
from modelrun.remote.packing import Packed, pack
from modelrun.remote.refusals import Forbidden
from modelrun.remote.runs import Runs
from modelrun.remote.seen import Seen, seen
from modelrun_api.identity import API_VERSION, RUN_KIND, RUN_LABEL
from modelrun_api.loader import Loaded, validate_run
from modelrun_api.modelrun import ModelRun

GONE_SECONDS: Final = 180.0

Verb = Literal["created", "changed", "unchanged", "replaced"]


@dataclass(frozen=True, slots=True)
class Submission:
    """A file, made ready for the cluster."""

    run: ModelRun
    document: dict[str, Any]
    """The ModelRun that is applied: the file's own words, and the name of its code."""

    code_name: str | None
    """The ConfigMap with the code, where the run has code that is one."""

    packed: Packed | None
    """The code beside the file; None where it is elsewhere."""

    def code_object(self, owner: Seen | None) -> dict[str, Any]:
        """Return the ConfigMap with the code, owned by the run where there is one."""
        assert self.packed is not None
        metadata: dict[str, Any] = {
            "name": self.code_name,
            "labels": {
                "app.kubernetes.io/managed-by": "modelrun",
                "app.kubernetes.io/part-of": "modelrun",
                RUN_LABEL: self.run.metadata.name,
            },
        }
        if owner is not None:
            metadata["ownerReferences"] = [
                {
                    "apiVersion": API_VERSION,
                    "kind": RUN_KIND,
                    "name": owner.name,
                    "uid": owner.uid,
                }
            ]
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            **self.packed.contents,
        }


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a file."""

    run: Seen
    """The run as it stands on the cluster now, or would stand after a dry run."""

    verb: Verb
    changed: tuple[Change, ...] = ()
    """What the file says otherwise than before."""

    outlook: tuple[tuple[str, str], ...] = ()
    """What the run will take; empty where profiles may not be read."""


def prepare(loaded: Loaded, folder: Path) -> Submission:
    """Return a file made ready for the cluster; nothing is sent.

    Args:
        loaded: the file.
        folder: the folder of the file, where its code lies.

    Raises:
        UserMistake: The file is for a laptop only, or its code cannot travel.
    """
    run = loaded.run
    _refuse_what_no_pod_sees(run)
    packed: Packed | None = None
    name: str | None = None
    document = {key: value for key, value in loaded.document.value.items() if key != "status"}
    if run.spec.code is None or run.spec.code.config_map_name is not None:
        packed = pack(run.spec, folder)
        name = run.spec.code.config_map_name if run.spec.code is not None else None
        if packed is not None and name is None:
            name = f"{run.metadata.name}-code"
            document["spec"] = {**document["spec"], "code": {"configMapName": name}}
            run = validate_run(document, loaded.document.source)
    return Submission(run=run, document=document, code_name=name, packed=packed)


def submit(
    connection: Connection, submission: Submission, *, dry_run: bool = False, replace: bool = False
) -> Submitted:
    """Hand a run over to the cluster.

    Args:
        connection: the cluster and namespace.
        submission: the run.
        dry_run: ask the API server what it would say, and change nothing.
        replace: delete a run of this name first; its results stay.

    Raises:
        UserMistake: The API server refuses the run, or a run of this name is another one.
        InfrastructureError: The API server is away.
    """
    name = submission.run.metadata.name
    _refuse_another_namespace(submission, connection)
    profile = _profile(submission, connection)
    told = tuple(outlook(submission.run, profile, connection.namespace)) if profile else ()
    runs = Runs(connection)
    before = runs.find(name)
    gone = before if before is not None and (replace or before.deleting) else None
    differing: tuple[Change, ...] = ()
    if before is not None and gone is None:
        differing = _differing(before, submission)
    with_code = code.travels(
        connection, submission.code_name, submission.packed, run=name,
        before=None if gone else before,
    )  # fmt: skip
    path = connection.runs(name)
    document = _named(submission.document, connection)
    if gone is not None and not dry_run:
        runs.delete(gone)
        runs.wait_until_gone(gone, seconds=GONE_SECONDS)
        if with_code:
            code.clear(connection, str(submission.code_name), gone)
    if gone is None or not dry_run:
        tried = connection.apply(path, document, dry_run=True)
    else:
        tried = {**document, "metadata": {**gone.document["metadata"]}}
    if with_code:
        assert submission.code_name is not None
        code_path = connection.core("configmaps", submission.code_name)
        owner = before if gone is None else None
        connection.apply(code_path, submission.code_object(owner), dry_run=dry_run)
    verb: Verb = "created" if before is None else "replaced" if gone is not None else "unchanged"
    if dry_run:
        return Submitted(seen(tried), "changed" if differing else verb, differing, told)
    after = seen(connection.apply(path, document))
    if with_code:
        connection.apply(code_path, submission.code_object(after))
    if before is not None and gone is None and after.said != before.said:
        # Deleted in between by somebody or its ttl, it was made anew.
        verb = "changed" if after.uid == before.uid else "created"
    return Submitted(after, verb, differing, told)


def _named(document: dict[str, Any], connection: Connection) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in document["metadata"].items()
        if key in {"name", "labels", "annotations"}
    }
    return {**document, "metadata": {**kept, "namespace": connection.namespace}}


def _refuse_what_no_pod_sees(run: ModelRun) -> None:
    spec = run.spec
    if spec.cluster is None:
        raise UserMistake(
            f"{run.metadata.name} says nothing about a cluster; name a profile of the platform "
            "team, as in `cluster: {profileName: c5-24xlarge}`, beside models. "
            "`kubectl get modelrunprofiles` lists them",
            field="spec.cluster",
        )
    places = {
        "spec.data.uri": spec.data.uri if spec.data is not None else None,
        "spec.code.uri": spec.code.uri if spec.code is not None else None,
        "spec.results.to.uri": spec.results.to.uri if spec.results.to is not None else None,
    }
    for field, uri in places.items():
        if uri is not None and ("://" not in uri or uri.startswith("file:")):
            raise UserMistake(
                f"{field} is {uri}, a file of this machine, which no pod can see; put it into a "
                "bucket (s3://, gs://, abfs://) or on a volume",
                field=field,
            )


def _refuse_another_namespace(submission: Submission, connection: Connection) -> None:
    said = submission.run.metadata.namespace
    if said is not None and said != connection.namespace:
        raise UserMistake(
            f"the file is for the namespace {said}, and {connection.namespace} is meant; give "
            f"-n {said}, or take metadata.namespace out of the file"
        )


def _profile(submission: Submission, connection: Connection) -> dict[str, Any] | None:
    """Return the run's profile, None where profiles may not be read; refuse an unknown one."""
    cluster = submission.run.spec.cluster
    assert cluster is not None
    try:
        found = connection.read(connection.profiles())
    except Forbidden:
        # Not everybody may read profiles; the operator judges in any case.
        return None
    profiles: dict[str, dict[str, Any]] = {
        str(item["metadata"]["name"]): item for item in found.get("items") or ()
    }
    if cluster.profile_name not in profiles:
        raise UserMistake(
            f"there is no profile {cluster.profile_name!r} on this cluster; "
            f"{suggestion(cluster.profile_name, list(profiles))}",
            field="spec.cluster.profileName",
        )
    return profiles[cluster.profile_name]


def _differing(before: Seen, submission: Submission) -> tuple[Change, ...]:
    stored = validate_run(
        {key: value for key, value in before.document.items() if key != "status"}, "<stored run>"
    )
    wanted = submission.run.spec
    if wanted.suspend is None:
        # A file says nothing about suspension; `modelrun resume` does.
        wanted = wanted.model_copy(update={"suspend": stored.spec.suspend})
    found = changes(stored.spec, wanted)
    fixed = [change for change in found if change.fixed]
    if fixed:
        raise UserMistake(code.another_run(before.name, [str(change) for change in fixed]))
    return found
