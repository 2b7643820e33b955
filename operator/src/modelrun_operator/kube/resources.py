"""Which resources the operator touches, where they live, and what it may do with each.

The table is the whole of the operator's rights: roles are written from it, and a test compares
both. Paths are spelled here instead of discovered, so that a definition that is missing is an
answer of the API server and not a failure at start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelrun_api import identity
from modelrun_operator.core.snapshot import Kind


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the API server."""

    group: str
    """The API group; empty for the core."""

    version: str
    """The version."""

    plural: str
    """The name in paths and rules."""

    kind: str
    """The kind in documents."""

    verbs: tuple[str, ...]
    """What the operator does with it."""

    namespaced: bool = True
    """Whether objects live in namespaces."""

    selector: str = ""
    """The labels by which it is listed and watched; empty for all."""

    fields: str = ""
    """The fields by which it is listed and watched; empty for all."""

    @property
    def api_version(self) -> str:
        """Group and version as documents say it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, *more: str) -> str:
        """Return the path of the collection, of an object, or of a part of one."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/" + "/".join([*parts, *more])


WATCHED: Final = ("list", "watch")
OURS: Final = identity.RUN_UID_LABEL
"""Every child of a run carries this label; nothing else is listed or watched."""

RUNS: Final = Resource(
    identity.GROUP,
    identity.VERSION,
    identity.RUN_PLURAL,
    identity.RUN_KIND,
    (*WATCHED, "get", "delete"),
)
PROFILES: Final = Resource(
    identity.GROUP,
    identity.VERSION,
    identity.PROFILE_PLURAL,
    identity.PROFILE_KIND,
    WATCHED,
    namespaced=False,
)
EVENTS: Final = Resource(
    "",
    "v1",
    "events",
    "Event",
    (*WATCHED, "create"),
    # The Job controller says only here that a quota or a policy refuses its pods.
    fields="involvedObject.kind=Job,reason=FailedCreate",
)

CHILDREN: Final[dict[Kind, Resource]] = {
    Kind.CONFIG_MAP: Resource(
        "",
        "v1",
        "configmaps",
        "ConfigMap",
        (*WATCHED, "get", "create", "patch", "delete"),
        selector=OURS,
    ),
    # Read by name only: whoever cannot list Secrets cannot go looking for them.
    Kind.SECRET: Resource("", "v1", "secrets", "Secret", ("get", "create", "delete")),
    Kind.NETWORK_POLICY: Resource(
        "networking.k8s.io",
        "v1",
        "networkpolicies",
        "NetworkPolicy",
        (*WATCHED, "get", "create", "delete"),
        selector=OURS,
    ),
    Kind.JOB: Resource(
        "batch", "v1", "jobs", "Job", (*WATCHED, "get", "create", "delete"), selector=OURS
    ),
    Kind.DASK_CLUSTER: Resource(
        "kubernetes.dask.org",
        "v1",
        "daskclusters",
        "DaskCluster",
        (*WATCHED, "get", "create", "patch", "delete"),
        selector=OURS,
    ),
    Kind.DASK_WORKER_GROUP: Resource(
        "kubernetes.dask.org",
        "v1",
        "daskworkergroups",
        "DaskWorkerGroup",
        # Those that the Dask controller left without an owner are deleted (strays).
        (*WATCHED, "delete"),
        selector=OURS,
    ),
    Kind.DEPLOYMENT: Resource("apps", "v1", "deployments", "Deployment", WATCHED, selector=OURS),
    Kind.SERVICE: Resource("", "v1", "services", "Service", WATCHED, selector=OURS),
    Kind.POD: Resource("", "v1", "pods", "Pod", (*WATCHED, "get"), selector=OURS),
}
"""The children of runs, by kind."""

WATCHES: Final = (
    RUNS,
    PROFILES,
    EVENTS,
    *(child for child in CHILDREN.values() if "watch" in child.verbs),
)
"""What is listed at the start and watched from then on."""

SUBRESOURCES: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    (identity.GROUP, "modelruns/status"): ("patch",),
    # Owner references that block the deletion of their owner need this where the API server
    # enforces permissions on owner references (OpenShift does).
    (identity.GROUP, "modelruns/finalizers"): ("update",),
    ("", "pods/log"): ("get",),
}
"""Parts of resources, by group and name."""


def rights(*, namespaced: bool) -> dict[tuple[str, str], frozenset[str]]:
    """Return the verbs by group and resource: all that the operator's roles must grant.

    Args:
        namespaced: those of resources in namespaces, or those of the cluster's own resources.
    """
    whole = [RUNS, PROFILES, EVENTS, *CHILDREN.values()]
    found = {
        (one.group, one.plural): frozenset(one.verbs)
        for one in whole
        if one.namespaced is namespaced
    }
    if namespaced:
        found |= {key: frozenset(verbs) for key, verbs in SUBRESOURCES.items()}
    return found
