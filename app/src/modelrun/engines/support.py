"""Whether the compiled kernels can fit a model, and the reason where they cannot."""

from __future__ import annotations

from modelrun.engines import batched
from modelrun.plan.study import Design, ModelSpec, Outputs


def objection(
    model: ModelSpec, *, design: Design | None, design_reason: str, outputs: Outputs
) -> str | None:
    """Return why the kernels cannot fit a model, or None where they can.

    Args:
        model: The model, with estimator and known keywords.
        design: The design, where it is built once for the whole panel.
        design_reason: Why it is, or is not.
        outputs: What is asked for.
    """
    there = batched.available()
    if not there:
        return there.reason
    from modelrun.engines.translation import NotBatchedError, translate

    try:
        translate(model, outputs)
    except NotBatchedError as why:
        return str(why)
    if design is None:
        return f"the kernels need a design for the whole panel: {design_reason}"
    return None
