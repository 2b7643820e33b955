"""Bootstrap draws, by a definition that anybody can repeat.

Replicate r of a slice of n rows under seed s takes the stream of 64-bit words u_0, u_1, ... of
Philox4x64-10 with key (s, r) and counters 1, 2, 3, ... (Salmon et al. 2011; NumPy's
`Philox(key=[s, r]).random_raw`).
Word u stands for the number v = floor((u >> 11) / 2^53 * m), uniform on 0 ... m - 1.

* pairs (Efron 1979): row i of the replicate is row v_i of the slice, m = n, i = 0 ... n - 1.
* block (moving blocks; Künsch 1989): with block length L (n where the slice is shorter), block j
  starts at v_j, m = n - L + 1, j = 0 ... ceil(n / L) - 1; the blocks are laid end to end and cut
  off after n rows.

Rows are counted before missing values are dropped. The draw depends on seed, replicate and n
alone, so slices of the same length share it, and no change of a library changes it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modelrun.plan.study import Resampling

Ints = npt.NDArray[np.int64]


def rows(resample: Resampling, n_rows: int, replicate: int) -> Ints:
    """Return the rows of one replicate, counted from the start of its slice, shape (n_rows,)."""
    if n_rows == 0:
        return np.zeros(0, dtype=np.int64)
    if resample.method == "pairs":
        return _numbers(resample.seed, replicate, count=n_rows, below=n_rows)
    length = min(resample.block_length or 1, n_rows)
    blocks = -(-n_rows // length)
    starts = _numbers(resample.seed, replicate, count=blocks, below=n_rows - length + 1)
    drawn: Ints = (starts[:, None] + np.arange(length)).reshape(-1)[:n_rows]
    return drawn


def counts(resample: Resampling, n_rows: int, replicate: int) -> Ints:
    """Return how often each row of the slice is in one replicate, shape (n_rows,)."""
    return np.bincount(rows(resample, n_rows, replicate), minlength=n_rows)


def counts_of(resample: Resampling, n_rows: int, replicates: Ints) -> npt.NDArray[np.float64]:
    """Return the counts of many replicates as weights, shape (len(replicates), n_rows)."""
    weights = np.empty((len(replicates), n_rows))
    for at, replicate in enumerate(replicates.tolist()):
        weights[at] = counts(resample, n_rows, replicate)
    return weights


def _numbers(seed: int, replicate: int, *, count: int, below: int) -> Ints:
    key = np.array([seed, replicate], dtype=np.uint64)
    words: npt.NDArray[np.uint64] = np.random.Philox(key=key).random_raw(count)
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return (uniform * below).astype(np.int64)
