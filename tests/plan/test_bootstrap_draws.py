"""Draws follow their published definition, the same on every machine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.plan import resample
from modelrun_api.spec import Resample


def pairs(seed: int = 7) -> Resample:
    return Resample(method="pairs", replicates=100, seed=seed)


def blocks(length: int, seed: int = 7) -> Resample:
    return Resample(method="block", replicates=100, seed=seed, blockLength=length)


def philox(seed: int, replicate: int, count: int) -> list[int]:
    """Philox4x64-10 in plain Python, from the paper's description."""
    mask = 2**64 - 1
    words: list[int] = []
    counter = 1  # NumPy's stream starts with counter 1
    while len(words) < count:
        c = [(counter >> (64 * at)) & mask for at in range(4)]
        k = [seed, replicate]
        for _ in range(10):
            a, b = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = [(b >> 64) ^ c[1] ^ k[0], b & mask, (a >> 64) ^ c[3] ^ k[1], a & mask]
            k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
        words += c
        counter += 1
    return words[:count]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**53 - 1), replicate=st.integers(0, 10**6), n=st.integers(1, 40))
def test_pairs_are_what_the_definition_says(seed: int, replicate: int, n: int) -> None:
    expected = [((u >> 11) * n) // 2**53 for u in philox(seed, replicate, n)]
    assert resample.rows(pairs(seed), n, replicate).tolist() == expected


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**53 - 1), n=st.integers(1, 40), length=st.integers(1, 50))
def test_blocks_are_what_the_definition_says(seed: int, n: int, length: int) -> None:
    size = min(length, n)
    starts = [((u >> 11) * (n - size + 1)) // 2**53 for u in philox(seed, 3, -(-n // size))]
    expected = [start + at for start in starts for at in range(size)][:n]
    assert resample.rows(blocks(length, seed), n, 3).tolist() == expected


def test_the_published_example() -> None:
    assert resample.rows(pairs(7), 10, 0).tolist() == [8, 2, 4, 4, 0, 6, 2, 6, 0, 7]
    assert resample.rows(blocks(4, 7), 10, 0).tolist() == [6, 7, 8, 9, 2, 3, 4, 5, 2, 3]


def test_counts_tell_the_same_as_rows() -> None:
    for how in (pairs(), blocks(5)):
        many = resample.counts_of(how, 37, np.array([0, 4, 9]))
        for at, replicate in enumerate((0, 4, 9)):
            drawn = resample.rows(how, 37, replicate)
            assert many[at].tolist() == np.bincount(drawn, minlength=37).tolist()
            assert many[at].sum() == 37


def test_draws_are_uniform() -> None:
    drawn = np.concatenate([resample.rows(pairs(), 20, replicate) for replicate in range(2000)])
    share = np.bincount(drawn, minlength=20) / len(drawn)
    assert abs(share - 0.05).max() < 5 * np.sqrt(0.05 * 0.95 / len(drawn))


@pytest.mark.parametrize("how", [pairs(), blocks(3)])
def test_an_empty_slice_has_an_empty_draw(how: Resample) -> None:
    assert resample.rows(how, 0, 0).tolist() == []
