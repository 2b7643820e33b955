"""The panel as columns: what every kernel reads, without a row-major copy.

A design is a tuple of one-dimensional arrays, usually views of an Arrow file that is mapped into
memory. It is not a matrix: kernels copy the rows of one fit side by side themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a design for all rows of the panel.

    Attributes:
        data: One contiguous float64 array of n values a column; None is a column of ones, which
            takes no memory.
        n: Rows of the panel.
    """

    data: tuple[Floats | None, ...]
    n: int

    @classmethod
    def of(cls, columns: Sequence[npt.ArrayLike | None], n: int | None = None) -> Columns:
        """Collect columns, copying only what is not contiguous float64.

        Args:
            columns: Arrays of one length; None stands for a column of ones.
            n: Rows of the panel; needed only when every column is None.

        Raises:
            ValueError: The columns differ in length.
        """
        data = tuple(
            None if column is None else np.ascontiguousarray(column, dtype=np.float64)
            for column in columns
        )
        lengths = {column.shape[0] for column in data if column is not None}
        if n is not None:
            lengths.add(n)
        if len(lengths) != 1:
            message = f"the columns of a design need one length, these have {sorted(lengths)}"
            raise ValueError(message)
        return cls(data=data, n=lengths.pop())

    @classmethod
    def of_matrix(cls, matrix: npt.ArrayLike) -> Columns:
        """Split an n x p matrix; a column of ones becomes None."""
        values = np.asarray(matrix, dtype=np.float64)
        return cls(
            data=tuple(
                None if (values[:, j] == 1.0).all() else np.ascontiguousarray(values[:, j])
                for j in range(values.shape[1])
            ),
            n=values.shape[0],
        )

    @property
    def p(self) -> int:
        """Number of columns."""
        return len(self.data)

    @property
    def ones(self) -> int | None:
        """Index of the first column of ones, or None."""
        return next((j for j, column in enumerate(self.data) if column is None), None)

    def complete(self, *others: npt.ArrayLike | None) -> Mask:
        """Rows without a missing value in the design or in the other columns, shape (n,)."""
        keep = np.ones(self.n, dtype=np.bool_)
        for column in (*self.data, *others):
            if column is not None:
                keep &= ~np.isnan(np.asarray(column, dtype=np.float64))
        return keep


def slice_bounds(starts: npt.ArrayLike, stops: npt.ArrayLike) -> tuple[Integers, Integers]:
    """Row ranges [start, stop) of the fits as two int64 arrays of one length.

    Raises:
        ValueError: The arrays differ in length.
    """
    first = np.ascontiguousarray(starts, dtype=np.int64)
    last = np.ascontiguousarray(stops, dtype=np.int64)
    if first.shape != last.shape or first.ndim != 1:
        message = f"starts has shape {first.shape} and stops {last.shape}; "
        raise ValueError(message + "two vectors of one length are needed")
    return first, last
