"""The question which engine fits a model; the answer comes from outside the plan.

The plan asks with what it knows about a model; `modelrun.engines.catalog.choose` answers. Without
an answer every model goes to the engine that can fit it in any case.
"""

from __future__ import annotations

from typing import Literal, Protocol

from modelrun.plan.study import Outputs
from modelrun_api.spec import Model

EngineName = Literal["batched", "statsmodels", "callable"]


class Choose(Protocol):
    """Answers which engine fits a model, and why."""

    def __call__(
        self,
        model: Model,
        *,
        wanted: Literal["auto", "batched", "statsmodels"],
        whole_panel_design: bool,
        resampled: bool,
        outputs: Outputs,
        field: str | None = None,
    ) -> tuple[EngineName, str]:
        """Return the engine and the reason in words.

        Args:
            model: The model.
            wanted: `execution.engine` of the file.
            whole_panel_design: Whether the design is built once for the whole panel.
            resampled: Whether slices are bootstrap replicates.
            outputs: What is asked for.
            field: The model's path in the document, for the message.

        Raises:
            UserMistake: The file asks for an engine that cannot fit the model.
        """
        ...


def plain(
    model: Model,
    *,
    wanted: Literal["auto", "batched", "statsmodels"],  # noqa: ARG001 - as the protocol says
    whole_panel_design: bool,  # noqa: ARG001
    resampled: bool,  # noqa: ARG001
    outputs: Outputs,  # noqa: ARG001
    field: str | None = None,  # noqa: ARG001
) -> tuple[EngineName, str]:
    """Choose the engine that can fit the model in any case."""
    if model.callable is not None:
        return "callable", "a function of your own"
    return "statsmodels", "fitted by statsmodels itself"
