"""Studies made by hand for engine tests: a frame, a model, groups by a column."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from modelrun.plan.slices import Slices
from modelrun.plan.study import Design, ModelSpec, Outputs, PlannedModel, Study
from modelrun.plan.task import Task
from modelrun_api.spec import Model, Resample

COEFFICIENTS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")
FITS = (
    "nobs",
    "df_model",
    "df_residual",
    "r_squared",
    "adj_r_squared",
    "pseudo_r_squared",
    "sigma",
    "f_statistic",
    "f_p_value",
    "log_lik",
    "log_lik_null",
    "aic",
    "bic",
    "deviance",
    "null_deviance",
    "pearson_chi2",
    "iterations",
    "condition_number",
    "converged",
)
ALL_BUT_CONDITION = tuple(name for name in FITS if name != "condition_number")
"""What all kernels have; a likelihood model that is asked for the rest is left to statsmodels."""


def column(name: str) -> dict[str, str]:
    """A column of the data as a keyword's value."""
    return {"column": name}


CLUSTER = {"cov_type": "cluster", "cov_kwds": {"groups": column("firm")}}


def study_of(
    data: pd.DataFrame,
    *models: dict[str, Any],
    by: str | None = None,
    engine: str = "statsmodels",
    whole: bool = False,
    observations: tuple[str, ...] = (),
    coefficients: tuple[str, ...] = COEFFICIENTS,
    fits: tuple[str, ...] = FITS,
    min_rows: int | None = None,
    resample: Resample | None = None,
    code: Path | None = None,
    starts: list[int] | None = None,
    stops: list[int] | None = None,
    groups_of: list[int] | None = None,
    window_column: str | None = None,
) -> Study:
    data = data.reset_index(drop=True)
    if by is not None:
        data = data.sort_values(by, kind="stable").reset_index(drop=True)
        counts = data.groupby(by, sort=True).size()
        stop = np.cumsum(counts.to_numpy())
        start = stop - counts.to_numpy()
        groups = pa.table({by: counts.index.to_numpy()})
    else:
        start, stop, groups = np.array([0]), np.array([len(data)]), pa.table({})
    if starts is not None and stops is not None:
        start, stop = np.array(starts), np.array(stops)
    n = len(start)
    slices = Slices(
        start=start.astype(np.int64),
        stop=stop.astype(np.int64),
        group=np.array(groups_of or range(n), dtype=np.int64),
        window_start=np.full(n, -1),
        window_end=np.full(n, -1),
        replicates=resample.replicates if resample else 0,
    )
    planned = tuple(
        PlannedModel(
            name=spec["name"],
            spec=ModelSpec.of(Model.model_validate(spec)),
            columns=tuple(data.columns),
            engine="callable" if "callable" in spec else engine,
            reason="",
            design=design_of(spec["formula"], data) if whole else None,
            design_reason="",
        )
        for spec in models
    )
    return Study(
        folder=Path("/nonexistent"),
        models=planned,
        slices=slices,
        panel=pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None),
        groups=groups,
        window_column=window_column,
        min_rows=min_rows,
        resample=resample,
        outputs=Outputs(coefficients, fits, observations, 0.95),
        fit_timeout_seconds=300,
        code_folder=code,
        formula_engine="patsy",
    )


def design_of(formula: str, data: pd.DataFrame) -> Design:
    import patsy

    action = patsy.NAAction(NA_types=[])
    y, x = patsy.dmatrices(formula, data, NA_action=action)
    return Design.of_matrix(
        endog=np.asarray(y)[:, 0],
        exog=np.asarray(x),
        endog_name=y.design_info.column_names[0],
        exog_names=x.design_info.column_names,
    )


def task_of(study: Study, model: int = 0) -> Task:
    return Task(number=0, model=model, fits=np.arange(len(study.slices), dtype=np.int64))


def frame_of(study: Study, model: int = 0, engine: Any = None) -> pa.RecordBatch:
    from modelrun.engines.plain_guard import PlainGuard
    from modelrun.engines.statsmodels_engine import StatsmodelsEngine

    return (engine or StatsmodelsEngine()).fit(study, task_of(study, model), PlainGuard())


def rows_of(study: Study, model: int = 0, engine: Any = None) -> list[dict[str, Any]]:
    return frame_of(study, model, engine).to_pylist()


def columns_of(row: dict[str, Any]) -> dict[str, np.ndarray]:
    """The coefficients of one row as arrays by column."""
    terms = row["coefficients"]
    return {
        name: np.array([term[name] if term[name] is not None else np.nan for term in terms])
        for name in COEFFICIENTS
        if terms and name in terms[0]
    }
