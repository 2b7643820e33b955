"""The end of a run: the report, and run.json as the last file.

run.json says what was computed from what; the report shows it. Both need the same facts, which
are put together here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelrun.plan.build import Plan
from modelrun.results import run_json
from modelrun.results.counts import Counts
from modelrun.store.store import Store
from modelrun.verdict import Verdict
from modelrun_api.loader import Loaded

SECRETS_VARIABLE: Final = "MODELRUN_SECRET_VARIABLES"
"""Environment variable with the names of variables that came from a Secret, by commas."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when the tables are written."""

    loaded: Loaded
    plan: Plan
    rows: int
    counts: Counts
    reasons: Mapping[str, int]
    """How many fits failed or were skipped for each reason, the most frequent first."""

    verdict: Verdict
    backend: Mapping[str, Any]
    started: dt.datetime
    environment: Mapping[str, str]
    trial: Mapping[str, Any]
    """What `--only` and `--sample` chose; empty for a whole run."""

    audit: Mapping[str, Any] | None = None

    def bundle(self, seconds: Mapping[str, float], *, finished: dt.datetime) -> dict[str, Any]:
        """Return the content of run.json."""
        spec = self.loaded.run.spec
        study = self.plan.study
        source = spec.data.document() if spec.data is not None else {}
        return run_json.bundle(
            study=self.loaded.run.metadata.name,
            spec=spec.document(),
            counts=self.counts,
            data={"fingerprint": self.plan.data_fingerprint, "rows": self.rows, "source": source},
            seconds=seconds,
            started=self.started.isoformat(timespec="seconds"),
            finished=finished.isoformat(timespec="seconds"),
            formula_engine=study.formula_engine,
            backend=self.backend,
            environment=self.environment,
            blas=_libraries(),
            models=[
                {
                    "name": model.name,
                    "engine": model.engine,
                    "engineReason": model.reason,
                    "design": model.design_reason,
                    "columns": list(model.columns),
                }
                for model in study.models
            ],
            seeds={} if study.resample is None else {"resample": study.resample.seed},
            audit=self.audit,
            verdict=str(self.verdict),
            secret_names=frozenset(self.environment.get(SECRETS_VARIABLE, "").split(",")) - {""},
            more={"trial": dict(self.trial)} if self.trial else None,
        )


def write(facts: Facts, store: Store, seconds: Mapping[str, float]) -> None:
    """Write run.json; from then on the run counts as complete."""
    run_json.write(store.place, facts.bundle(seconds, finished=dt.datetime.now(dt.UTC)))


def _libraries() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    return list(threadpool_info())
