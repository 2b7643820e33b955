"""The distinct rows of one slice, so that a bootstrap replicate is a vector of counts.

Data of counts and categories repeat themselves: 20,190 rows may hold 9,000 distinct ones and 2,800
distinct rows of the design. Continuous data do not, and lose nothing by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched.columns import Columns, Floats

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Distinct:
    """One slice by its distinct rows.

    Attributes:
        patterns: Distinct rows of the design (and offset, and cluster), K rows.
        offset: Offset of each pattern, shape (K,), or None.
        group: Cluster of each pattern, numbered within the slice, shape (K,), or None.
        y: Response of each distinct pair of pattern and response (and weights), shape (U,).
        weight: Weight of each pair, of WLS or how often it was seen, shape (U,), or None.
        var_weight: Weight of the variance of each pair, shape (U,), or None.
        pattern_of: Pattern of each pair, shape (U,).
        pair_of: Pair of each row of the slice, shape (n,); -1 where a value is missing.
    """

    patterns: Columns
    offset: Floats | None
    group: Codes | None
    y: Floats
    weight: Floats | None
    var_weight: Floats | None
    pattern_of: Codes
    pair_of: Codes

    def by_pair(self) -> Distinct:
        """Return the same with a pattern for each pair, K = U."""
        at = self.pattern_of
        columns = (None if column is None else column[at] for column in self.patterns.data)
        return replace(
            self,
            patterns=Columns(tuple(columns), len(at)),
            offset=None if self.offset is None else self.offset[at],
            group=None if self.group is None else self.group[at],
            pattern_of=np.arange(len(at), dtype=np.int32),
        )


def distinct(
    design: Columns,
    y: npt.ArrayLike,
    start: int,
    stop: int,
    *,
    offset: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    var_weights: npt.ArrayLike | None = None,
    groups: Codes | None = None,
    keep: npt.ArrayLike | None = None,
) -> Distinct:
    """Find the distinct rows of [start, stop), numbered by their first appearance.

    Args:
        design: Columns of the whole panel, n rows.
        y: Response, shape (n,).
        start: First row of the slice.
        stop: Row after the last.
        offset: Added to the linear predictor, shape (n,).
        weights: Of WLS, or freq_weights of GLM, shape (n,).
        var_weights: Of GLM, shape (n,).
        groups: Cluster codes, shape (n,).
        keep: Mask of complete rows, shape (n,).
    """
    kept = np.ones(stop - start, dtype=np.bool_)
    if keep is not None:
        kept = np.array(np.asarray(keep)[start:stop], dtype=np.bool_)

    def rows(values: npt.ArrayLike | None) -> Floats | None:
        if values is None:
            return None
        return np.asarray(values, dtype=np.float64)[start:stop][kept]

    columns = [rows(column) for column in design.data]
    response, shift, group = rows(y), rows(offset), rows(groups)
    weight, var_weight = rows(weights), rows(var_weights)
    assert response is not None
    n = len(response)
    parts: list[npt.NDArray[Any]] = [
        column for column in (*columns, shift, group) if column is not None
    ]
    first, pattern_of_row = _numbered(parts, n)
    first_pair, pair_of_row = first, pattern_of_row
    if len(first) < n:
        pairs = (pattern_of_row, response, weight, var_weight)
        parts = [column for column in pairs if column is not None]
        first_pair, pair_of_row = _numbered(parts, n)
    pair_of = np.full(stop - start, -1, dtype=np.int32)
    pair_of[kept] = pair_of_row
    return Distinct(
        patterns=Columns(
            tuple(
                None if column is None else np.ascontiguousarray(column[first])
                for column in columns
            ),
            len(first),
        ),
        offset=None if shift is None else np.ascontiguousarray(shift[first]),
        group=None
        if group is None
        else np.unique(group[first], return_inverse=True)[1].astype(np.int32),
        y=np.ascontiguousarray(response[first_pair]),
        weight=None if weight is None else np.ascontiguousarray(weight[first_pair]),
        var_weight=None if var_weight is None else np.ascontiguousarray(var_weight[first_pair]),
        pattern_of=np.ascontiguousarray(pattern_of_row[first_pair], dtype=np.int32),
        pair_of=pair_of,
    )


def _numbered(columns: list[npt.NDArray[Any]], n: int) -> tuple[npt.NDArray[np.int64], Codes]:
    """First row and number of every distinct row, numbered by first appearance.

    Rows are compared byte by byte, in one sort; zeros of either sign are one number.
    """
    table = np.empty((n, max(1, len(columns))))
    table[:, 0] = 0.0
    for j, column in enumerate(columns):
        np.add(column, 0.0, out=table[:, j])
    if table.shape[1] == 1:
        words: npt.NDArray[Any] = table[:, 0]
    else:
        words = table.view(np.dtype((np.void, table.itemsize * table.shape[1])))[:, 0]
    _, first, inverse = np.unique(words, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return first[order], rank[inverse]
