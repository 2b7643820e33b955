"""Equal documents have equal bytes; what JSON cannot hold is refused with its place."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrun_api import NotCanonicalError, canonical_bytes

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


def shuffled(value):
    if isinstance(value, dict):
        items = [(key, shuffled(item)) for key, item in value.items()]
        random.Random(0).shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [shuffled(item) for item in value]
    return value


@given(VALUES.filter(lambda value: "\\ud" not in json.dumps(value)))
def test_the_order_of_members_does_not_change_the_bytes(value):
    assert canonical_bytes(value) == canonical_bytes(shuffled(value))


@given(VALUES.filter(lambda value: "\\ud" not in json.dumps(value)))
def test_reading_the_bytes_and_writing_them_again_changes_nothing(value):
    try:
        written = canonical_bytes(value)
    except NotCanonicalError:
        return  # an integer that no double can hold
    assert canonical_bytes(json.loads(written)) == written


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [1.0, True, None]}, b'{"a":[1,true,null],"b":1}'),
        (1e-8, b"1e-08"),
        (0.1, b"0.1"),
        (-0.0, b"0"),
        (2**63, b"9.223372036854776e+18"),
        ("é\n", '"é\\n"'.encode()),
        ((1, 2), b"[1,2]"),
    ],
)
def test_numbers_are_written_as_the_api_server_keeps_them(value, expected):
    assert canonical_bytes(value) == expected


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"spec": {"models": [{"init": {"a": math.nan}}]}}, ("spec", "models", 0, "init", "a")),
        ([math.inf], (0,)),
        ({"a": {1: 2}}, ("a",)),
        ({"a": object()}, ("a",)),
        ({"a": {2, 3}}, ("a",)),
        (10**400, ()),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value, path):
    with pytest.raises(NotCanonicalError) as refusal:
        canonical_bytes(value)
    assert refusal.value.path == path
