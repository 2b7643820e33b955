"""The border between frames as Arrow knows them and rows as the store knows them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelrun import arrays
from modelrun.store.segment import OTHER_REASON, REASONS, STATUSES, Codes

OTHER = 255
"""The code of a word that is no status."""


def open_frame(stream: pa.Buffer | bytes | memoryview) -> pa.RecordBatch:
    """Return a frame of Arrow stream bytes as one record batch, without copying it.

    Raises:
        pyarrow.ArrowInvalid: These are not the bytes of a frame.
    """
    with pa.ipc.open_stream(stream) as reader:
        batches = list(reader)
        if len(batches) == 1:
            return batches[0]
        if not batches:
            return pa.RecordBatch.from_pylist([], schema=reader.schema)
        return pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()[0]


def stream_bytes(frame: pa.RecordBatch) -> memoryview:
    """Return a frame as Arrow IPC stream bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, frame.schema) as stream:
        stream.write_batch(frame)
    return memoryview(sink.getvalue())


def codes(frame: pa.RecordBatch) -> tuple[Codes, Codes]:
    """Return status and reason codes of a frame's rows, each of shape (n,).

    Raises:
        ValueError: A status is none of the known words.
    """
    words = frame.column("status")
    coded = words if pa.types.is_dictionary(words.type) else words.dictionary_encode()
    known = {word: code for code, word in enumerate(STATUSES)}
    places = np.array([known.get(word, OTHER) for word in coded.dictionary.to_pylist()], np.uint8)
    status = places[arrays.to_numpy(coded.indices)]
    if coded.null_count or OTHER in status:
        raise ValueError("the status of a fit is none of " + ", ".join(STATUSES))
    failure = frame.column("failure")
    reason = np.zeros(len(failure), np.uint8)
    if failure.null_count < len(failure):
        import pyarrow.compute as pc

        names = pc.struct_field(failure, "reason")
        known = pc.fill_null(pc.index_in(names, pa.array(REASONS)), OTHER_REASON)
        there = names.is_valid().to_numpy(zero_copy_only=False)
        reason = np.where(there, known.to_numpy(), 0).astype(np.uint8)
    return status, reason
