"""Which engine fits a model, and the engine of a name.

`auto` takes the compiled kernels where they are there and everything that is asked for is within
their contract; else statsmodels. The decision depends on the file alone, never on the data: what
a slice's numbers do not allow, the batched engine hands over by itself.
"""

from __future__ import annotations

from modelrun.engines.engine import Engine
from modelrun.errors import UserMistake
from modelrun.plan.engine_choice import EngineName, Question

_ENGINES: dict[str, Engine] = {}


def engine(name: str) -> Engine:
    """Return the engine of this name; one object serves all tasks of a process.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in _ENGINES:
        _ENGINES[name] = _made(name)
    return _ENGINES[name]


def _made(name: str) -> Engine:
    match name:
        case "statsmodels":
            from modelrun.engines.statsmodels_engine import StatsmodelsEngine

            return StatsmodelsEngine()
        case "callable":
            from modelrun.engines.callable_engine import CallableEngine

            return CallableEngine()
        case "batched":
            from modelrun.engines.batched_engine import BatchedEngine

            return BatchedEngine()
        case _:
            raise ValueError(f"no engine {name!r}; there are batched, statsmodels and callable")


def choose(question: Question) -> tuple[EngineName, str]:
    """Return the engine of a model and why, in words for `modelrun plan`.

    Args:
        question: What the plan knows about the model.

    Raises:
        UserMistake: `batched` was demanded for a model that the kernels do not know.
    """
    if question.model.callable is not None:
        if question.asked == "batched":
            raise UserMistake(
                f"model {question.model.name!r} cannot be fitted by the batched engine: it is a "
                "function of your own. Write engine: auto to let it run",
                field=f"{question.field}.callable",
            )
        return "callable", "a function of your own"
    if question.asked == "statsmodels":
        return "statsmodels", "the file asks for it"
    from modelrun.engines import support

    against = support.objection(
        question.model,
        design=question.design,
        design_reason=question.design_reason,
        outputs=question.outputs,
    )
    if against is None:
        return "batched", "compiled kernels within the contract of equality with statsmodels"
    if question.asked == "batched":
        raise UserMistake(
            f"model {question.model.name!r} cannot be fitted by the batched engine: {against}. "
            "Write engine: auto to let statsmodels fit it.",
            field=question.field,
        )
    return "statsmodels", against
