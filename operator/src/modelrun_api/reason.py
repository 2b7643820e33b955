"""The closed list of reasons: the word that a condition gives for its status.

Scripts and alerts match these words, so a reason is never renamed. Each says when it is set.
Reasons of single fits are another list, in `failure`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import WithJsonSchema

__all__ = ["CURABLE", "FINAL_FAILURES", "Reason", "ReasonText"]


class Reason(StrEnum):
    """Why a condition has its status."""

    # --- Accepted
    ACCEPTED = "Accepted"
    """Accepted is True: the profile exists, the caps hold, the names fit."""

    INVALID_SPEC = "InvalidSpec"
    """Accepted is False: the spec breaks a rule that the API server cannot check."""

    CLUSTER_MISSING = "ClusterMissing"
    """Accepted is False: the run names no profile (spec.cluster is absent)."""

    PROFILE_NOT_FOUND = "ProfileNotFound"
    """Accepted is False: no profile has the name that the run gives."""

    PROFILE_INVALID = "ProfileInvalid"
    """Accepted is False: the profile itself cannot be used."""

    LIMIT_EXCEEDED = "LimitExceeded"
    """Accepted is False: the run asks for more nodes, workers or hours than the profile gives."""

    LOCAL_ADDRESS = "LocalAddress"
    """Accepted is False: data or results are a file of the laptop, which no pod can see."""

    RESULTS_LOCATION_MISSING = "ResultsLocationMissing"
    """Accepted is False: neither the run nor its profile says where results go."""

    BUDGET_NOT_COMPARABLE = "BudgetNotComparable"
    """Accepted is False: a budget, but the profile has no price or another currency."""

    # --- Preflighted
    PREFLIGHT_RUNNING = "PreflightRunning"
    """Preflighted is Unknown: the preflight pod is at work."""

    PREFLIGHT_PASSED = "PreflightPassed"
    """Preflighted is True: the file fits the data and the results can be written."""

    PREFLIGHT_SKIPPED = "PreflightSkipped"
    """Preflighted is True: a program has nothing that could be checked before it starts."""

    PREFLIGHT_FAILED = "PreflightFailed"
    """Preflighted is False, Failed is True: the file does not fit the data, or results cannot be
    written."""

    OVER_BUDGET = "OverBudget"
    """Failed is True: the forecast is above the budget; nothing was started."""

    # --- Provisioned
    SECURING = "Securing"
    """Provisioned is False: certificates are being made."""

    CLUSTER_STARTING = "ClusterStarting"
    """Provisioned is False: the scheduler is not available yet."""

    WORKERS_STARTING = "WorkersStarting"
    """Provisioned is False: fewer workers than minWorkers are there."""

    QUORUM_REACHED = "QuorumReached"
    """Provisioned is True: at least minWorkers workers registered over TLS."""

    SCHEDULER_LOST = "SchedulerLost"
    """Provisioned is False, or the last attempt's reason: the scheduler pod was replaced."""

    CLUSTER_LOST = "ClusterLost"
    """Provisioned is False, or the last attempt's reason: the DaskCluster is gone."""

    RELEASED_CLUSTER = "ClusterReleased"
    """Provisioned is False: the cluster was given back."""

    # --- Blocked
    NOT_BLOCKED = "NotBlocked"
    """Blocked is False: nothing is in the way."""

    UNSCHEDULABLE = "Unschedulable"
    """Blocked is True: no node takes a pod of the run."""

    QUOTA_EXCEEDED = "QuotaExceeded"
    """Blocked is True: a ResourceQuota refuses a pod of the run."""

    POD_REFUSED = "PodRefused"
    """Blocked is True: the API server refuses a pod of the run (admission, Pod Security)."""

    IMAGE_PULL = "ImagePull"
    """Blocked is True: a node cannot pull the image."""

    CONFIG_MISSING = "ConfigMissing"
    """Blocked is True: a Secret, ConfigMap or claim that a pod needs is not there."""

    VOLUME_PENDING = "VolumePending"
    """Blocked is True: a volume is not bound or cannot be mounted."""

    CRASH_LOOPING = "CrashLooping"
    """Blocked is True: a container of the run ends again and again."""

    OUT_OF_MEMORY = "OutOfMemory"
    """Blocked is True, or the last attempt's reason: the kernel ended a container for memory."""

    TLS_FAILED = "TlsFailed"
    """Blocked is True: a pod was refused for its certificate, or has none."""

    WAITING_FOR_WORKERS = "WaitingForWorkers"
    """Blocked is True: pods run, but fewer workers than minWorkers have registered."""

    WORKER_GROUP_MISSING = "WorkerGroupMissing"
    """Blocked is True: the Dask controller made no worker group; it is asked again."""

    DASK_CONTROLLER_SILENT = "DaskControllerSilent"
    """Blocked is True: nothing happens to the DaskCluster; its controller seems not to run."""

    NAME_TAKEN = "NameTaken"
    """Blocked is True: an object that the run needs has a name that something else holds."""

    STUCK_TERMINATING = "StuckTerminating"
    """Blocked is True: an object of the run is being deleted for minutes."""

    RETRY_BACKOFF = "RetryBackoff"
    """Blocked is True: the next attempt waits, after a failure of the infrastructure."""

    # --- Suspended
    SUSPENDED = "SuspendRequested"
    """Suspended is True: spec.suspend is true."""

    RESUMED = "Resumed"
    """Suspended is False: spec.suspend is no longer true."""

    # --- Complete
    RESULTS_STORED = "ResultsStored"
    """Complete is True: the runner stored every table."""

    ALREADY_STORED = "AlreadyStored"
    """Complete is True: every fit was stored before; no cluster was raised."""

    PROGRAM_FINISHED = "ProgramFinished"
    """Complete is True: the user's program ended with exit code 0."""

    # --- Failed
    USER_MISTAKE = "UserMistake"
    """Failed is True: the runner refused the file or the data (exit code 2)."""

    TOO_MANY_FAILED = "TooManyFailed"
    """Failed is True: more fits failed than maxFailed allows (exit code 3)."""

    INTERNAL_ERROR = "InternalError"
    """Failed is True: a bug of modelrun (exit code 1)."""

    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded"
    """Failed is True: the infrastructure failed more often than backoffLimit."""

    STARTUP_DEADLINE_EXCEEDED = "StartupDeadlineExceeded"
    """Failed is True: not enough workers within startupDeadlineSeconds."""

    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """Failed is True: the run took longer than activeDeadlineSeconds."""

    BUDGET_EXCEEDED = "BudgetExceeded"
    """Failed is True: the run cost more than its budget; what was finished is stored."""

    # --- Released
    HOLDING = "Holding"
    """Released is False: something of the run still exists."""

    NOTHING_LEFT = "NothingLeft"
    """Released is True: no pod, Service, Secret or policy of the run is left."""

    # --- the last attempt's reason
    RUNNER_LOST = "RunnerLost"
    """The runner's pod vanished or was ended from outside."""

    INFRASTRUCTURE = "Infrastructure"
    """The runner ended with exit code 75: workers, scheduler or storage were away."""

    PROGRAM_FAILED = "ProgramFailed"
    """The user's program ended with another exit code than 0."""

    STOPPED = "Stopped"
    """The runner was stopped by us (exit codes 130 and 143)."""


ReasonText = Annotated[Reason, WithJsonSchema({"type": "string", "maxLength": 63})]
"""A reason in a document. The schema takes any word: a definition that is older than its operator
must not refuse a status for a reason that it does not know yet."""

CURABLE: Final = frozenset(
    {
        Reason.CLUSTER_MISSING,
        Reason.PROFILE_NOT_FOUND,
        Reason.PROFILE_INVALID,
        Reason.LIMIT_EXCEEDED,
        Reason.RESULTS_LOCATION_MISSING,
        Reason.BUDGET_NOT_COMPARABLE,
        Reason.INVALID_SPEC,
        Reason.LOCAL_ADDRESS,
    }
)
"""Reasons of refusal that a change of the profile or of the run heals: the run waits in Pending."""

FINAL_FAILURES: Final = frozenset(
    {
        Reason.PREFLIGHT_FAILED,
        Reason.OVER_BUDGET,
        Reason.USER_MISTAKE,
        Reason.TOO_MANY_FAILED,
        Reason.INTERNAL_ERROR,
        Reason.BACKOFF_LIMIT_EXCEEDED,
        Reason.STARTUP_DEADLINE_EXCEEDED,
        Reason.DEADLINE_EXCEEDED,
        Reason.BUDGET_EXCEEDED,
    }
)
"""Reasons of the condition Failed."""
