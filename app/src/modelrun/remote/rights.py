"""Which rights a person lacks in the namespace: asked of the API server before anything is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelrun.errors import ModelrunError
from modelrun.remote.connection import Connection

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a kind of object, such as `create pods/exec`."""

    verb: str
    resource: str
    """The plural name, with a subresource behind a slash."""

    def __str__(self) -> str:
        """Return the words that a role has."""
        return f"{self.verb} {self.resource}"


def missing(connection: Connection, rights: Iterable[Right]) -> list[Right]:
    """Return those of the rights that the person does not have.

    An API server that does not answer such questions is taken to allow: it will say no in time.
    """
    try:
        return [right for right in rights if not _allowed(connection, right)]
    except ModelrunError:
        return []


def _allowed(connection: Connection, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "namespace": connection.namespace,
        "verb": right.verb,
        "resource": resource,
        **({"subresource": subresource} if subresource else {}),
    }
    answer = connection.create(
        REVIEWS,
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
    )
    return bool((answer.get("status") or {}).get("allowed"))
