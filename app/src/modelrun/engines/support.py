"""What the compiled kernels can fit: the one place that says so, with the reason where they cannot.

It must be read together with batched_engine.py, which trusts it: a model that passes here is
translated there without a further question.
"""

from __future__ import annotations

from modelrun.engines import batched
from modelrun.plan.study import Outputs
from modelrun_api.spec import Model


def objection(
    model: Model, *, whole_panel_design: bool, resampled: bool, outputs: Outputs
) -> str | None:
    """Return why the kernels cannot fit a model, or None where they can.

    Args:
        model: The model, with estimator and known keywords.
        whole_panel_design: Whether the design is built once for the whole panel.
        resampled: Whether slices are bootstrap replicates.
        outputs: What is asked for.
    """
    there = batched.available()
    if not there:
        return there.reason
    return "the batched engine does not know it yet"
