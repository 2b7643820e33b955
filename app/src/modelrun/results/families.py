"""Adjusted p-values of a whole run: the one column that no fit can know by itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun.results.adjust import Floats, adjust
from modelrun_api.spec import Adjust


class Families:
    """Gathers p-values and the families they belong to, chunk by chunk, then adjusts them.

    Memory: 8 bytes per term for the p-value and 4 for each column that makes the families.
    """

    def __init__(self, spec: Adjust) -> None:
        self.columns = tuple(spec.within)
        self._method = spec.method
        self._p: list[Floats] = []
        self._codes: list[list[npt.NDArray[np.int32]]] = [[] for _ in self.columns]
        self._known: list[dict[object, int]] = [{} for _ in self.columns]

    def add(self, p_value: Floats, columns: list[pa.Array | pa.ChunkedArray]) -> None:
        """Add rows of the coefficients table.

        Args:
            p_value: Raw p-values, shape (n,).
            columns: The columns that make the families, each of shape (n,).
        """
        self._p.append(p_value)
        for at, values in enumerate(columns):
            encoded = values.dictionary_encode()
            if isinstance(encoded, pa.ChunkedArray):
                encoded = encoded.unify_dictionaries().combine_chunks()
            known = self._known[at]
            words = [known.setdefault(word, len(known)) for word in encoded.dictionary.to_pylist()]
            places = np.array([*words, -1], np.int32)
            self._codes[at].append(places[encoded.indices.fill_null(-1).to_numpy()])

    def adjusted(self) -> Floats:
        """Return the adjusted p-values of all rows, in the order they were added."""
        p_value = np.concatenate([np.zeros(0), *self._p])
        family = np.zeros(len(p_value), np.int64)
        for codes, known in zip(self._codes, self._known, strict=True):
            family *= len(known) + 1
            family += np.concatenate([np.zeros(0, np.int32), *codes])
            _, family = np.unique(family, return_inverse=True)
        return adjust(p_value, family, self._method)
