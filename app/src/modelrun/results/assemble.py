"""Assembly: from stored frames to the tables, in the order of the plan.

Fits are read in chunks and each table grows by one chunk at a time, so memory does not grow with
their number. No step loops over fits. Whatever order the fits were finished in, however they were
cut into tasks and frames, the tables are the same.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.engines import frame
from modelrun.plan.study import Study
from modelrun.results import tables
from modelrun.results.counts import Counts
from modelrun.results.families import Families
from modelrun.results.labels import Ints, Labels, hex_keys
from modelrun.results.leaves import Lists, column
from modelrun.results.tables import WORDS, TableWriter
from modelrun.store.index import Positions
from modelrun.store.rows import Chunk
from modelrun.store.segment import REASONS, STATUSES, Keys
from modelrun.store.store import Store
from modelrun_api.spec import Results

OBSERVATION_ROWS = 500_000
"""Rows of the observations table that are built together."""

_REASONS = pa.array([*REASONS, "Unknown"])
_FAILED = STATUSES.index("failed")


@dataclass(frozen=True, slots=True)
class Assembled:
    """What was written."""

    counts: Counts
    rows: dict[str, int]
    """Rows of each table, by file name."""


def assemble(
    study: Study,
    key_hi: Keys,
    key_lo: Keys,
    store: Store,
    positions: Positions,
    results: Results,
    *,
    fits: Ints | None = None,
    file: str = "FILE",
    complete: bool = True,
) -> Assembled:
    """Write the tables of a run to the location of its store.

    Args:
        study: The study, for the labels of its fits.
        key_hi: First key lane of the planned fits, shape (n,).
        key_lo: Second key lane, shape (n,).
        store: Where the fits are stored.
        positions: Where each is, from `store.lookup`, shape (n,); -1: not finished.
        results: What was asked for.
        fits: The number of each planned fit (model * S + slice), shape (n,); None: 0 to n - 1.
        file: The file of the run, for the command that reproduces a failure.
        complete: Whether every fit must be finished; else tables hold those that are.

    Raises:
        InfrastructureError: There is no room for the tables; stored fits are not touched.
        ModelrunError: The counts do not add up.
    """
    done = np.flatnonzero(positions >= 0)
    found = positions[done]
    counts = _counts(store, found, len(positions))
    counts.check(complete=complete)
    numbers = np.arange(len(positions)) if fits is None else fits
    place = store.place
    scratch = place.folder or Path(tempfile.mkdtemp(prefix="modelrun-tables-"))
    try:
        with ExitStack() as stack:
            assembly = _Assembly(study, results, store, found, file)
            writers = {
                name: stack.enter_context(TableWriter(place, scratch, name, schema))
                for name, schema in assembly.schemas().items()
            }
            if assembly.families is not None:
                for chunk in store.read(found):
                    assembly.gather(chunk, numbers[done[_span(chunk)]])
                assembly.adjust()
            pens = stack.enter_context(_Pens(writers))
            for chunk in store.read(found):
                rows = done[_span(chunk)]
                keys = hex_keys(key_hi[rows], key_lo[rows])
                for name, columns in assembly.columns(chunk, numbers[rows], keys):
                    pens.write(name, columns)
    finally:
        if place.folder is None:
            shutil.rmtree(scratch, ignore_errors=True)
    if not results.observations:
        place.delete(tables.OBSERVATIONS)
    return Assembled(counts, {name: writer.rows for name, writer in writers.items()})


class _Pens:
    """Writes tables in threads, each its own pieces in order, while the next ones are made."""

    def __init__(self, writers: Mapping[str, TableWriter]) -> None:
        self._writers = writers
        self._pool = ThreadPoolExecutor(len(writers))
        self._written: dict[str, Future[None]] = {}

    def __enter__(self) -> Self:
        return self

    def write(self, name: str, columns: Mapping[str, Any]) -> None:
        """Write a piece of a table once the one before is written."""
        if name in self._written:
            self._written.pop(name).result()
        self._written[name] = self._pool.submit(self._writers[name].write, columns)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._pool.shutdown()
        if kind is None:
            for written in self._written.values():
                written.result()


class _Assembly:
    """Turns chunks of stored rows into chunks of tables."""

    def __init__(
        self, study: Study, results: Results, store: Store, found: Positions, file: str
    ) -> None:
        self._labels = Labels(study)
        self._store = store
        self._found = found
        self._file = file
        self._outputs = study.outputs
        self._asked = tuple(results.coefficients)
        self._observed = tuple(results.observations)
        self.families: Families | None = None
        if "p_adjusted" in self._asked and results.adjust is not None:
            self.families = Families(results.adjust)
        self._adjusted: npt.NDArray[np.float64] = np.zeros(0)
        self._terms_done = 0

    def schemas(self) -> dict[str, pa.Schema]:
        """Return the tables that are written and their columns."""
        labels = self._labels.fields()
        one_per_fit = [pa.field("fit_key", pa.string()), *labels[1:]]
        floats = pa.float64()
        schemas = {
            tables.FITS: [*one_per_fit, *self._fit_fields(), pa.field("reused", pa.bool_())],
            tables.COEFFICIENTS: [
                *labels,
                pa.field("component", WORDS),
                pa.field("term", WORDS),
                *(pa.field(name, floats) for name in self._asked),
                pa.field("df", floats),
                pa.field("dist", WORDS),
            ],
            tables.FAILURES: [
                *one_per_fit,
                pa.field("reason", pa.string()),
                pa.field("message", pa.string()),
                pa.field("traceback", pa.string()),
                pa.field("worker", pa.string()),
                pa.field("attempts", pa.int32()),
                pa.field("reproduce", pa.string()),
            ],
        }
        if self._observed:
            schemas[tables.OBSERVATIONS] = [
                *labels,
                pa.field("row", pa.int64()),
                *(pa.field(name, floats) for name in self._observed),
            ]
        return {name: pa.schema(fields) for name, fields in schemas.items()}

    def gather(self, chunk: Chunk, fits: Ints) -> None:
        """Collect the p-values of a chunk for their adjustment."""
        assert self.families is not None
        terms = Lists(chunk, "coefficients")
        labels = self._labels.columns(fits, terms.parents())
        self.families.add(
            terms.leaf("p_value").to_numpy(),
            [
                labels[name] if name in labels else terms.leaf(name)
                for name in self.families.columns
            ],
        )

    def adjust(self) -> None:
        """Adjust the p-values, once all are gathered."""
        assert self.families is not None
        self._adjusted = self.families.adjusted()

    def columns(
        self, chunk: Chunk, fits: Ints, keys: pa.StringArray
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield pieces of tables: the name of the table and its columns."""
        yield tables.FITS, self._fits(chunk, fits, keys)
        yield tables.COEFFICIENTS, self._coefficients(chunk, fits, keys)
        failed = np.flatnonzero(self._store.status(self._found[_span(chunk)]) == _FAILED)
        if len(failed):
            yield tables.FAILURES, self._failures(chunk, fits, keys, failed)
        if self._observed:
            for columns in self._observations(chunk, fits, keys):
                yield tables.OBSERVATIONS, columns

    def _fit_fields(self) -> list[pa.Field]:
        types = {field.name: field.type for field in frame.schema(self._outputs)}
        names = ["status", "reason", "nobs", *frame.statistics(self._outputs)]
        names += [field.name for field in frame.ALWAYS if field.name not in {"fit", *names}]
        return [pa.field(name, types.get(name, WORDS)) for name in names]

    def _fits(self, chunk: Chunk, fits: Ints, keys: pa.StringArray) -> dict[str, Any]:
        found = self._found[_span(chunk)]
        reason = np.minimum(self._store.reason(found), len(REASONS)).astype(np.int32)
        columns: dict[str, Any] = {"fit_key": keys, **self._labels.columns(fits)}
        for field in self._fit_fields():
            if field.name != "reason":
                columns[field.name] = column(chunk, field.name)
        columns["reason"] = pa.DictionaryArray.from_arrays(
            pa.array(reason, mask=reason == 0), _REASONS
        )
        columns["reused"] = pa.array(self._store.reused(found))
        return columns

    def _coefficients(self, chunk: Chunk, fits: Ints, keys: pa.StringArray) -> dict[str, Any]:
        terms = Lists(chunk, "coefficients")
        parents = terms.parents()
        columns: dict[str, Any] = {
            "fit_key": _repeated(keys, parents),
            **self._labels.columns(fits, parents),
        }
        for name in ("component", "term", *self._asked, "df", "dist"):
            if name == "p_adjusted":
                stop = self._terms_done + len(parents)
                columns[name] = pa.array(self._adjusted[self._terms_done : stop])
                self._terms_done = stop
            else:
                columns[name] = terms.leaf(name)
        return columns

    def _failures(
        self, chunk: Chunk, fits: Ints, keys: pa.StringArray, failed: Ints
    ) -> dict[str, Any]:
        import pyarrow.compute as pc

        records = column(chunk, "failure").take(pa.array(failed)).combine_chunks()
        names = keys.take(pa.array(failed))
        return {
            "fit_key": names,
            **self._labels.columns(fits[failed]),
            **{name.name: pc.struct_field(records, name.name) for name in frame.FAILURE},
            "reproduce": pc.binary_join_element_wise("modelrun fit", names, self._file, " "),
        }

    def _observations(
        self, chunk: Chunk, fits: Ints, keys: pa.StringArray
    ) -> Iterator[dict[str, Any]]:
        rows = Lists(chunk, "observations")
        parents = rows.parents()
        leaves = {name: rows.leaf(name) for name in ("row", *self._observed)}
        for first in range(0, len(parents), OBSERVATION_ROWS):
            some = parents[first : first + OBSERVATION_ROWS]
            yield {
                "fit_key": _repeated(keys, some),
                **self._labels.columns(fits, some),
                **{name: leaf.slice(first, len(some)) for name, leaf in leaves.items()},
            }


def _repeated(keys: pa.StringArray, parents: Ints) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(parents.astype(np.int32)), keys)


def _span(chunk: Chunk) -> slice:
    return slice(chunk.first, chunk.first + sum(batch.num_rows for batch in chunk.batches))


def _counts(store: Store, found: Positions, total: int) -> Counts:
    by_status = store.counts(found)
    return Counts(
        total=total,
        succeeded=by_status["succeeded"],
        not_converged=by_status["notConverged"],
        failed=by_status["failed"],
        skipped=by_status["skipped"],
        reused=int(store.reused(found).sum()),
    )
