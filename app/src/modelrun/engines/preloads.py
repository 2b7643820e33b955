"""What a worker loads before it fits: the modules that fits of a model need, and nothing else.

Loading is most of what a short run of a slow estimator takes; `statsmodels.api` takes a third more
than one estimator with all that it stands on. What is missing here still works, but the first fit
of each worker pays for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from modelrun.engines.estimators import ESTIMATORS

if TYPE_CHECKING:  # it brings libraries that a look at a file does without
    from modelrun.plan.engine_choice import EngineName

_WORK: Final = ("modelrun.backends.preflight", "modelrun.work", "modelrun.engines.catalog")
_TWINS: Final[Mapping[str, tuple[str, ...]]] = {
    "MixedLM": ("modelrun.engines.mixed_arrays",),
    "ARIMA": ("modelrun.engines.lean_sarimax", "statsmodels.tsa.statespace.sarimax"),
    "SARIMAX": ("modelrun.engines.lean_sarimax", "statsmodels.tsa.arima.model"),
}


def modules(engine: EngineName, estimator: str | None) -> tuple[str, ...]:
    """Return the names of the modules that fits need.

    Args:
        engine: Which engine fits.
        estimator: The model's estimator; None for a function of the user, who may need anything.
    """
    match engine:
        case "batched":
            return (*_WORK, "modelrun.engines.batched_engine")
        case "callable":
            return (*_WORK, "modelrun.engines.callable_engine", "statsmodels.api")
    entry = ESTIMATORS[estimator or ""]
    kind = "series_fitter" if entry.kind == "series" else "own_fitter"
    return (
        *_WORK,
        "modelrun.engines.statsmodels_engine",
        f"modelrun.engines.{kind}",
        entry.module,
        *_TWINS.get(entry.name, ()),
    )
