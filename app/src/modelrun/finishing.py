"""The end of a run: what run.json says, and what the report shows of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelrun.plan.build import Plan
from modelrun.results import run_json
from modelrun.results.counts import Counts
from modelrun.verdict import Verdict
from modelrun_api.loader import Loaded

if TYPE_CHECKING:
    from modelrun.engines.audit import AuditOutcome

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

    def bundle(self, audited: AuditOutcome | None, seconds: Mapping[str, float]) -> dict[str, Any]:
        """Return what run.json says if the run ends now.

        Args:
            audited: The audit's outcome, if there was an audit.
            seconds: Seconds of each stage.
        """
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
            finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
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
            audit=None if audited is None else audited.document(),
            verdict=str(self.verdict),
            secret_names=frozenset(self.environment.get(SECRETS_VARIABLE, "").split(",")) - {""},
            more={"trial": dict(self.trial)} if self.trial else None,
        )


def _libraries() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    return list(threadpool_info())
