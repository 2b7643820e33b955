"""A part of a run for a try: some groups (`--only`), some fits (`--sample`)."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.errors import UserMistake


def only(table: pa.Table, wishes: Sequence[str], *, by: Sequence[str]) -> pa.Table:
    """Return the rows of the groups that were asked for.

    Args:
        table: The rows.
        wishes: Texts `column=value`; several values of one column are alternatives.
        by: The columns that make the groups.

    Raises:
        UserMistake: A wish is not `column=value`, its column makes no groups, or no row has it.
    """
    import pyarrow.compute as pc

    wanted: dict[str, list[str]] = {}
    for wish in wishes:
        column, equals, value = wish.partition("=")
        if not equals:
            raise UserMistake(f"--only {wish}: write it as column=value, such as {_example(by)}")
        if column not in by:
            near = difflib.get_close_matches(column, by, 1)
            allowed = ", ".join(by) or "none: the file has no slices.by"
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserMistake(f"--only {wish}: {column} makes no groups ({allowed}){hint}")
        wanted.setdefault(column, []).append(value)
    for column, values in wanted.items():
        texts = pc.cast(table[column], pa.string())
        kept = table.filter(pc.is_in(texts, pa.array(values)))
        if not kept.num_rows:
            present = [str(text) for text in pc.unique(texts).to_pylist()]
            near = difflib.get_close_matches(values[0], present, 3, cutoff=0.3)
            raise UserMistake(
                f"--only {column}={values[0]}: no row has it; there is "
                + ", ".join(near or sorted(present)[:5])
            )
        table = kept
    return table


def sample(fits: int, wanted: int | None) -> npt.NDArray[np.int64]:
    """Return the fits of a try, spread evenly over all of them, shape (min(wanted, fits),)."""
    if wanted is None or wanted >= fits:
        return np.arange(fits, dtype=np.int64)
    return np.unique(np.linspace(0, fits - 1, wanted).astype(np.int64))


def _example(by: Sequence[str]) -> str:
    return f"{by[0]}=VALUE" if by else "portfolio=S1V1"
