"""The environment variables of pods: TLS, threads, quiet.

TLS stands in the environment and not only in arguments, so that no part of Dask can fall back to a
plain connection: with REQUIRE_ENCRYPTION a forgotten address ends the process instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from modelrun_api import environment as names

Role = Literal["scheduler", "worker", "client"]

_COMM: Final = "DASK_DISTRIBUTED__COMM"

ONE_THREAD: Final[Mapping[str, str]] = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)
"""Numeric libraries read these when they load; Dask's nanny sets only three of the seven."""

QUIET: Final[Mapping[str, str]] = {
    # An idle worker takes 3.3 % of a core with the defaults and 0.3 % with these.
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "10s",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "500ms",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "1s",
}

MANY_WORKERS: Final[Mapping[str, str]] = {
    # Hundreds of workers connect at once.
    f"{_COMM}__SOCKET_BACKLOG": "4096",
    f"{_COMM}__TIMEOUTS__CONNECT": "60s",
}

HOME: Final[Mapping[str, str]] = {
    # The root file system is read-only.
    "HOME": names.SCRATCH_FOLDER,
    "TMPDIR": names.SCRATCH_FOLDER,
    "MPLCONFIGDIR": f"{names.SCRATCH_FOLDER}/matplotlib",
    "PYTHONPATH": names.CODE_FOLDER,
}


def tls(role: Role) -> dict[str, str]:
    """Return the variables by which every connection of a process is TLS 1.3 with our CA.

    The role's own pair stands under its own name; a worker also dials as a client, and Dask takes
    the worker's pair for that.
    """
    return {
        f"{_COMM}__REQUIRE_ENCRYPTION": "True",
        f"{_COMM}__TLS__CA_FILE": f"{names.TLS_FOLDER}/ca.crt",
        f"{_COMM}__TLS__MIN_VERSION": "1.3",
        f"{_COMM}__TLS__{role.upper()}__CERT": f"{names.TLS_FOLDER}/tls.crt",
        f"{_COMM}__TLS__{role.upper()}__KEY": f"{names.TLS_FOLDER}/tls.key",
    }


def variables(*blocks: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return blocks of variables as a container's env, in order, later blocks winning."""
    merged: dict[str, str] = {}
    for block in blocks:
        merged |= block
    return [{"name": name, "value": value} for name, value in merged.items()]
