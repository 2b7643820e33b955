"""When a slice has too few rows to be fitted, in the same words from every engine."""

from __future__ import annotations

from modelrun_api.failure import SkipReason


def too_few(
    complete: int, rows: int, *, min_rows: int | None, parameters: int
) -> tuple[SkipReason, str]:
    """Say why a slice that has too few complete rows is skipped.

    Args:
        complete: Rows without a missing value.
        rows: All rows of the slice.
        min_rows: window.minRows.
        parameters: Columns of the design.
    """
    of = f" of {rows}" if rows > complete else ""
    if rows == 0:
        return SkipReason.EMPTY_SLICE, "the slice has no rows"
    if complete == 0:
        return SkipReason.EMPTY_SLICE, f"none{of} rows is complete"
    if min_rows is not None and complete < min_rows:
        return (
            SkipReason.TOO_FEW_ROWS,
            f"{complete}{of} rows are complete; window.minRows is {min_rows}",
        )
    return (
        SkipReason.TOO_FEW_ROWS,
        f"{complete}{of} rows are complete; the model has {parameters} parameters",
    )
