"""Taking over what other studies have finished: rows copied from one store into another."""

from __future__ import annotations

import numpy as np

from modelrun.store.frames import stream_bytes
from modelrun.store.index import TRANSIENT
from modelrun.store.segment import Keys
from modelrun.store.store import Store


def take_over(store: Store, uri: str, key_hi: Keys, key_lo: Keys) -> int:
    """Copy fits that another study has finished; they count as reused.

    Failures that need not repeat stay behind; deterministic ones come along.

    Args:
        store: Where they go.
        uri: The location of the other study; it is read only.
        key_hi: First key lane of the fits that are wanted, shape (n,).
        key_lo: Second key lane, shape (n,).

    Returns:
        The number of fits taken over: those that are stored there and not here.

    Raises:
        UserMistake: The other location may not be read.
        InfrastructureError: It is away, or there is no room here.
    """
    missing = np.flatnonzero(store.lookup(key_hi, key_lo) < 0)
    with Store.reading(uri) as other:
        found = other.lookup(key_hi[missing], key_lo[missing])
        wanted = np.unique(found[found >= 0])
        wanted = wanted[~np.isin(other.reason(wanted), TRANSIENT)]
        done = 0
        for chunk in other.read(wanted):
            for batch in chunk.batches:
                rows = wanted[done : done + batch.num_rows]
                store.append(bytes(stream_bytes(batch)), *other.keys(rows), reused=True)
                done += batch.num_rows
    return len(wanted)
