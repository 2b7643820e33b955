"""A ModelRun as one pass sees it: identity, spec, status, and whether the spec can be read at all.

The API server has checked what CEL can check; what only Python can check may still be wrong, and
then the run is refused with the loader's own words instead of raising in the middle of a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from modelrun_api.identity import API_VERSION, RUN_KIND
from modelrun_api.loader import validate_run
from modelrun_api.problems import SpecError
from modelrun_api.spec import ModelRunSpec
from modelrun_api.status import ModelRunStatus
from modelrun_operator.names import Names


@dataclass(frozen=True, slots=True)
class Run:
    """One ModelRun."""

    namespace: str
    """Its namespace."""

    name: str
    """Its name."""

    uid: str
    """Its uid: another run of the same name has another."""

    generation: int
    """The generation of the spec."""

    spec: ModelRunSpec | None
    """What to fit; None where the spec breaks a rule."""

    status: ModelRunStatus
    """What the last pass reported."""

    deleting: bool = False
    """Whether the run is being deleted."""

    problem: str = ""
    """Why the spec cannot be used."""

    @property
    def names(self) -> Names:
        """The names of its children."""
        return Names(run=self.name, uid=self.uid, namespace=self.namespace)

    @property
    def key(self) -> str:
        """Namespace and name, for messages."""
        return f"{self.namespace}/{self.name}"

    def document(self) -> dict[str, Any]:
        """Return the document that preflight and runner read: the spec with every default."""
        assert self.spec is not None
        return {
            "apiVersion": API_VERSION,
            "kind": RUN_KIND,
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self.spec.document(),
        }

    @classmethod
    def from_object(cls, body: Mapping[str, Any]) -> Run:
        """Return the run of an object of the API server; it never raises for a bad spec."""
        metadata = body["metadata"]
        spec: ModelRunSpec | None = None
        problem = ""
        try:
            spec = validate_run({k: body[k] for k in ("metadata", "spec") if k in body}).spec
        except SpecError as error:
            problem = "; ".join(_sentence(one.path, one.message) for one in error.problems)
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=int(metadata.get("generation", 0)),
            spec=spec,
            status=_status(body.get("status")),
            deleting="deletionTimestamp" in metadata,
            problem=problem,
        )


def _sentence(path: str, message: str) -> str:
    return f"{path}: {message}" if path else message


def _status(document: Any) -> ModelRunStatus:
    """Read the status; one that cannot be read was not written by us and counts as none."""
    if not document:
        return ModelRunStatus()
    try:
        return ModelRunStatus.model_validate(document)
    except ValidationError:
        return ModelRunStatus()
