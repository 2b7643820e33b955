"""How the data become many fits: by groups, by windows, by resamples, and their products."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from modelrun_api.wire import ColumnName, Rule, Wire, refused, words

Span = Annotated[
    str,
    words(
        r"^[1-9][0-9]{0,5}(Y|Q|M|W|D|h|min|s)$",
        "a calendar length: a number and one of Y, Q, M, W, D, h, min, s, such as 5Y",
    ),
]
"""A calendar length: 5Y, 6M, 2W, 30D."""

Rows = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Window(Wire):
    """Rolling or expanding windows over an ordering column; only full windows are fitted."""

    column: ColumnName
    """The column that orders the rows; its values are unique within a slice."""

    size: Rows | Span
    """The window's length: a number of rows, or a calendar length such as 5Y. An expanding window
    starts with this length."""

    step: Rows | Span = 1
    """How far one window is from the next, in rows or as a calendar length."""

    kind: Literal["rolling", "expanding"] = "rolling"
    """Whether the start of the window moves with its end."""

    min_rows: Rows | None = None
    """Windows with fewer complete rows are skipped; by default every window is fitted."""


class Resample(Wire):
    """Bootstrap replicates of every slice, drawn by index from Philox(seed, replicate)."""

    rules = (
        Rule(
            "(self.method == 'block') == has(self.blockLength)",
            "blockLength goes with method block, and method block needs it",
        ),
    )

    method: Literal["pairs", "block"]
    """Rows one by one, or moving blocks of consecutive rows."""

    replicates: Annotated[int, Field(ge=1, le=1_000_000)]
    """How many replicates of each slice are fitted."""

    seed: Annotated[int, Field(ge=0, le=9_007_199_254_740_991)] = 0
    """The seed; the same seed gives the same draws on every machine."""

    block_length: Rows | None = None
    """Rows in a block; with method block only."""

    @model_validator(mode="after")
    def _block_length_goes_with_block(self) -> Self:
        if (self.method == "block") != (self.block_length is not None):
            raise refused(
                "blockLength goes with method block, and method block needs it", "blockLength"
            )
        return self


class Slices(Wire):
    """How the data become many fits; the members multiply."""

    by: Annotated[list[ColumnName], Field(max_length=16)] = []
    """Columns whose combinations of values are groups, each fitted on its own."""

    window: Window | None = None
    """Windows over time within each group."""

    resample: Resample | None = None
    """Bootstrap replicates of each group or window."""
