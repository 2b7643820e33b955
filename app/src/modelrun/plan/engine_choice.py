"""The question which engine fits a model; the answer comes from outside the plan.

The plan asks with all it knows about a model; `modelrun.engines` answers. Without an answer every
model goes to the engine that can fit it in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelrun.plan.study import Design, ModelSpec, Outputs, Resampling

if TYPE_CHECKING:  # workers ask nothing, and do without what validates files
    from modelrun_api.spec import Window

EngineName = Literal["batched", "statsmodels", "callable"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is known about a model before it is planned."""

    model: ModelSpec
    asked: Literal["auto", "batched", "statsmodels"]
    """execution.engine of the file."""

    design: Design | None
    """The design, where it is exact to build it once for the whole panel."""

    design_reason: str
    """Why it is, or is not."""

    outputs: Outputs
    window: Window | None
    resample: Resampling | None
    field: str
    """The model's path in the document, for messages."""


Choose = Callable[[Question], tuple[EngineName, str]]
"""Returns the engine and the reason in words; raises UserMistake where the file asks for an engine
that cannot fit the model."""


def plain(question: Question) -> tuple[EngineName, str]:
    """Choose the engine that can fit the model in any case."""
    if question.model.callable is not None:
        return "callable", "a function of your own"
    return "statsmodels", "fitted by statsmodels itself"
