"""What a pass may do to the world: a closed set of values that `kube` carries out in order.

An action exists only if a step returns it. All are harmless when they come twice: what is there is
not made again, and what is gone is not missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, get_args

from modelrun_api.status import ModelRunStatus
from modelrun_operator.core.snapshot import Ref
from modelrun_operator.manifests.metadata import Manifest


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object, if it is not there. One that is there is ours only by its owner's uid."""

    manifest: Manifest
    """The object."""


@dataclass(frozen=True, slots=True)
class IssueTls:
    """Make certificates and the Secret that holds them, if the Secret is not there."""

    incarnation: int
    """The incarnation of the cluster."""

    hours: int
    """How long they hold."""


@dataclass(frozen=True, slots=True)
class ScaleWorkers:
    """Set the number of worker pods of a DaskCluster."""

    cluster: Ref
    """The DaskCluster."""

    replicas: int
    """Worker pods."""


@dataclass(frozen=True, slots=True)
class HealCluster:
    """Let the Dask controller go over a cluster again whose worker group it never made."""

    cluster: Ref
    """The DaskCluster."""


@dataclass(frozen=True, slots=True)
class KeepLogs:
    """Read the last lines of pods' logs into the run's ConfigMap, which is made if need be."""

    pods: tuple[Ref, ...]
    """Whose logs; pods that are gone are passed over."""

    marker: str
    """What the ConfigMap then holds, as its annotation says."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object after a live look at its uid; what hangs on it goes with it."""

    ref: Ref
    """The object."""


@dataclass(frozen=True, slots=True)
class DeleteRun:
    """Delete the ModelRun itself: its time to live is over."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Post an event of Kubernetes on the ModelRun; after the status is written."""

    type: Literal["Normal", "Warning"]
    """How urgent."""

    reason: str
    """The machine's word."""

    message: str
    """The sentence for people."""


Action = Create | IssueTls | ScaleWorkers | HealCluster | KeepLogs | Delete | DeleteRun | Tell

ACTION_NAMES: Final = tuple(action.__name__ for action in get_args(Action))
"""What actions are called in metrics."""

Creating = Create | IssueTls | KeepLogs
"""Actions that bring something into the world; forbidden after the end of a run."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a pass decided."""

    actions: tuple[Action, ...]
    """What to do, in this order, after the status is written; Tell comes last."""

    status: ModelRunStatus
    """The new status; written only if it differs."""

    wake_after: timedelta | None
    """When to look again, without news; None for never."""
