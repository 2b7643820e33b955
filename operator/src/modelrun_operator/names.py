"""The name of every child of a run: the only place where one is put together.

`<name>-<8 of the uid>-<n>`: names say whose they are, a run that is deleted and created again never
meets the children of its former self, and each incarnation of the cluster and each attempt of the
runner has its own. The Dask controller appends to the cluster's name, so it ends at 53 characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelrun_operator.errors import Bug

LONGEST_CLUSTER: Final = 53
"""The Dask controller makes a Service `<cluster>-scheduler`, which ends at 63 characters."""

LONGEST_RUN: Final = 40
MOST_ROUNDS: Final = 999
SCHEDULER_PORT: Final = 8786
HEALTH_PORT: Final = 8787


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one run's children."""

    run: str
    """The run's name, at most 40 characters."""

    uid: str
    """The run's uid."""

    namespace: str
    """The run's namespace."""

    @property
    def stem(self) -> str:
        """What every name begins with."""
        if len(self.run) > LONGEST_RUN:
            raise Bug(f"the run's name {self.run} is longer than {LONGEST_RUN} characters")
        return f"{self.run}-{self.uid.replace('-', '')[:8]}"

    @property
    def run_document(self) -> str:
        """The ConfigMap with the document that preflight and runner read."""
        return f"{self.stem}-run"

    @property
    def logs(self) -> str:
        """The ConfigMap with the last lines of the pods' logs; it outlives the cluster."""
        return f"{self.stem}-logs"

    @property
    def preflight(self) -> str:
        """The Job of the preflight."""
        return f"{self.stem}-preflight"

    def runner(self, attempt: int) -> str:
        """Return the name of the Job of one attempt."""
        return f"{self.stem}-a{_round(attempt)}"

    def cluster(self, incarnation: int) -> str:
        """Return the name of the DaskCluster of one incarnation."""
        name = f"{self.stem}-{_round(incarnation)}"
        if len(name) > LONGEST_CLUSTER:
            raise Bug(f"{name} is too long for a DaskCluster")
        return name

    def tls(self, incarnation: int) -> str:
        """Return the name of the Secret with the certificates of one incarnation."""
        return f"{self.cluster(incarnation)}-tls"

    def worker_group(self, incarnation: int) -> str:
        """Return the name that the Dask controller gives the worker group."""
        return f"{self.cluster(incarnation)}-default"

    def scheduler(self, incarnation: int) -> str:
        """Return the name that the Dask controller gives scheduler Deployment and Service."""
        return f"{self.cluster(incarnation)}-scheduler"

    def policy(self, role: str) -> str:
        """Return the name of the NetworkPolicy of a role."""
        return f"{self.stem}-{role}"

    def scheduler_address(self, incarnation: int) -> str:
        """Return the address at which workers and runner reach the scheduler."""
        return f"tls://{self.scheduler(incarnation)}.{self.namespace}.svc:{SCHEDULER_PORT}"


def _round(number: int) -> int:
    if not 1 <= number <= MOST_ROUNDS:
        raise Bug(f"{number} is no number of an attempt or incarnation (1 to {MOST_ROUNDS})")
    return number
