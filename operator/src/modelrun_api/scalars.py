"""What a plain YAML scalar means: the rules of kubectl, not those of PyYAML.

kubectl reads YAML 1.1 through sigs.k8s.io/yaml into JSON. Its resolver knows `y` and `on` as
booleans, `017` as octal and `1e-8` as a number, leaves dates and `1:30` as text, and hands every
number through JSON, where `1.0` becomes the integer 1. One table here, tested against kubectl, so
that a laptop and a cluster never read one file in two ways.
"""

from __future__ import annotations

import math
import re
from typing import Final

from modelrun_api.canonical import INT64_BOUND

__all__ = ["JsonScalar", "is_yaml_boolean_word", "read_scalar"]

JsonScalar = str | int | float | bool | None

_TRUE = ("y", "yes", "true", "on")
_FALSE = ("n", "no", "false", "off")
_NULL = ("null",)


def _spellings(words: tuple[str, ...]) -> set[str]:
    return {form for word in words for form in (word, word.capitalize(), word.upper())}


_WORDS: Final[dict[str, JsonScalar]] = {
    **dict.fromkeys(_spellings(_TRUE), True),
    **dict.fromkeys(_spellings(_FALSE), False),
    **dict.fromkeys(_spellings(_NULL), None),
    "": None,
    "~": None,
    ".nan": math.nan,
    ".NaN": math.nan,
    ".NAN": math.nan,
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: -math.inf for word in (".inf", ".Inf", ".INF")},
}

_UNQUOTED_BOOLEANS: Final = frozenset(_spellings(_TRUE + _FALSE)) - {*_spellings(("true", "false"))}

_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO](?P<oct>[0-7]+)"
    r"|0(?P<old>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_POINT_FLOAT: Final = re.compile(r"\.[0-9]+([eE][-+]?[0-9]+)?")
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "old": 8, "dec": 10}


def is_yaml_boolean_word(text: str) -> bool:
    """Say whether YAML 1.1 takes `text` for a boolean although it does not say true or false."""
    return text in _UNQUOTED_BOOLEANS


def read_scalar(text: str) -> JsonScalar:
    """Return what kubectl reads for the plain (unquoted) scalar `text`.

    Infinities and NaN come back as floats: kubectl knows them and then refuses them, and the
    caller can say where.
    """
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first == ".":
        return _through_json(text) if _POINT_FLOAT.fullmatch(text) else text
    if first not in "+-0123456789":
        return text
    digits = text.replace("_", "")
    if (match := _INTEGER.fullmatch(digits)) is not None:
        number = _integer(match)
        if -INT64_BOUND <= number < INT64_BOUND:
            return number
        if 0 < number < 2 * INT64_BOUND:
            return float(number)
    return _through_json(digits, text) if _FLOAT.fullmatch(digits) else text


def _integer(match: re.Match[str]) -> int:
    group = match.lastgroup
    assert group is not None
    value = int(match[group], _BASES[group])
    return -value if match["sign"] == "-" else value


def _through_json(digits: str, text: str | None = None) -> str | int | float:
    """Read a float and let it pass through JSON, as kubectl does."""
    number = float(digits)
    if math.isinf(number):
        # Out of the range of a double: Go's parser fails, and the scalar stays text.
        return digits if text is None else text
    if number.is_integer() and -INT64_BOUND <= number < INT64_BOUND:
        return int(number)
    return number
