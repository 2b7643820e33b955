"""The distinct rows of one slice, so that a bootstrap replicate is a vector of counts.

Data of counts and categories repeat themselves: 20,190 rows may hold 9,000 distinct ones and 2,800
distinct rows of the design. Continuous data do not, and lose nothing by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelrun.engines.batched.columns import Columns, Floats

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Distinct:
    """One slice by its distinct rows.

    Attributes:
        patterns: Distinct rows of the design (and offset), K rows.
        offset: Offset of each pattern, shape (K,), or None.
        y: Response of each distinct pair of pattern and response, shape (U,).
        pattern_of: Pattern of each pair, shape (U,).
        pair_of: Pair of each row of the slice, shape (n,); -1 where a value is missing.
    """

    patterns: Columns
    offset: Floats | None
    y: Floats
    pattern_of: Codes
    pair_of: Codes


def distinct(
    design: Columns,
    y: npt.ArrayLike,
    start: int,
    stop: int,
    *,
    offset: npt.ArrayLike | None = None,
    keep: npt.ArrayLike | None = None,
) -> Distinct:
    """Find the distinct rows of [start, stop), numbered by their first appearance.

    Args:
        design: Columns of the whole panel, n rows.
        y: Response, shape (n,).
        start: First row of the slice.
        stop: Row after the last.
        offset: Added to the linear predictor, shape (n,).
        keep: Mask of complete rows, shape (n,).
    """
    kept = np.ones(stop - start, dtype=np.bool_)
    if keep is not None:
        kept = np.array(np.asarray(keep)[start:stop], dtype=np.bool_)
    columns = [None if column is None else column[start:stop][kept] for column in design.data]
    response = np.asarray(y, dtype=np.float64)[start:stop][kept]
    shift = None if offset is None else np.asarray(offset, dtype=np.float64)[start:stop][kept]
    parts = [column for column in (*columns, shift) if column is not None]
    first, pattern_of_row = _numbered(parts, len(response))
    first_pair, pair_of_row = _numbered(
        [pattern_of_row.astype(np.float64), response], len(response)
    )
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
        y=np.ascontiguousarray(response[first_pair]),
        pattern_of=np.ascontiguousarray(pattern_of_row[first_pair], dtype=np.int32),
        pair_of=pair_of,
    )


def _numbered(columns: list[Floats], n: int) -> tuple[npt.NDArray[np.int64], Codes]:
    """First row and number of every distinct row, numbered by first appearance."""
    codes = np.zeros(n, dtype=np.int64)
    for column in columns:
        _, inverse = np.unique(column, return_inverse=True)
        codes = codes * (int(inverse.max(initial=0)) + 1) + inverse
        _, codes = np.unique(codes, return_inverse=True)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return first[order], rank[inverse]
