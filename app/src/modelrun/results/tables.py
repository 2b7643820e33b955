"""The tables on disk: their names, their columns, and how one is written.

A table is written chunk by chunk under a temporary name and appears under its own when it is
whole. Text columns travel as dictionaries, which parquet stores as they are, but read back as
plain text.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from modelrun.store.place import Place
from modelrun.store.trouble import told

FITS = "fits.parquet"
COEFFICIENTS = "coefficients.parquet"
FAILURES = "failures.parquet"
OBSERVATIONS = "observations.parquet"
TABLES = (FITS, COEFFICIENTS, FAILURES, OBSERVATIONS)

LABELS = ("fit_key", "model", "window_start", "window_end", "replicate")
"""Columns of every table, beside the slice keys."""

RESERVED = frozenset(
    {
        *LABELS, "status", "reason", "nobs", "converged", "warnings", "separated",
        "rank_deficient", "numerics", "engine", "seconds", "reused", "component", "term",
        "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "p_adjusted",
        "df", "dist", "df_model", "df_residual", "r_squared", "adj_r_squared",
        "pseudo_r_squared", "sigma", "f_statistic", "f_p_value", "log_lik", "log_lik_null", "aic",
        "bic", "deviance", "null_deviance", "pearson_chi2", "iterations", "condition_number",
        "row", "fitted", "resid", "pred_low", "pred_high", "message", "traceback", "worker",
        "attempts", "reproduce",
    }
)  # fmt: skip
"""Names that a slice key cannot have, because a table has a column of that name."""

PIECES = 200
"""Above so many pieces of a column, joining them costs less than writing them one by one."""

WORDS = pa.dictionary(pa.int32(), pa.string())


class TableWriter:
    """Writes one table of a results location; a context manager."""

    def __init__(self, place: Place, scratch: Path, name: str, schema: pa.Schema) -> None:
        """Begin a table under a temporary name.

        Args:
            place: The location where it will appear.
            scratch: Where it grows: the location itself if it is a folder.
            name: Its file name.
            schema: Its columns; text as dictionaries.
        """
        self._place = place
        self._name = name
        self._path = scratch / f".{name}.{os.getpid()}.part"
        self._schema = schema
        self.rows = 0
        with told(place.uri, "write tables to"):
            scratch.mkdir(parents=True, exist_ok=True)
            self._parquet = pq.ParquetWriter(
                self._path,
                schema,
                # Keys and what fits compute do not shrink, and no order of theirs helps a reader.
                compression={
                    field.name: "none"
                    if pa.types.is_floating(field.type) or field.name == "fit_key"
                    else "snappy"
                    for field in schema
                },
                write_statistics=[
                    field.name for field in schema if not pa.types.is_floating(field.type)
                ],
                use_dictionary=[field.name for field in schema if _is_words(field.type)],
                dictionary_pagesize_limit=16 << 20,
                store_schema=False,
            )
            plain = base64.b64encode(plain_schema(schema).serialize()).decode()
            self._parquet.add_key_value_metadata({"ARROW:schema": plain})

    def write(self, columns: Mapping[str, Any]) -> None:
        """Append rows: one array or chunked array per column of the schema, all of one length."""
        table = pa.table([columns[name] for name in self._schema.names], schema=self._schema)
        if max((column.num_chunks for column in table.columns), default=0) > PIECES:
            table = table.combine_chunks()
        with told(self._place.uri, "write tables to"):
            self._parquet.write_table(table)
        self.rows += table.num_rows

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with told(self._place.uri, "write tables to"):
                self._parquet.close()
            if error is None:
                self._place.send(self._path, self._name)
        finally:
            self._path.unlink(missing_ok=True)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema as readers see it: text instead of dictionaries of text."""
    return pa.schema(
        [
            field.with_type(field.type.value_type) if _is_words(field.type) else field
            for field in schema
        ]
    )


def _is_words(type_: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(type_))
