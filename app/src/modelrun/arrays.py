"""Between NumPy and Arrow without pandas.

pyarrow imports pandas, half a second, as soon as anything is converted by its own functions
(`pa.array`, `pa.scalar`, `to_numpy`). The batched path never needs pandas, so it goes through the
buffers here. Where pandas is needed anyway, pyarrow's own functions serve as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_TYPES: dict[str, pa.DataType] = {
    "float64": pa.float64(),
    "float32": pa.float32(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int16": pa.int16(),
    "int8": pa.int8(),
    "uint64": pa.uint64(),
    "uint32": pa.uint32(),
    "uint16": pa.uint16(),
    "uint8": pa.uint8(),
}


FEW = 50_000
"""Texts up to this number are handled one by one, because importing costs more than that."""


def single(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the column as one array."""
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column


def from_numpy(
    values: npt.NDArray[Any], *, missing: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return an Arrow array over the memory of a one-dimensional NumPy array.

    Args:
        values: Numbers, booleans or datetime64, shape (n,); text goes through `strings`.
        missing: True where the result is null, shape (n,).
    """
    values = np.ascontiguousarray(values)
    validity = None
    if missing is not None and missing.any():
        validity = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    if values.dtype == np.bool_:
        data = np.packbits(values, bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [validity, pa.py_buffer(data)])
    if values.dtype.kind == "M":
        unit = np.datetime_data(values.dtype)[0]
        if unit not in ("s", "ms", "us", "ns"):
            values, unit = values.astype("datetime64[us]"), "us"
        kind: pa.DataType = pa.timestamp(unit)
        values = values.view(np.int64)
    else:
        kind = _TYPES[values.dtype.name]
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(values)])


def strings(values: Iterable[str | None]) -> pa.Array:
    """Return a text array; None becomes null."""
    items = list(values)
    encoded = [b"" if item is None else item.encode() for item in items]
    offsets = np.zeros(len(items) + 1, dtype=np.int32)
    np.cumsum([len(item) for item in encoded], out=offsets[1:]) if items else None
    missing = np.fromiter((item is None for item in items), dtype=np.bool_, count=len(items))
    validity = None
    if missing.any():
        validity = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(items), buffers)


def repeated(values: Sequence[str], times: int) -> pa.Array:
    """Return a text array that has each value so many times, one after the other."""
    lengths = np.repeat([len(value.encode()) for value in values], times)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    letters = b"".join(value.encode() * times for value in values)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(letters)]
    return pa.Array.from_buffers(pa.string(), len(lengths), buffers)


def encoded(array: pa.Array) -> pa.DictionaryArray:
    """Return an array as codes and distinct values.

    Few texts are told apart here: Arrow's own function would import pyarrow.compute.
    """
    if pa.types.is_dictionary(array.type):
        return array
    if not pa.types.is_string(array.type) or len(array) > FEW:
        return array.dictionary_encode()
    known: dict[str, int] = {}
    codes = [
        -1 if text is None else known.setdefault(text, len(known)) for text in array.to_pylist()
    ]
    indices = np.array(codes, np.int32)
    missing = indices < 0
    return pa.DictionaryArray.from_arrays(
        from_numpy(np.maximum(indices, 0), missing=missing), strings(known)
    )


def taken(array: pa.Array, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Return rows of an array, null where a row is negative; shape (len(rows),)."""
    kind = array.type
    absent = rows < 0
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(taken(array.indices, rows), array.dictionary)
    if pa.types.is_string(kind) and len(array) <= FEW and len(rows) <= FEW:
        texts = array.to_pylist()
        return strings([None if row < 0 else texts[row] for row in rows.tolist()])
    fixed = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind)
    if fixed and len(array) and (not pa.types.is_timestamp(kind) or kind.tz is None):
        at = np.maximum(rows, 0)
        if array.null_count:
            absent = absent | missing_mask(array)[at]
        return from_numpy(to_numpy(array)[at], missing=absent)
    return array.take(pa.array(rows, mask=absent))


def scalar(value: bool | float | str | np.datetime64) -> pa.Scalar:  # noqa: FBT001 - it is the value
    """Return an Arrow scalar."""
    if isinstance(value, str):
        return strings([value])[0]
    return from_numpy(np.asarray([value]))[0]


def missing_mask(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """Return True where the column is null, shape (n,); NaN is a value here."""
    array = single(column)
    if array.null_count == 0:
        return np.zeros(len(array), dtype=np.bool_)
    validity = array.buffers()[0]
    if validity is None:  # a column of type null
        return np.ones(len(array), dtype=np.bool_)
    return ~_bits(validity, array.offset, len(array))


def to_numpy(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    """Return numbers, booleans or timestamps as NumPy, a view where that is possible.

    What lies under a null is arbitrary: look at `missing_mask`.

    Raises:
        TypeError: The column holds something else, such as text.
    """
    array = single(column)
    kind, length, offset = array.type, len(array), array.offset
    if pa.types.is_boolean(kind):
        return _bits(array.buffers()[1], offset, length) if length else np.zeros(0, np.bool_)
    dtype: np.dtype[Any]
    if pa.types.is_timestamp(kind):
        dtype = np.dtype(f"datetime64[{kind.unit}]")
    elif pa.types.is_date32(kind):
        dtype = np.dtype("int32")
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        dtype = np.dtype(kind.to_pandas_dtype())
    else:
        raise TypeError(f"an Arrow column of type {kind} is no NumPy array of numbers")
    if length == 0:
        return np.zeros(0, dtype=dtype)
    values = np.frombuffer(array.buffers()[1], dtype=dtype, count=offset + length)[offset:]
    if pa.types.is_date32(kind):
        return (
            values.view("datetime64[D]") if values.itemsize == 8 else values.astype("datetime64[D]")
        )
    return values


def _bits(buffer: pa.Buffer, offset: int, length: int) -> npt.NDArray[np.bool_]:
    packed = np.frombuffer(buffer, dtype=np.uint8)
    flags = np.unpackbits(packed, bitorder="little", count=offset + length)
    return flags[offset:].view(np.bool_)


def floats(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.float64]:
    """Return numbers or booleans as float64, NaN where null, shape (n,)."""
    array = single(column)
    values = to_numpy(array).astype(np.float64, copy=False)
    if array.null_count:
        values = np.where(missing_mask(array), np.nan, values)
    return values
