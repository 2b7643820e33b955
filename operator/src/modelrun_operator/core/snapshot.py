"""What one pass saw of the world: the profile, the run's children, the runner's word.

The observer fills it from watch caches, selecting by the label with the run's uid. It must not be
filled before the caches have been read once in full: an object that is not seen counts as gone.
Only what some step reads stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from modelrun_api.outcome import ProgressReport
from modelrun_api.profile import ModelRunProfile


class Kind(StrEnum):
    """The kinds of children."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105  a kind of Kubernetes
    NETWORK_POLICY = "NetworkPolicy"
    JOB = "Job"
    DASK_CLUSTER = "DaskCluster"
    DASK_WORKER_GROUP = "DaskWorkerGroup"
    DEPLOYMENT = "Deployment"
    SERVICE = "Service"
    POD = "Pod"


class Role(StrEnum):
    """What a pod does."""

    PREFLIGHT = "preflight"
    RUNNER = "runner"
    SCHEDULER = "scheduler"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One object of the run's namespace."""

    kind: Kind
    """Its kind."""

    name: str
    """Its name."""

    uid: str = ""
    """Its uid, so that a deletion never meets a namesake."""


@dataclass(frozen=True, slots=True)
class Child:
    """Any object that belongs to the run."""

    ref: Ref
    """Kind, name, uid."""

    created: datetime
    """When it was made."""

    incarnation: int | None = None
    """The incarnation of the cluster that its label names."""

    terminating_since: datetime | None = None
    """Since when it is being deleted."""

    marker: str = ""
    """For the ConfigMap with logs: which attempt and incarnation it holds."""

    @property
    def terminating(self) -> bool:
        """Whether it is being deleted."""
        return self.terminating_since is not None


@dataclass(frozen=True, slots=True)
class Job(Child):
    """A Job, with what its pod left."""

    finished: bool = False
    """Whether it ended, in any way."""

    succeeded: bool = False
    """Whether it ended well."""

    exit_code: int | None = None
    """The exit code of its last pod; None where the pod vanished."""

    termination_message: str = ""
    """What its last pod left."""

    disrupted: bool = False
    """Whether its last pod has the condition DisruptionTarget."""

    out_of_memory: bool = False
    """Whether the kernel ended its last pod for memory."""

    failure: str = ""
    """The Job's own reason and message of failure."""


@dataclass(frozen=True, slots=True)
class Cluster(Child):
    """A DaskCluster, with what its controller made of it."""

    replicas: int = 0
    """Worker pods that it asks for."""

    has_worker_group: bool = False
    """Whether the controller made the worker group."""

    scheduler_available: bool = False
    """Whether the scheduler's Deployment is available."""

    touched: bool = True
    """Whether the controller made anything of it yet."""


@dataclass(frozen=True, slots=True)
class Pod(Child):
    """A pod of the run, with what stops it."""

    role: Role = Role.WORKER
    """What it does."""

    phase: str = "Pending"
    """Pending, Running, Succeeded, Failed or Unknown."""

    ready: bool = False
    """Whether its container is ready."""

    scheduled_at: datetime | None = None
    """When it got its node: from here it costs."""

    gone_at: datetime | None = None
    """When it ended or vanished: until here it cost. A vanished pod stays in the snapshot until
    its time is counted."""

    unschedulable: str = ""
    """The scheduler's message, where no node takes it."""

    waiting: str = ""
    """The reason for which its container waits, such as ImagePullBackOff."""

    waiting_message: str = ""
    """The message beside it."""

    last_exit: str = ""
    """How its container last ended: reason or exit code."""

    restarts: int = 0
    """How often its container was started again."""

    @property
    def gone(self) -> bool:
        """Whether the pod no longer exists."""
        return self.gone_at is not None and self.phase == "Gone"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one pass saw."""

    profile: ModelRunProfile | None = None
    """The profile that the run names, if it exists and can be read."""

    profile_problem: str = ""
    """Why the profile cannot be read, where it exists."""

    children: tuple[Child, ...] = ()
    """Every object with the run's uid in its label, in any state."""

    refusals: tuple[str, ...] = ()
    """What the API server or a controller said when it refused one of the run's objects: quota,
    admission, Pod Security; the newest first."""

    progress: ProgressReport | None = None
    """What the runner answered last, if it answered."""

    def all(self, kind: Kind) -> Iterator[Child]:
        """Yield the children of a kind."""
        return (child for child in self.children if child.ref.kind is kind)

    def find(self, kind: Kind, name: str) -> Child | None:
        """Return the child of a kind and name, or None."""
        return next((child for child in self.all(kind) if child.ref.name == name), None)

    def job(self, name: str) -> Job | None:
        """Return the Job of a name, or None."""
        found = self.find(Kind.JOB, name)
        return found if isinstance(found, Job) else None

    def cluster(self, name: str) -> Cluster | None:
        """Return the DaskCluster of a name, or None."""
        found = self.find(Kind.DASK_CLUSTER, name)
        return found if isinstance(found, Cluster) else None

    def pods(self, role: Role | None = None, incarnation: int | None = None) -> tuple[Pod, ...]:
        """Return the pods that exist, of a role and an incarnation where given."""
        return tuple(
            child
            for child in self.children
            if isinstance(child, Pod)
            and not child.gone
            and (role is None or child.role is role)
            and (incarnation is None or child.incarnation == incarnation)
        )
