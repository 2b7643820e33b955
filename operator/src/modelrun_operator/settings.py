"""What one installation of the operator may choose, read once from the environment.

The chart sets these variables. What concerns one run stands in its spec or its profile; what
concerns none of the three does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, get_type_hints

from modelrun_operator.errors import SettingsError

PREFIX: Final = "MODELRUN_OPERATOR_"

PROGRESS_WRITES_PER_SECOND: Final = 20
"""Mere progress of all runs together is written this often at most."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings; each is the environment variable of its name in capitals."""

    namespaces: tuple[str, ...] = ()
    """Namespaces whose runs are worked on, comma separated; empty for all."""

    operator_namespace: str = "modelrun-system"
    """Where the operator runs; policies let it reach the runner's progress endpoint."""

    dask_controller_namespace: str = ""
    """Where the Dask controller runs; empty for the operator's own namespace."""

    cluster_domain: str = "cluster.local"
    """The cluster's DNS domain."""

    run_as_user: int = 10001
    """The user id of pods; 0 leaves it to the image or the cluster (OpenShift chooses its own)."""

    run_as_group: int = 10001
    """The group of mounted files, so that pods can read their keys; 0 leaves it to the cluster."""

    network_policies: bool = True
    """Whether runs get NetworkPolicies. TLS is the wall; these are the fence before it."""

    progress_seconds: int = 5
    """The least time between two writes of mere progress to the status of one run.

    Where more runs are worked on than could be written at that pace, all take longer turns: five
    hundred runs are written every 25 seconds each.
    """

    resync_seconds: int = 30
    """The longest time between two looks at an unfinished run."""

    heal_after_seconds: int = 30
    """How long the Dask controller may leave a cluster without its worker group."""

    log_lines: int = 200
    """Lines of each pod's log that are kept when a run winds down."""

    retry_base_seconds: int = 10
    """The wait before the second attempt; it doubles with each further one."""

    retry_cap_seconds: int = 360
    """The longest wait before an attempt."""

    @property
    def controller_namespace(self) -> str:
        """The namespace of the Dask controller."""
        return self.dask_controller_namespace or self.operator_namespace

    def paced(self, runs: int) -> Settings:
        """Return the settings for as many runs at once: the longer turns of a crowd."""
        seconds = math.ceil(runs / PROGRESS_WRITES_PER_SECOND)
        if seconds <= self.progress_seconds:
            return self
        return replace(self, progress_seconds=seconds)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises:
            SettingsError: for a value that is none, and for a variable with our prefix that names
                no setting.
        """
        types = get_type_hints(cls)
        values: dict[str, Any] = {}
        known = {PREFIX + field.name.upper(): field.name for field in fields(cls)}
        for variable, text in environment.items():
            if not variable.startswith(PREFIX):
                continue
            if variable not in known:
                raise SettingsError(
                    f"{variable} is no setting; there are: {', '.join(sorted(known))}"
                )
            name = known[variable]
            values[name] = _value(variable, text, types[name])
        return cls(**values)


def _value(variable: str, text: str, kind: Any) -> Any:
    text = text.strip()
    if kind is bool:
        if text.lower() not in {"true", "false"}:
            raise SettingsError(f"{variable} is {text!r}; it takes true or false")
        return text.lower() == "true"
    if kind is int:
        if not text.isdigit():
            raise SettingsError(f"{variable} is {text!r}; it takes a whole number of at least 0")
        return int(text)
    if kind is str:
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())
