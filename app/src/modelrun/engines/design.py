"""The design of one fit: response, matrix and further data, with rows that miss a value dropped.

Where the plan built the design once for the whole panel, a fit takes its rows of it; else patsy
builds it for the slice. Both drop the rows that statsmodels' formula interface drops: those with
a missing value in the formula or in data that a keyword points to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.engines.keywords import Columns, Path
from modelrun.engines.slice_rows import PanelValues, Rows, positions
from modelrun.plan.study import Design

Floats = npt.NDArray[np.float64]


class FormulaError(Exception):
    """The formula cannot be evaluated on this slice."""


@dataclass(slots=True)
class SliceDesign:
    """What one fit is given; n complete rows."""

    endog: Floats
    """The response, shape (n,), or (n, levels) where a text was taken apart."""

    exog: Floats
    """The matrix, shape (n, p)."""

    endog_names: tuple[str, ...]
    exog_names: tuple[str, ...]
    rows: Rows
    """The complete rows in the panel."""

    data: Mapping[Path, npt.NDArray[Any]]
    """What keywords point to, each of shape (n,) or (n, columns)."""

    dropped: int
    """How many rows of the slice miss a value."""

    def finite(self) -> bool:
        """Return whether there is no infinite value in response and matrix."""
        return bool(np.isfinite(self.endog).all() and np.isfinite(self.exog).all())


class WholePanelDesign:
    """Takes the rows of a slice out of a design that was built once."""

    def __init__(
        self, design: Design, values: PanelValues, data: Mapping[Path, Columns | str]
    ) -> None:
        """Find the complete rows of the panel, once.

        Args:
            design: The design of the whole panel.
            values: The panel's columns.
            data: Columns that keywords point to.
        """
        self._design = design
        self._values = values
        self._data = data
        columns = [
            n for names in data.values() for n in ([names] if isinstance(names, str) else names)
        ]
        self._complete = complete_rows(design, values, columns)

    def build(self, rows: Rows) -> SliceDesign:
        """Return the design of these rows of the panel."""
        design = self._design
        dropped = 0
        if self._complete is not None:
            keep = self._complete[rows]
            if not keep.all():
                kept = positions(rows)[keep]
                dropped = len(keep) - len(kept)
                rows = kept
        data = {path: _values(self._values, names, rows) for path, names in self._data.items()}
        return SliceDesign(
            endog=design.endog[rows],
            exog=design.exog(rows),
            endog_names=(design.response.name,),
            exog_names=design.exog_names,
            rows=rows,
            data=data,
            dropped=dropped,
        )


def complete_rows(
    design: Design, values: PanelValues, columns: Iterable[str]
) -> npt.NDArray[np.bool_] | None:
    """Return which rows of the panel miss no value, shape (n,), or None where all are complete.

    Args:
        design: The design of the whole panel.
        values: The panel's columns.
        columns: Further columns that a fit reads.
    """
    complete: npt.NDArray[np.bool_] | None = None
    for column in (design.endog, *(term.values for term in design.terms)):
        if column is None:
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            # One missing value makes the sum missing, and a sum costs a third of a mask.
            if np.isfinite(column.sum()):
                continue
        present = ~np.isnan(column)
        complete = present if complete is None else complete & present
    for name in columns:
        present = ~values.missing(name)
        complete = present if complete is None else complete & present
    return None if complete is None or complete.all() else complete


class FormulaDesign:
    """Builds the design of each slice with patsy; the formula is parsed once."""

    def __init__(
        self,
        formula: str,
        columns: tuple[str, ...],
        values: PanelValues,
        data: Mapping[Path, Columns | str],
    ) -> None:
        """Parse the formula.

        Args:
            formula: As in the spec.
            columns: The columns of the panel that the model reads.
            values: The panel's columns.
            data: Columns that keywords point to.
        """
        import patsy

        self._columns = columns
        self._values = values
        self._data = data
        self._terms = patsy.ModelDesc.from_formula(formula)
        self._environment = environment()

    def build(self, rows: Rows) -> SliceDesign:
        """Return the design of these rows of the panel.

        Raises:
            FormulaError: patsy cannot evaluate the formula on them.
        """
        import patsy
        from statsmodels.formula._manager import NAAction

        frame = self._values.frame(self._columns, rows)
        action = NAAction(on_NA="drop", NA_types=("None", "NaN"))
        try:
            endog, exog = patsy.dmatrices(
                self._terms, frame, eval_env=self._environment, NA_action=action
            )
        except Exception as error:
            raise FormulaError(f"{type(error).__name__}: {error}") from error
        keep = ~getattr(action, "missing_mask", np.zeros(len(frame), np.bool_))
        extra = np.ones(len(frame), np.bool_)
        for names in self._data.values():
            for name in (names,) if isinstance(names, str) else names:
                extra &= ~self._values.missing(name)[rows]
        inner = extra[keep]
        y, x = np.asarray(endog), np.asarray(exog)
        if not inner.all():
            y, x = y[inner], x[inner]
        keep &= extra
        kept = rows if keep.all() else positions(rows)[keep]
        return SliceDesign(
            endog=y[:, 0] if y.shape[1] == 1 else y,
            exog=x,
            endog_names=tuple(endog.design_info.column_names),
            exog_names=tuple(exog.design_info.column_names),
            rows=kept,
            data={path: _values(self._values, names, kept) for path, names in self._data.items()},
            dropped=int((~keep).sum()),
        )


def environment() -> Any:
    """Return the names that a formula may use besides columns: numpy as np, and patsy's own."""
    import patsy

    return patsy.EvalEnvironment([{"np": np, "numpy": np}])


def _values(values: PanelValues, names: Columns | str, rows: Rows) -> npt.NDArray[Any]:
    if isinstance(names, str):
        return values.column(names)[rows]
    return np.column_stack([values.column(name)[rows] for name in names])
