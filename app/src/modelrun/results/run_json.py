"""run.json: the reproducibility bundle of a run, written last, so that its presence means complete.

It says what was computed from what, by which versions of everything, with which seeds, how the
audit ended and how long it took. Secrets are taken out before anything is written.
"""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelrun.backends.machine import THREAD_VARIABLES
from modelrun.errors import UserMistake
from modelrun.packages import installed
from modelrun.results.counts import Counts
from modelrun.store.place import Place
from modelrun.store.redact import environment_secrets, redact

FILE = "run.json"
FORMAT = 1

CENTRAL = (
    "modelrun", "numpy", "scipy", "statsmodels", "pandas", "patsy", "pyarrow", "joblib", "dask",
    "distributed",
)  # fmt: skip
"""Packages that numbers and their order may depend on."""


def bundle(
    *,
    study: str,
    spec: Mapping[str, Any],
    counts: Counts,
    data: Mapping[str, Any],
    seconds: Mapping[str, float],
    started: str,
    finished: str,
    formula_engine: str,
    backend: Mapping[str, Any],
    environment: Mapping[str, str],
    blas: Sequence[Mapping[str, Any]] = (),
    models: Sequence[Mapping[str, Any]] = (),
    seeds: Mapping[str, Any] | None = None,
    audit: Mapping[str, Any] | None = None,
    verdict: str = "",
    secret_names: frozenset[str] = frozenset(),
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of run.json, without secrets.

    Args:
        study: metadata.name.
        spec: The resolved spec, every default written out.
        counts: How the fits ended.
        data: Fingerprint and rows of the data, and where they came from.
        seconds: Seconds of each stage.
        started: When the run started, ISO 8601.
        finished: When it finished.
        formula_engine: The pinned formula package.
        backend: Name and workers.
        environment: The environment of the process: thread variables are noted, credentials
            searched for in everything else.
        blas: What threadpoolctl says about the loaded libraries.
        models: Engine and design of each model, with their reasons.
        seeds: Seeds of everything random.
        audit: The outcome of the audit and what a clean audit of that size excludes.
        verdict: Whether more fits failed than may, in words.
        secret_names: Variables that came from a credentials Secret, whatever they are called.
        more: Further facts.
    """
    packages = installed()
    secrets = environment_secrets(environment, secret_names)
    document = {
        "formatVersion": FORMAT,
        "study": study,
        "fits": counts.document(),
        "verdict": verdict,
        "started": started,
        "finished": finished,
        "data": dict(data),
        "models": [dict(model) for model in models],
        "seeds": dict(seeds or {}),
        "audit": dict(audit or {}),
        "formula": {"engine": formula_engine, "version": packages.get(formula_engine, "")},
        "backend": dict(backend),
        "timings": {"total": round(sum(seconds.values()), 3), **seconds},
        "threads": {name: environment.get(name, "") for name in THREAD_VARIABLES},
        "blas": [_library(entry) for entry in blas],
        "platform": machine(),
        **(more or {}),
        "spec": dict(spec),
    }
    versions = {"python": platform.python_version()}
    versions |= {name: packages[name] for name in CENTRAL if name in packages}
    hidden: dict[str, Any] = redact(_plain(document), secrets)
    return {**hidden, "versions": versions, "packages": dict(packages)}


def write(place: Place, document: Mapping[str, Any]) -> None:
    """Write run.json as a whole; whoever finds it finds complete results.

    Raises:
        InfrastructureError: There is no room, or the storage is away.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    place.write(FILE, text.encode() + b"\n")


def read(place: Place) -> dict[str, Any] | None:
    """Return what run.json says, None where the run is not complete.

    Raises:
        UserMistake: The file is not one of ours.
    """
    content = place.read(FILE)
    if content is None:
        return None
    try:
        document = json.loads(content)
    except ValueError as error:
        raise UserMistake(
            f"{place.show(FILE)} is no JSON ({error}); run the same file again to write it anew"
        ) from error
    if not isinstance(document, dict):
        raise UserMistake(f"{place.show(FILE)} is no run.json; run the same file again")
    return document


def machine() -> dict[str, Any]:
    """Return what this machine is, as far as numbers may depend on it."""
    system = platform.uname()
    return {
        "system": system.system,
        "release": system.release,
        "machine": system.machine,
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "byteOrder": sys.byteorder,
    }


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""


def _library(entry: Mapping[str, Any]) -> dict[str, Any]:
    wanted = ("user_api", "internal_api", "version", "num_threads", "architecture")
    return {name: entry[name] for name in wanted if entry.get(name) is not None}


def _plain(value: Any) -> Any:
    """Return the value as JSON can say it: no infinities, no numbers of other libraries."""
    match value:
        case None | str() | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            item = getattr(value, "item", None)
            return _plain(item()) if callable(item) else str(value)
