"""One fit the way an analyst writes it: the formula interface on the rows of a slice.

For `modelrun fit KEY`, where a person wants to see why a fit ends as it does, and as the reference
of tests. It is slow on purpose: nothing is shared with the engines but the reading of keywords.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelrun.datasets.source import ROW
from modelrun.engines import callable_engine, exact_quantreg, keywords
from modelrun.engines.estimators import WITHOUT_EXOG, estimator
from modelrun.engines.fitter import quiet
from modelrun.engines.slice_rows import PanelValues, positions, rows_of
from modelrun.plan.study import PlannedModel, Study


def data_of(study: Study, index: int) -> Any:
    """Return the rows of slice `index` as a pandas frame, with all columns of the panel."""
    values = PanelValues(study.panel)
    columns = tuple(name for name in study.panel.column_names if name != ROW)
    return values.frame(columns, positions(rows_of(study, index)))


def fit(study: Study, model: PlannedModel, index: int) -> Any:
    """Fit one slice and return what statsmodels, or the user's function, returns.

    Args:
        study: The study.
        model: One of its models.
        index: The slice.

    Raises:
        Exception: Whatever the fit raises.
    """
    frame = data_of(study, index)
    spec = model.spec
    if spec.callable is not None:
        function = callable_engine.load(spec.callable, study.code_folder)
        return function(frame, **spec.kwargs)
    assert spec.estimator is not None
    entry = estimator(spec.estimator)
    klass = entry.load()
    if entry.name == "QuantReg" and exact_quantreg.asked(spec.fit):
        klass = exact_quantreg.exact_class()  # statsmodels has no such solver
    init, fits = keywords.prepare_init(spec.init), keywords.prepare_fit(spec.fit)
    if entry.kind == "series":
        if spec.time is not None:
            frame = frame.sort_values(spec.time, kind="stable")
        given = init.filled(_columns(frame, init))
        if spec.exog and entry.name not in WITHOUT_EXOG:
            given["exog"] = frame[list(spec.exog)]
        if entry.name in {"SimpleExpSmoothing", "Holt"}:
            given.setdefault("initialization_method", "estimated")
        endog = frame[spec.endog].reset_index(drop=True).astype(float)
        if "exog" in given:
            given["exog"] = given["exog"].reset_index(drop=True).astype(float)
        built = klass(endog, **given)
        return built.fit(**{**quiet(entry), **fits.filled(_columns(frame, fits))})
    if fits.data:
        # fit knows nothing of rows that the formula drops, so they go before it.
        frame = _complete(spec.formula, frame, (*init.data.values(), *fits.data.values()))
    given = init.filled(_columns(frame, init))
    if entry.name == "GLMGam":
        from statsmodels.gam.smooth_basis import BSplines

        smoother = dict(given["smoother"])
        given["smoother"] = BSplines(smoother.pop("columns"), **smoother)
    if entry.name == "MixedLM":
        given.setdefault("missing", "drop")
    built = klass.from_formula(spec.formula, data=frame, eval_env={"np": np, "numpy": np}, **given)
    return built.fit(**{**quiet(entry), **fits.filled(_columns(frame, fits))})


def _columns(frame: Any, words: keywords.Keywords) -> dict[keywords.Path, Any]:
    return {
        path: frame[names] if isinstance(names, str) else frame[list(names)]
        for path, names in words.data.items()
    }


def _complete(formula: str | None, frame: Any, data: Any) -> Any:
    """Return the rows without a missing value in the formula or in data of keywords."""
    import patsy
    from statsmodels.formula._manager import NAAction

    action = NAAction(on_NA="drop", NA_types=("None", "NaN"))
    environment = patsy.EvalEnvironment([{"np": np, "numpy": np}])
    patsy.dmatrices(formula, frame, eval_env=environment, NA_action=action)
    keep = ~action.missing_mask
    for names in data:
        for name in (names,) if isinstance(names, str) else names:
            keep &= frame[name].notna().to_numpy()
    return frame[keep].reset_index(drop=True)
