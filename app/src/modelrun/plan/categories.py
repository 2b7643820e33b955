"""Designs with categories that are built once because every slice holds the same levels.

Which columns a text or `C(...)` gives depends on the levels among the rows, counted before rows
with missing values are dropped. Where every slice holds every level the panel's columns are the
slice's columns, and patsy builds them once for the panel. A pandas Categorical, a boolean and
`C(..., levels=[...])` have the same levels in every slice anyway. With bootstrap replicates a level
may be drawn never, so other categories are built per slice then.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.plan.design import Evaluation
from modelrun.plan.formula import Formula, NotPlain
from modelrun.plan.panel import codes_of
from modelrun.plan.slices import Slices
from modelrun.plan.study import Design

Codes = npt.NDArray[np.int64]

_MOST_LEVELS = 64
_CONTRASTS = frozenset(("Treatment", "Sum", "Poly", "Diff", "Helmert"))


def build(text: str, formula: Formula, panel: pa.Table, slices: Slices) -> Design:
    """Build the design of a formula with categories for all rows, by patsy.

    Args:
        text: The formula.
        formula: The same, taken apart.
        panel: The sorted rows.
        slices: All slices, whose levels are looked at.

    Returns:
        The design; a row with a missing factor has NaN there.

    Raises:
        NotPlain: A factor is neither plain arithmetic nor a category, or a slice lacks a level.
    """
    evaluation = Evaluation(panel)
    evaluation.factor(formula.response)
    for factor in formula.factors:
        if evaluation.is_number(factor):
            continue
        codes, count = _category(factor, evaluation, panel)
        if codes is not None:
            _check_levels(factor, codes, count, slices)
    return _by_patsy(text, panel)


def _category(factor: str, evaluation: Evaluation, panel: pa.Table) -> tuple[Codes | None, int]:
    """Return a category's level of each row and their number; no codes where levels are fixed.

    Raises:
        NotPlain: It is no category.
    """
    node = ast.parse(factor, mode="eval").body
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "C":
        if not node.args or not _is_contrast(node.args[1:], node.keywords):
            raise NotPlain(f"{factor} may look at more than one row")
        if any(keyword.arg == "levels" for keyword in node.keywords):
            return None, 0
        node = node.args[0]
    if isinstance(node, ast.Name) and node.id in panel.column_names:
        column = arrays.single(panel.column(node.id))
        if pa.types.is_dictionary(column.type):
            return None, 0
        if pa.types.is_string(column.type):
            return codes_of(column)
    values = evaluation.value(ast.unparse(node))
    if values.dtype.kind == "b":
        return None, 0
    gaps = np.isnan(values) if values.dtype.kind == "f" else None
    return codes_of(arrays.from_numpy(values, missing=gaps))


def _is_contrast(arguments: list[ast.expr], keywords: list[ast.keyword]) -> bool:
    """Return whether what follows the column in `C(...)` names no further data."""
    for node in [*arguments, *(keyword.value for keyword in keywords)]:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id not in _CONTRASTS:
                return False
            if isinstance(inner, ast.Attribute):
                return False
    return True


def _check_levels(factor: str, codes: Codes, count: int, slices: Slices) -> None:
    """Raise NotPlain unless every slice holds every level."""
    if slices.replicates:
        raise NotPlain(f"{factor} is a category, and a replicate may lack one of its levels")
    if count > _MOST_LEVELS:
        raise NotPlain(f"{factor} has {count} levels, too many to look for in every slice")
    lacking = np.zeros(len(slices.start), dtype=np.bool_)
    seen = np.zeros(len(codes) + 1, dtype=np.int64)
    for level in range(count):
        np.cumsum(codes == level, out=seen[1:])
        lacking |= seen[slices.stop] == seen[slices.start]
    if lacking.any():
        raise NotPlain(
            f"{factor} is a category, and {int(lacking.sum())} of {len(lacking)} slices lack one "
            "of its levels"
        )


def _by_patsy(text: str, panel: pa.Table) -> Design:
    import patsy

    frame = _frame(panel)
    environment = patsy.EvalEnvironment([{"np": np, "numpy": np}])
    try:
        with np.errstate(all="ignore"):
            endog, exog = patsy.dmatrices(
                text, frame, eval_env=environment, NA_action="drop", return_type="dataframe"
            )
    except Exception as error:
        raise NotPlain(f"patsy cannot build it for all rows: {error}") from None
    if endog.shape[1] != 1:
        raise NotPlain("its left side has more than one column")
    rows = exog.index.to_numpy()
    response = np.full(panel.num_rows, np.nan)
    response[rows] = endog.iloc[:, 0].to_numpy(dtype=np.float64)
    matrix = np.full((panel.num_rows, exog.shape[1]), np.nan, order="F")
    matrix[rows] = exog.to_numpy(dtype=np.float64)
    names = tuple(map(str, exog.columns))
    return Design.of_matrix(response, matrix, str(endog.columns[0]), names)


def _frame(panel: pa.Table) -> Any:
    """Return the panel as pandas, text as categories in patsy's order, which is much quicker."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in panel.column_names:
        column = arrays.single(panel.column(name))
        if pa.types.is_string(column.type):
            codes, _ = codes_of(column)
            known = sorted(value for value in column.unique().to_pylist() if value is not None)
            columns[name] = pd.Categorical.from_codes(codes, categories=pd.Index(known))
        else:
            columns[name] = column.to_pandas().array
    return pd.DataFrame(columns, copy=False)
