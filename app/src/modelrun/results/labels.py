"""The labels of a fit: what every table says about which fit a row belongs to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.plan.study import Study
from modelrun.results.tables import WORDS
from modelrun.store.segment import Keys

Ints = npt.NDArray[np.int64]

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)


def hex_keys(key_hi: Keys, key_lo: Keys) -> pa.StringArray:
    """Return keys as text of 32 hexadecimal digits, the first lane first; shape (n,)."""
    rows = len(key_hi)
    lanes = np.empty((rows, 2), ">u8")
    lanes[:, 0], lanes[:, 1] = key_hi, key_lo
    digits = np.ascontiguousarray(_HEX[lanes.view(np.uint8)])
    offsets = np.arange(rows + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(digits))


class Labels:
    """The label columns of a study's fits: `model`, slice keys, window and replicate."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._slices = len(study.slices)
        self._models = pa.array([model.name for model in study.models], pa.string())
        self._groups = {
            name: _Column(study.groups.column(name)) for name in study.groups.column_names
        }
        self._window = (
            _Column(study.panel.column(study.window_column)) if study.window_column else None
        )

    def fields(self) -> list[pa.Field]:
        """Return the label columns of this study's tables, `fit_key` first."""
        fields = [pa.field("fit_key", WORDS), pa.field("model", WORDS)]
        fields += [pa.field(name, column.type) for name, column in self._groups.items()]
        if self._window is not None:
            fields += [pa.field(name, self._window.type) for name in ("window_start", "window_end")]
        if self._study.slices.replicates:
            fields.append(pa.field("replicate", pa.int64()))
        return fields

    def columns(self, fits: Ints, parents: Ints | None = None) -> Mapping[str, pa.Array]:
        """Return the label columns but for `fit_key`.

        Args:
            fits: Numbers of fits (model * S + slice), shape (n,).
            parents: Places in fits, one for each row of the table; None: one row per fit.
        """
        model, slice_ = fits // max(1, self._slices), fits % max(1, self._slices)
        base = self._study.slices.base(slice_)
        group = self._study.slices.group[base]

        def spread(values: Ints) -> Ints:
            return values if parents is None else values[parents]

        columns: dict[str, pa.Array] = {
            "model": pa.DictionaryArray.from_arrays(
                pa.array(spread(model).astype(np.int32)), self._models
            )
        }
        for name, column in self._groups.items():
            columns[name] = column.take(group, parents)
        if self._window is not None:
            slices = self._study.slices
            columns["window_start"] = self._window.take(slices.window_start[base], parents)
            columns["window_end"] = self._window.take(slices.window_end[base], parents)
        if self._study.slices.replicates:
            columns["replicate"] = pa.array(spread(self._study.slices.replicate(slice_)))
        return columns


class _Column:
    """A column to take labels from; text is kept as codes and words."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        values = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if pa.types.is_dictionary(values.type) and not _is_text(values.type.value_type):
            values = values.dictionary_decode()
        if _is_text(values.type):
            values = arrays.encoded(values)
        self._codes: npt.NDArray[np.int32] | None = None
        self.type = values.type
        if pa.types.is_dictionary(values.type):
            gaps = arrays.missing_mask(values.indices)
            codes = arrays.to_numpy(values.indices).astype(np.int32)
            self._codes = np.where(gaps, -1, codes).astype(np.int32)
            values = values.dictionary
            if values.type != pa.string():
                values = values.cast(pa.string())
            self.type = WORDS
        self._values = values

    def take(self, rows: Ints, parents: Ints | None) -> pa.Array:
        """Return the values of these rows, each as often as it has children."""
        if self._codes is None:
            return arrays.taken(self._values, rows if parents is None else rows[parents])
        if len(self._codes):
            codes = np.where(rows < 0, -1, self._codes[rows]).astype(np.int32)
        else:
            codes = np.full(len(rows), -1, np.int32)
        codes = codes if parents is None else codes[parents]
        mask = codes < 0
        indices = pa.array(codes, mask=mask) if mask.any() else pa.array(codes)
        return pa.DictionaryArray.from_arrays(indices, self._values)


def _is_text(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_string_view(type_)
    )
