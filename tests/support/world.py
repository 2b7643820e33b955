"""A small model of a Kubernetes cluster, to walk the operator's decisions through.

It carries out actions as the API server would (nothing is made twice, deletions take dependents
along) and plays the other parties on demand: the Dask controller, the Job controller, kubelets, the
runner. It knows nothing of the rules that it tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelrun_api.loader import validate_profile
from modelrun_api.outcome import (
    Pilot,
    PreflightOutcome,
    ProgressReport,
    ReportedCounts,
    RunOutcome,
    StoredFits,
    termination_message,
)
from modelrun_api.status import ModelRunStatus
from modelrun_operator.core import actions as act
from modelrun_operator.core.decide import decide
from modelrun_operator.core.snapshot import Child, Cluster, Job, Kind, Pod, Ref, Role, Snapshot
from modelrun_operator.run import Run
from modelrun_operator.settings import Settings

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
UID = "0f1e2d3c-0000-4000-8000-000000000001"

PROFILE: dict[str, Any] = {
    "apiVersion": "modelrun.dev/v1alpha1",
    "kind": "ModelRunProfile",
    "metadata": {"name": "c5"},
    "spec": {
        "image": "registry.example/modelrun:1",
        "workersPerNode": 4,
        "resultsPrefix": "s3://results",
        "price": {"perNodeHour": "3.60"},
        "limits": {"nodes": 10, "workers": 40, "hours": 2},
        "worker": {
            "nodeSelector": {"group": "c5"},
            "resources": {"requests": {"cpu": 4}, "limits": {"memory": "8Gi"}},
        },
    },
}


def a_spec(**changes: Any) -> dict[str, Any]:
    """A spec that everybody accepts."""
    spec = {
        "data": {"dataset": "french"},
        "models": [{"name": "m", "estimator": "OLS", "formula": "y ~ x"}],
        "cluster": {"profileName": "c5", "nodes": 2, "minWorkers": "75%"},
        "startupDeadlineSeconds": 600,
        **changes,
    }
    return {key: value for key, value in spec.items() if value is not None}


def a_program(**changes: Any) -> dict[str, Any]:
    """A spec with a program."""
    return a_spec(data=None, models=None, program={"command": ["python", "a.py"]}, **changes)


def a_run(spec: dict[str, Any] | None = None, **status: Any) -> Run:
    """A run as the operator reads it."""
    return Run.from_object(an_object(spec if spec is not None else a_spec(), status))


def an_object(spec: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, Any]:
    """A ModelRun as the API server stores it."""
    return {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "study", "namespace": "lab", "uid": UID, "generation": 1},
        "spec": spec,
        "status": status or {},
    }


@dataclass
class World:
    """What exists, and who acts on it."""

    spec: dict[str, Any] = field(default_factory=a_spec)
    status: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] | None = field(default_factory=lambda: PROFILE)
    settings: Settings = field(default_factory=Settings)
    now: datetime = START
    children: dict[tuple[Kind, str], Child] = field(default_factory=dict)
    progress: ProgressReport | None = None
    refusals: tuple[str, ...] = ()
    run_exists: bool = True
    made: list[tuple[Kind, str]] = field(default_factory=list)
    events: list[act.Tell] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    dask_works: bool = True
    late: dict[Kind, tuple[Child, ...]] = field(default_factory=dict)
    """What the next pass still sees of kinds whose watch lags behind."""

    _serial: int = 0

    # ---- the operator's pass -----------------------------------------------------------------

    def run(self) -> Run:
        """The run as the next pass reads it from the API server."""
        return Run.from_object(json.loads(json.dumps(an_object(self.spec, self.status))))

    def snapshot(self) -> Snapshot:
        """What the next pass sees."""
        return Snapshot(
            profile=validate_profile(self.profile) if self.profile else None,
            children=(
                *(child for child in self.children.values() if child.ref.kind not in self.late),
                *(child for children in self.late.values() for child in children),
            ),
            refusals=self.refusals,
            progress=self.progress,
        )

    def lag(self, *kinds: Kind) -> None:
        """Let the watches of some kinds fall behind: each kind has a watch of its own."""
        for kind in kinds:
            self.late.setdefault(kind, tuple(self.there(kind)))

    def decide(self) -> act.Decision:
        """Decide, and do nothing."""
        return decide(self.run(), self.snapshot(), self.now, self.settings)

    def step(self) -> act.Decision:
        """One pass: decide, write the status, carry out."""
        decision = self.decide()
        self.write(decision)
        for action in decision.actions:
            self.carry_out(action)
        return decision

    def write(self, decision: act.Decision) -> None:
        """Write the status as JSON, as the API server would store it."""
        self.status = json.loads(json.dumps(decision.status.document()))
        if not self.phases or self.phases[-1] != self.phase:
            self.phases.append(self.phase)

    def settle(self, most: int = 20) -> None:
        """Pass until nothing changes any more."""
        for _ in range(most):
            if not self.run_exists:
                return
            before = json.dumps(self.status)
            decision = self.step()
            if not _does_something(decision) and json.dumps(self.status) == before:
                return
        raise AssertionError(f"does not settle in {self.phase}: {decision.actions}")

    @property
    def phase(self) -> str:
        """The phase in the status."""
        return self.status.get("phase", "Pending")

    @property
    def typed(self) -> ModelRunStatus:
        """The status as a model."""
        return self.run().status

    def condition(self, type_: str) -> dict[str, Any]:
        """A condition of the status, or an empty one."""
        return next((c for c in self.status.get("conditions", []) if c["type"] == type_), {})

    def there(self, kind: Kind) -> list[Child]:
        """The children of a kind that exist."""
        return [child for child in self.children.values() if child.ref.kind is kind]

    # ---- the API server ----------------------------------------------------------------------

    def carry_out(self, action: act.Action) -> None:
        """Do what `kube` would do."""
        match action:
            case act.Create(manifest):
                self._create(manifest)
            case act.IssueTls(incarnation=number):
                name = self.run().names.tls(number)
                self._add(Child(self._ref(Kind.SECRET, name), self.now, number))
            case act.ScaleWorkers(cluster=ref, replicas=replicas):
                self._change(ref, replicas=replicas)
            case act.HealCluster(cluster=ref):
                if self.dask_works:
                    self._change(ref, has_worker_group=True)
            case act.KeepLogs(marker=marker):
                name = self.run().names.logs
                self.children[Kind.CONFIG_MAP, name] = Child(
                    self._ref(Kind.CONFIG_MAP, name), self.now, marker=marker
                )
                self.made.append((Kind.CONFIG_MAP, name))
            case act.Delete(ref):
                self.delete(ref)
            case act.DeleteRun():
                self.run_exists = False
                self.children.clear()
            case act.Tell():
                self.events.append(action)

    def delete(self, ref: Ref) -> None:
        """Delete an object and what hangs on it; a cluster needs its controller to go."""
        found = self.children.get((ref.kind, ref.name))
        if found is None or found.ref.uid != ref.uid:
            return
        if ref.kind is Kind.DASK_CLUSTER and not self.dask_works:
            self.children[ref.kind, ref.name] = replace(found, terminating_since=self.now)
            return
        del self.children[ref.kind, ref.name]
        if ref.kind is Kind.DASK_CLUSTER:
            self._drop(
                lambda child: (
                    child.incarnation == found.incarnation
                    and child.ref.kind in _OF_DASK
                    and not _is_job_pod(child)
                )
            )
        if ref.kind is Kind.JOB:
            self._drop(lambda child: isinstance(child, Pod) and child.ref.name == f"{ref.name}-p")
            self.progress = None

    def _create(self, manifest: dict[str, Any]) -> None:
        kind, name = Kind(manifest["kind"]), manifest["metadata"]["name"]
        if (kind, name) in self.children:
            return
        label = manifest["metadata"]["labels"].get("modelrun.dev/incarnation")
        incarnation = int(label) if label else None
        ref = self._ref(kind, name)
        if kind is Kind.JOB:
            self._add(Job(ref, self.now, incarnation))
            role = Role(manifest["metadata"]["labels"]["modelrun.dev/role"])
            self._add(Pod(self._ref(Kind.POD, f"{name}-p"), self.now, incarnation, role=role))
        elif kind is Kind.DASK_CLUSTER:
            replicas = manifest["spec"]["worker"]["replicas"]
            self._add(Cluster(ref, self.now, incarnation, replicas=replicas, touched=False))
        else:
            self._add(Child(ref, self.now, incarnation))

    def _add(self, child: Child) -> None:
        if (child.ref.kind, child.ref.name) not in self.children:
            self.children[child.ref.kind, child.ref.name] = child
            self.made.append((child.ref.kind, child.ref.name))

    def _ref(self, kind: Kind, name: str) -> Ref:
        self._serial += 1
        return Ref(kind, name, f"u{self._serial}")

    def _change(self, ref: Ref, **changes: Any) -> None:
        if (ref.kind, ref.name) in self.children:
            found = self.children[ref.kind, ref.name]
            self.children[ref.kind, ref.name] = replace(found, **changes)

    def _drop(self, chosen: Any) -> None:
        for key, child in list(self.children.items()):
            if chosen(child):
                if isinstance(child, Pod) and child.role is Role.WORKER and child.scheduled_at:
                    self.children[key] = replace(child, phase="Gone", gone_at=self.now)
                else:
                    del self.children[key]

    # ---- the other parties -------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass; pods whose time is counted are forgotten."""
        self.now += timedelta(seconds=seconds)
        until = self.status.get("cost", {}).get("countedUntil")
        if until is not None:
            counted = datetime.fromisoformat(until)
            for key, child in list(self.children.items()):
                if isinstance(child, Pod) and child.gone and child.gone_at <= counted:
                    del self.children[key]

    def dask_controller(self, *, worker_group: bool = True) -> None:
        """Make of each DaskCluster what its controller makes of it, and follow its replicas."""
        if not self.dask_works:
            return
        for cluster in [c for c in self.there(Kind.DASK_CLUSTER) if isinstance(c, Cluster)]:
            if cluster.terminating:
                self.dask_works = True
                self.delete(cluster.ref)
                continue
            name, number = cluster.ref.name, cluster.incarnation
            group = worker_group or cluster.has_worker_group
            self._change(cluster.ref, has_worker_group=group, touched=True)
            self._add(Child(self._ref(Kind.SERVICE, f"{name}-scheduler"), self.now, number))
            if not any(
                isinstance(pod, Pod) and pod.role is Role.SCHEDULER and pod.incarnation == number
                for pod in self.there(Kind.POD)
            ):
                serial = self._serial
                self._add(
                    Pod(
                        self._ref(Kind.POD, f"{name}-scheduler-{serial}"),
                        self.now,
                        number,
                        role=Role.SCHEDULER,
                    )
                )
            workers = [
                pod
                for pod in self.there(Kind.POD)
                if isinstance(pod, Pod)
                and pod.role is Role.WORKER
                and not pod.gone
                and pod.incarnation == number
            ]
            wanted = cluster.replicas if group else 0
            for _ in range(wanted - len(workers)):
                serial = self._serial
                self._add(Pod(self._ref(Kind.POD, f"{name}-worker-{serial}"), self.now, number))
            for pod in workers[wanted:] if wanted < len(workers) else []:
                self._drop(lambda child, pod=pod: child.ref == pod.ref)

    def kubelet(self) -> None:
        """Start every pod that waits, and report a scheduler as available."""
        for pod in [p for p in self.there(Kind.POD) if isinstance(p, Pod)]:
            if pod.phase == "Pending" and not pod.unschedulable and not pod.waiting:
                self._change(pod.ref, phase="Running", ready=True, scheduled_at=self.now)
                if pod.role is Role.SCHEDULER:
                    for cluster in self.there(Kind.DASK_CLUSTER):
                        if cluster.incarnation == pod.incarnation:
                            self._change(cluster.ref, scheduler_available=True)

    def runner(self, *, workers: int = 8, done: int = 0, total: int = 100) -> None:
        """The runner answers."""
        if self._jobs(Role.RUNNER):
            counts = ReportedCounts(total=total, done=done, succeeded=done)
            self.progress = ProgressReport(
                stage="fitting", fits=counts, workers=workers, fits_per_second=3.5, seconds_left=9
            )

    def preflight_ends(self, outcome: PreflightOutcome | None = None, code: int = 0) -> None:
        """The preflight's pod ends."""
        if outcome is None and code == 0:
            outcome = PreflightOutcome(
                ok=True, fits=StoredFits(total=100), pilot=Pilot(seconds_per_fit=1.0)
            )
        self._end(Role.PREFLIGHT, code, outcome)

    def runner_ends(self, code: int | None, **changes: Any) -> None:
        """The runner's pod ends; one that is killed, or vanishes, leaves no word."""
        counts = ReportedCounts(total=100, done=100, succeeded=97, failed=3)
        killed = code is None or code > 128
        outcome = None if killed else RunOutcome(exit_code=code, fits=counts)
        self._end(Role.RUNNER, code, outcome, **changes)
        # A pod that has ended answers no more.
        self.progress = None

    def _end(self, role: Role, code: int | None, outcome: Any, **changes: Any) -> None:
        for job in self._jobs(role):
            self._change(
                job.ref,
                finished=True,
                succeeded=code == 0,
                exit_code=code,
                termination_message=termination_message(outcome) if outcome is not None else "",
                **changes,
            )
            ended = "Succeeded" if code == 0 else "Failed"
            pod = self.children.get((Kind.POD, f"{job.ref.name}-p"))
            if pod is not None:
                self._change(pod.ref, phase=ended, ready=False)

    def _jobs(self, role: Role) -> list[Job]:
        mark = "-preflight" if role is Role.PREFLIGHT else "-a"
        return [
            job
            for job in self.there(Kind.JOB)
            if isinstance(job, Job)
            and not job.finished
            and ("-preflight" in job.ref.name) == (mark == "-preflight")
        ]

    def lose_scheduler(self) -> None:
        """The scheduler's pod is gone; the controller makes another."""
        self._drop(lambda child: isinstance(child, Pod) and child.role is Role.SCHEDULER)

    def lose_worker(self) -> None:
        """A worker pod is gone."""
        workers = [
            p
            for p in self.there(Kind.POD)
            if isinstance(p, Pod) and p.role is Role.WORKER and not p.gone
        ]
        if workers:
            self._drop(lambda child: child.ref == workers[0].ref)

    def lose_runner(self) -> None:
        """The runner's Job is deleted by hand."""
        for job in self._jobs(Role.RUNNER):
            self.delete(job.ref)

    def lose_cluster(self) -> None:
        """The DaskCluster is deleted by hand."""
        for cluster in self.there(Kind.DASK_CLUSTER):
            self.delete(cluster.ref)

    def friendly(self) -> None:
        """Everybody does what is hoped for, once."""
        self.dask_controller()
        self.kubelet()
        self.preflight_ends()
        self.runner(done=50)

    def to_running(self) -> None:
        """Bring a fresh run to Running."""
        for _ in range(12):
            self.settle()
            if self.phase == "Running":
                return
            self.wait(1)
            self.friendly()
        raise AssertionError(f"stays in {self.phase}: {self.status}")


_OF_DASK = {
    Kind.DASK_WORKER_GROUP,
    Kind.DEPLOYMENT,
    Kind.SERVICE,
    Kind.POD,
}


def _is_job_pod(child: Child) -> bool:
    return isinstance(child, Pod) and child.role in {Role.RUNNER, Role.PREFLIGHT}


def _does_something(decision: act.Decision) -> bool:
    return any(not isinstance(action, act.Tell) for action in decision.actions)
