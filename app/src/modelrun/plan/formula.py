"""Formulas as text: the names in them, and the terms of those that are plain enough.

A formula whose factors are plain arithmetic on numeric columns has a design that can be built
once for the whole panel: each value depends on its own row alone. Such formulas are taken apart
here into terms, in the order and under the names that patsy gives them; patsy itself is imported
only for others. Evaluating is for `modelrun.plan.design`.
"""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modelrun.errors import UserMistake
from modelrun.nearest import suggestion

_OF_PATSY = frozenset(
    [
        "C",
        "I",
        "Q",
        "bs",
        "cr",
        "cc",
        "te",
        "center",
        "standardize",
        "scale",
        "Treatment",
        "Sum",
        "Poly",
        "Diff",
        "Helmert",
        "np",
        "numpy",
    ]
)
_SPACED = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "%",
        "&",
        "^",
        "|",
        "<",
        ">",
        "==",
        "!=",
        "<=",
        ">=",
        "<<",
        ">>",
        "**",
        "//",
    ]
)
_OPERATORS = frozenset(["+", "-", "*", "/", "**", ":", "~", ")"])
_WORDS = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)

Factor = str
Term = tuple[Factor, ...]


class NotPlain(Exception):
    """Why a formula's design is not built once; the message completes `because ...`."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A plain formula: one response, terms of numeric factors."""

    response: Factor
    intercept: bool
    terms: tuple[Term, ...]
    """Without the intercept, in patsy's order."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the design's columns."""
        first = ("Intercept",) if self.intercept else ()
        return (*first, *(":".join(term) for term in self.terms))

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Return every factor of the right side once."""
        return tuple(dict.fromkeys(factor for term in self.terms for factor in term))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: int
    text: str


def names(text: str, known: Sequence[str], *, model: str, field: str) -> set[str]:
    """Return the columns that a formula names.

    Raises:
        UserMistake: It cannot be read, or names something that is neither a column nor a function
            that formulas know.
    """
    columns = set(known)
    try:
        tokens = list(_tokens(text))
    except (tokenize.TokenError, SyntaxError) as error:
        raise unreadable(text, model, _trouble(error), field) from None
    used: set[str] = set()
    depth = 0
    for at, token in enumerate(tokens):
        before = tokens[at - 1].text if at else ""
        after = tokens[at + 1].text if at + 1 < len(tokens) else ""
        depth += (token.text in "([{") - (token.text in ")]}")
        if token.kind == tokenize.STRING:
            if before == "(" and at >= 2 and tokens[at - 2].text == "Q":
                quoted = _unquoted(token.text)
                if quoted not in columns:
                    raise _no_column(text, model, quoted, known, field)
                used.add(quoted)
            continue
        if token.kind != tokenize.NAME or keyword.iskeyword(token.text):
            continue
        if before == ".":
            if at >= 2 and tokens[at - 2].text == "np" and "np" not in columns:
                _check_numpy(text, model, token.text, field)
            continue
        if depth and after == "=":
            continue
        if token.text in columns:
            used.add(token.text)
        elif token.text in _OF_PATSY or hasattr(builtins, token.text):
            continue
        elif after == "(":
            raise UserMistake(
                f"model {model!r}: the formula {text!r} calls {token.text}(), which formulas do "
                "not know; use np.log and the like, C(), I(), Q(), bs(), or compute a column "
                "before.",
                field=field,
            )
        else:
            raise _no_column(text, model, token.text, known, field)
    return used


def plain(text: str) -> Formula:
    """Take a plain formula apart.

    Raises:
        NotPlain: It has syntax that only patsy reads; it may be wrong as well.
    """
    try:
        tokens = list(_tokens(text))
    except (tokenize.TokenError, SyntaxError):
        raise NotPlain("it cannot be read") from None
    sides = _split(tokens)
    left = _Parser(sides[0]).side()
    right = _Parser(sides[1]).side()
    if left.intercept is not None or len(left.terms) != 1 or len(left.terms[0]) != 1:
        raise NotPlain("its left side is not one column or expression")
    return Formula(left.terms[0][0], right.intercept is not False, tuple(right.terms))


def check(text: str, *, model: str, field: str) -> None:
    """Let patsy judge a formula that is not plain.

    Raises:
        UserMistake: patsy cannot read it.
    """
    from patsy import ModelDesc, PatsyError

    try:
        described = ModelDesc.from_formula(text)
    except (PatsyError, SyntaxError, tokenize.TokenError) as error:
        raise unreadable(text, model, _trouble(error), field) from None
    if not described.lhs_termlist:
        raise unreadable(text, model, "it has no response: nothing stands before ~", field)


def _trouble(error: Exception) -> str:
    """Return what a reader of formulas complains about."""
    if isinstance(error, tokenize.TokenError):
        return "a bracket or a quote is not closed"
    return str(error.args[0] if error.args else error).splitlines()[0]


def unreadable(text: str, model: str, problem: str, field: str) -> UserMistake:
    """Return the mistake of a formula that does not parse."""
    return UserMistake(
        f"model {model!r}: the formula {text!r} does not parse: {problem}. Write it like "
        "'y ~ x1 + x2'; functions as in np.log(x), arithmetic inside I().",
        field=field,
    )


def _check_numpy(text: str, model: str, name: str, field: str) -> None:
    if not hasattr(np, name):
        raise UserMistake(
            f"model {model!r}: the formula {text!r} names np.{name}, which numpy does not have; "
            f"{suggestion(name, ('abs', 'exp', 'expm1', 'log', 'log1p', 'log2', 'log10', 'sqrt'))}",
            field=field,
        )


def _no_column(text: str, model: str, name: str, known: Sequence[str], field: str) -> UserMistake:
    return UserMistake(
        f"model {model!r}: the formula {text!r} names {name!r}, which is not a column of the "
        f"data; {suggestion(name, known)}",
        field=field,
    )


def _tokens(text: str) -> Iterator[_Token]:
    source = text.replace("\n", " ").strip()
    skipped = (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.ERRORTOKEN):
            raise SyntaxError(f"{token.string.strip() or 'a sign'} has no place in a formula")
        if token.type not in skipped:
            yield _Token(token.type, token.string)


def _split(tokens: list[_Token]) -> tuple[list[_Token], list[_Token]]:
    at = [place for place, token in enumerate(tokens) if token.text == "~"]
    if len(at) != 1 or at[0] == 0:
        raise NotPlain("it is not of the form 'response ~ terms'")
    return tokens[: at[0]], tokens[at[0] + 1 :]


@dataclass(slots=True)
class _Side:
    """Terms so far; the intercept is None until something says otherwise."""

    terms: list[Term]
    intercept: bool | None = None


class _Parser:
    """Reads one side of a formula: sums of interactions of factors."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def side(self) -> _Side:
        found = self._sum()
        if self._at != len(self._tokens):
            raise NotPlain(f"it contains {self._peek()!r}")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> _Token:
        if self._at >= len(self._tokens):
            raise NotPlain("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _sum(self) -> _Side:
        total = _Side([])
        sign = self._take().text if self._peek() in ("+", "-") else "+"
        while True:
            _add(total, self._product(), sign)
            if self._peek() not in ("+", "-"):
                return total
            sign = self._take().text

    def _product(self) -> _Side:
        left = self._interaction()
        while self._peek() == "*":
            self._take()
            right = self._interaction()
            _only_terms(left, right)
            crossed = _crossed(left.terms, right.terms)
            left = _Side(_unique([*left.terms, *right.terms, *crossed]))
        if self._peek() in ("/", "**"):
            raise NotPlain(f"it nests or raises terms with {self._peek()}")
        return left

    def _interaction(self) -> _Side:
        left = self._atom()
        while self._peek() == ":":
            self._take()
            right = self._atom()
            _only_terms(left, right)
            left = _Side(_unique(_crossed(left.terms, right.terms)))
        return left

    def _atom(self) -> _Side:
        if self._peek() == "(":
            self._take()
            inner = self._sum()
            if self._take().text != ")":
                raise NotPlain("a bracket is not closed")
            _only_terms(inner)
            return inner
        if self._peek() in _OPERATORS:
            raise NotPlain(f"{self._peek()} stands where a term should")
        factor = self._factor()
        if factor in ("0", "1"):
            return _Side([], factor == "1")
        return _Side([(factor,)])

    def _factor(self) -> Factor:
        """Read one Python expression and write it as patsy names it."""
        taken: list[_Token] = []
        depth = 0
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if depth == 0 and token.text in _OPERATORS:
                break
            depth += (token.text in "([{") - (token.text in ")]}")
            taken.append(self._take())
        if depth or not taken:
            raise NotPlain("a bracket is not closed")
        return _spelled(taken)


def _add(total: _Side, part: _Side, sign: str) -> None:
    if part.intercept is not None:
        total.intercept = part.intercept == (sign == "+")
        return
    if sign == "+":
        total.terms = _unique([*total.terms, *part.terms])
    else:
        gone = {frozenset(term) for term in part.terms}
        total.terms = [term for term in total.terms if frozenset(term) not in gone]


def _only_terms(*sides: _Side) -> None:
    if any(side.intercept is not None for side in sides):
        raise NotPlain("0 or 1 stands inside an interaction or a bracket")


def _crossed(left: list[Term], right: list[Term]) -> list[Term]:
    return [tuple(dict.fromkeys((*one, *other))) for one in left for other in right]


def _unique(terms: list[Term]) -> list[Term]:
    """Return each term once; the order of factors makes no difference."""
    first: dict[frozenset[Factor], Term] = {}
    for term in terms:
        first.setdefault(frozenset(term), term)
    return list(first.values())


def _spelled(tokens: list[_Token]) -> str:
    """Write an expression with the spaces that patsy gives it."""
    text = ""
    after_word = wants_space = after_value = after_opening = False
    for token in tokens:
        if token.kind in _WORDS:
            text += (" " if wants_space or after_word else "") + token.text
            after_word, wants_space, after_value = True, False, True
        else:
            spaced = token.text in _SPACED
            if token.text in "+-" and not after_value:
                spaced = False
            if token.text in ("*", "**") and after_opening:
                spaced = False
            text += (" " if wants_space or spaced else "") + token.text
            wants_space = spaced or token.text in (",", ":")
            after_word, after_value = False, token.text == ")"
        after_opening = token.text in ("(", ",")
    return text


def _unquoted(text: str) -> str:
    import ast

    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text
