"""A ModelRun as it stands on the cluster: its document, read into the words of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from modelrun.errors import UserMistake
from modelrun_api.conditions import Condition, ConditionType, condition_of
from modelrun_api.phase import TERMINAL, Phase
from modelrun_api.status import ModelRunStatus


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a ModelRun."""

    document: dict[str, Any]
    """The object of the API server, without its managed fields."""

    status: ModelRunStatus
    """What the operator reports; all defaults before its first look."""

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self._metadata["name"])

    @property
    def namespace(self) -> str:
        """The run's namespace."""
        return str(self._metadata["namespace"])

    @property
    def uid(self) -> str:
        """The run's uid; a run that is deleted and created again has another one."""
        return str(self._metadata["uid"])

    @property
    def version(self) -> str:
        """The resourceVersion of this look."""
        return str(self._metadata["resourceVersion"])

    @property
    def said(self) -> tuple[object, ...]:
        """What people say of the run: its spec's generation, labels and annotations.

        The version is not among it: the operator's own words move that one at any time.
        """
        metadata = self._metadata
        return metadata["generation"], metadata.get("labels"), metadata.get("annotations")

    @property
    def created(self) -> datetime:
        """When the run was created."""
        return datetime.fromisoformat(self._metadata["creationTimestamp"])

    @property
    def deleting(self) -> bool:
        """Whether the run is being deleted."""
        return "deletionTimestamp" in self._metadata

    @property
    def suspended(self) -> bool:
        """Whether the spec asks for suspension."""
        return bool(self.spec.get("suspend"))

    @property
    def spec(self) -> dict[str, Any]:
        """The spec as it is stored."""
        spec: dict[str, Any] = self.document["spec"]
        return spec

    @property
    def finished(self) -> bool:
        """Whether the run has ended and given everything back."""
        return self.status.phase in TERMINAL

    @property
    def verdict(self) -> Condition | None:
        """The condition that says how the run ended, as soon as that is known.

        The phase follows when everything is given back.
        """
        for type_ in (ConditionType.COMPLETE, ConditionType.FAILED):
            found = self.condition(type_)
            if found is not None and found.status == "True":
                return found
        return None

    @property
    def phase(self) -> Phase:
        """The phase."""
        return self.status.phase

    def condition(self, type_: ConditionType) -> Condition | None:
        """Return a condition, or None where the operator says nothing about it."""
        return condition_of(self.status.conditions, type_)

    @property
    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = self.document["metadata"]
        return metadata


def seen(document: dict[str, Any]) -> Seen:
    """Return the look of an object of the API server.

    Raises:
        UserMistake: The operator says what this version of modelrun does not know.
    """
    document["metadata"].pop("managedFields", None)
    try:
        status = ModelRunStatus.model_validate(document.get("status") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserMistake(
            f"the status of {document['metadata']['name']} has something that this version of "
            f"modelrun does not know (status.{place}); install that of the cluster's operator"
        ) from error
    return Seen(document=document, status=status)
