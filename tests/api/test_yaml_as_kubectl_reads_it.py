"""The laptop and the API server must see one document; kubectl is the judge where it is there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun_api.loader import load_document
from modelrun_api.scalars import read_scalar

HEAD = "apiVersion: modelrun.dev/v1alpha1\nkind: ModelRun\nmetadata: {name: a}\nspec:\n"

SCALARS = [
    # words
    ("y", True),
    ("Y", True),
    ("yes", True),
    ("Yes", True),
    ("YES", True),
    ("yEs", "yEs"),
    ("on", True),
    ("On", True),
    ("ON", True),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("tRue", "tRue"),
    ("n", False),
    ("N", False),
    ("no", False),
    ("off", False),
    ("Off", False),
    ("false", False),
    ("FALSE", False),
    ("nil", "nil"),
    ("none", "none"),
    ("nan", "nan"),
    ("inf", "inf"),
    # whole numbers
    ("0", 0),
    ("-0", 0),
    ("+7", 7),
    ("017", 15),
    ("-017", -15),
    ("08", 8),
    ("0o17", 15),
    ("0O17", 15),
    ("0o8", "0o8"),
    ("0x1F", 31),
    ("-0x1f", -31),
    ("0b101", 5),
    ("-0b11", -3),
    ("0x", "0x"),
    ("1_000", 1000),
    ("1__0", 10),
    ("_1", "_1"),
    ("9223372036854775807", 9223372036854775807),
    ("-9223372036854775808", -9223372036854775808),
    ("9223372036854775808", 9.223372036854775808e18),
    ("18446744073709551615", 1.8446744073709552e19),
    ("18446744073709551616", 1.8446744073709552e19),
    ("1 000", "1 000"),
    # numbers with a point or an exponent
    ("1.0", 1),
    ("-1.0", -1),
    ("1.5", 1.5),
    ("1.", 1),
    (".5", 0.5),
    ("-.5", -0.5),
    ("+.5", 0.5),
    ("._5", "._5"),
    (".", "."),
    ("1_0.5", 10.5),
    ("1e-8", 1e-8),
    ("1E-8", 1e-8),
    ("1e6", 1000000),
    ("1.5e3", 1500),
    ("1e18", 1000000000000000000),
    ("1e20", 1e20),
    ("1e21", 1e21),
    ("1e999", "1e999"),
    ("-1e999", "-1e999"),
    ("1e-999", 0),
    ("-0.0", 0),
    ("0.1", 0.1),
    ("1e", "1e"),
    ("1e5x", "1e5x"),
    ("1.2.3", "1.2.3"),
    ("0x1p-2", "0x1p-2"),
    # what other readers take for dates and times
    ("2020-01-01", "2020-01-01"),
    ("2020-01-01T10:00:00Z", "2020-01-01T10:00:00Z"),
    ("1:30", "1:30"),
    ("190:20:30", "190:20:30"),
    # what only looks special
    ("=", "="),
    ("5%", "5%"),
    ("0.1%", "0.1%"),
    ("5Y", "5Y"),
    ("s3://bucket/key", "s3://bucket/key"),
    ("a b", "a b"),
    ("decay:fit", "decay:fit"),
    ('"y"', "y"),
    ("'1e-8'", "1e-8"),
    ('"017"', "017"),
    ("'~'", "~"),
    ('"a\\tb"', "a\tb"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_a_scalar_means_what_the_table_says(text, expected):
    read = load_document(HEAD + f"  x: {text}\n").value["spec"]["x"]
    assert read == expected
    assert type(read) is type(expected)


def test_kubectl_agrees_with_the_whole_table(read_by_kubectl):
    lines = "".join(f"  k{i}: {text}\n" for i, (text, _) in enumerate(SCALARS))
    spec = json.loads(read_by_kubectl(HEAD + lines))["spec"]
    for i, (text, expected) in enumerate(SCALARS):
        seen = spec[f"k{i}"]
        if isinstance(expected, float):
            # kubectl prints a whole double without a point; it is a double to the API server.
            seen = float(seen)
        assert (seen, type(seen)) == (expected, type(expected)), text


SHAPES = [
    "  a: &one {x: 1, z: 2}\n  b: {<<: *one, x: 3}\n",
    "  a: {<<: [{x: 1}, {x: 2, z: 3}]}\n",
    "  a: |\n    line one\n    line two\n  b: >-\n    folded\n    text\n",
    "  a: [1, [2, {b: c}], 'd']\n  b:\n  - x\n  - y: 1\n".replace("y:", "yy:"),
    "  a: &t text\n  b: *t\n",
    "  'quoted key': 1\n  2020-01-01: 2\n  \"1\": 3\n",
    "  a: {}\n  b: []\n  c: ''\n",
    "  a: \"\\u00e9\\n\"\n  b: é # comment\n  c: 'it''s'\n",
    "  a: - b\n".replace("- b", '"- b"'),
    "  formula: excess ~ mkt + C(group):x # comment\n",
]


@pytest.mark.parametrize("lines", SHAPES)
def test_kubectl_agrees_on_anchors_blocks_and_quotes(lines, read_by_kubectl):
    assert load_document(HEAD + lines).value == json.loads(read_by_kubectl(HEAD + lines))


def test_kubectl_agrees_on_every_example(read_by_kubectl):
    from pathlib import Path

    examples = sorted((Path(__file__).parents[2] / "app/examples").glob("*.yaml"))
    assert examples
    for example in examples:
        text = example.read_text()
        assert load_document(text).value == json.loads(read_by_kubectl(text)), example.name


@given(st.from_regex(r"[-+]?[0-9_.]{1,6}([eE][-+]?[0-9]{1,3})?", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_every_number_is_what_json_would_make_of_it(text):
    value = read_scalar(text)
    if isinstance(value, float):
        assert not value.is_integer() or abs(value) >= 2**63
    assert isinstance(value, (str, int, float))
    if not isinstance(value, str):
        assert read_scalar(text) == value
        assert json.loads(json.dumps(value)) == value


@given(st.text(alphabet="ynotfehaslYNOTFEHASL~.inf-+", max_size=5))
def test_a_word_is_text_unless_the_table_of_words_has_it(text):
    value = read_scalar(text)
    if isinstance(value, str):
        assert value == text
