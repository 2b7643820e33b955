"""The `where` expression: which rows are kept.

The language is pandas query syntax. The common part of it (comparisons, chains of them, `in`,
`and`, `or`, `not`, `&`, `|`, `~`, arithmetic with + - * / **, numbers, text, ISO dates,
`isna()`, `notna()`) is evaluated here on Arrow columns with the same result, so that the usual
file never imports pandas; everything else is handed to pandas itself. Missing values compare as
in pandas: always false, `!=` true.
"""

from __future__ import annotations

import ast
import io
import keyword
import operator
import re
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelrun import arrays
from modelrun.errors import UserMistake
from modelrun.nearest import suggestion

FIELD = "spec.data.where"
Mask = npt.NDArray[np.bool_]

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?")
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_TEXT_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


class _OutsideTheSubset(Exception):
    """This expression is for pandas."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A text column, which stays in Arrow."""

    values: pa.Array


@dataclass(frozen=True, slots=True)
class Where:
    """A `where` expression, read."""

    text: str
    columns: tuple[str, ...]
    """The columns of the data that it names."""

    _tree: ast.expr | None
    _quoted: dict[str, str]

    def mask(self, table: pa.Table) -> Mask:
        """Return True for the rows to keep, shape (n,).

        Raises:
            UserMistake: The expression cannot be evaluated on these columns.
        """
        if self._tree is not None:
            try:
                with np.errstate(all="ignore"):
                    value = _Evaluation(table, self._quoted).value(self._tree)
                if isinstance(value, np.ndarray) and value.dtype == np.bool_:
                    return value
            except (_OutsideTheSubset, TypeError, ValueError, pa.ArrowInvalid):
                pass
        return _by_pandas(self.text, table)

    @property
    def compiled(self) -> bool:
        """Whether the expression may do without pandas; its column types decide in the end."""
        return self._tree is not None


def parse(text: str, known: Sequence[str]) -> Where:
    """Read a `where` expression.

    Args:
        text: The expression.
        known: The columns of the data.

    Raises:
        UserMistake: It is no expression, or names a column that is not there.
    """
    prepared, quoted = _prepare(text)
    try:
        tree: ast.expr | None = ast.parse(prepared, mode="eval").body
    except SyntaxError as error:
        raise _not_a_query(text, error.msg) from None
    assert tree is not None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id.startswith("__local_"):
            raise UserMistake(
                f"where: {text!r} uses @{node.id[8:]}, but a file has no Python variables; "
                "write the value itself.",
                field=FIELD,
            )
    functions = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    used: dict[str, None] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or id(node) in functions:
            continue
        name = quoted.get(node.id, node.id)
        if name not in known:
            raise UserMistake(
                f"where: {text!r} names {name!r}, which is not a column of the data; "
                f"{suggestion(name, known)}",
                field=FIELD,
            )
        used[name] = None
    return Where(text=text, columns=tuple(used), _tree=tree, _quoted=quoted)


def _prepare(text: str) -> tuple[str, dict[str, str]]:
    """Turn pandas' own syntax into Python's: backticks, `&`, `|`, `@`."""
    quoted: dict[str, str] = {}

    def name_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name.isidentifier() and not keyword.iskeyword(name):
            return name
        stand_in = f"__quoted_{len(quoted)}"
        quoted[stand_in] = name
        return stand_in

    plain = re.sub(r"`([^`]+)`", name_of, text.strip())
    plain = re.sub(r"@(\w+)", r"__local_\1", plain)
    parts: list[str] = []
    try:
        row, end = 1, 0
        for token in tokenize.generate_tokens(io.StringIO(plain).readline):
            if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.NL):
                continue
            if token.start[0] == row:
                parts.append(" " * (token.start[1] - end))
            else:
                parts.append(" ")
            row, end = token.end
            written = {"&": " and ", "|": " or ", "~": " not "}.get(token.string, token.string)
            parts.append(written)
    except (tokenize.TokenError, IndentationError):
        return plain, quoted
    return "".join(parts).strip(), quoted


class _Evaluation:
    """Evaluates the common subset on the columns of one table."""

    def __init__(self, table: pa.Table, quoted: dict[str, str]) -> None:
        self._table = table
        self._quoted = quoted

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.BoolOp(op=op, values=values):
                masks = [self._flag(value) for value in values]
                combine = np.logical_and if isinstance(op, ast.And) else np.logical_or
                result = masks[0]
                for mask in masks[1:]:
                    result = combine(result, mask)
                return result
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(self._flag(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._number(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return _ARITHMETIC[type(op)](self._number(left), self._number(right))
            case ast.Compare():
                return self._comparison(node)
            case ast.Name(id=name):
                return self._column(self._quoted.get(name, name))
            case ast.Constant(value=value) if isinstance(value, (bool, int, float, str)):
                return value
            case ast.Call(func=ast.Attribute(value=inner, attr=method), args=[], keywords=[]):
                return self._missing(self.value(inner), method)
        raise _OutsideTheSubset

    def _flag(self, node: ast.expr) -> Mask:
        value = self.value(node)
        if not isinstance(value, np.ndarray) or value.dtype != np.bool_:
            raise _OutsideTheSubset
        return value

    def _number(self, node: ast.expr) -> Any:
        value = self.value(node)
        if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        raise _OutsideTheSubset

    def _column(self, name: str) -> Any:
        array = arrays.single(self._table.column(name))
        kind = array.type
        if pa.types.is_dictionary(kind):
            array = array.cast(kind.value_type)
            kind = array.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return _Text(array)
        if pa.types.is_boolean(kind):
            if array.null_count:
                raise _OutsideTheSubset
            return arrays.to_numpy(array)
        if pa.types.is_timestamp(kind) and kind.tz is None:
            moments = arrays.to_numpy(array)
            if array.null_count:
                nothing = np.array("NaT", dtype=moments.dtype)
                moments = np.where(arrays.missing_mask(array), nothing, moments)
            return moments
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            if array.null_count and pa.types.is_integer(kind):
                return arrays.floats(array)
            numbers = arrays.to_numpy(array)
            if array.null_count:
                return np.where(arrays.missing_mask(array), numbers.dtype.type(np.nan), numbers)
            return numbers
        raise _OutsideTheSubset

    def _missing(self, value: Any, method: str) -> Mask:
        if method not in ("isna", "isnull", "notna", "notnull"):
            raise _OutsideTheSubset
        if isinstance(value, _Text):
            absent = arrays.missing_mask(value.values)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "M":
            absent = np.isnat(value)
        elif isinstance(value, np.ndarray):
            absent = np.isnan(value) if value.dtype.kind == "f" else np.zeros(len(value), np.bool_)
        else:
            raise _OutsideTheSubset
        return absent if method in ("isna", "isnull") else ~absent

    def _comparison(self, node: ast.Compare) -> Mask:
        result: Mask | None = None
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            one = self._one_comparison(left, op, right)
            result = one if result is None else result & one
            left = right
        assert result is not None
        return result

    def _one_comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Mask:
        if isinstance(right, (ast.List, ast.Tuple)):
            if not isinstance(op, (ast.In, ast.NotIn, ast.Eq, ast.NotEq)):
                raise _OutsideTheSubset
            inside = self._membership(self.value(left), [self.value(item) for item in right.elts])
            return inside if isinstance(op, (ast.In, ast.Eq)) else ~inside
        if type(op) not in _COMPARE:
            raise _OutsideTheSubset
        one, other = self.value(left), self.value(right)
        if not isinstance(one, (np.ndarray, _Text)):
            return self._compare(other, _MIRRORED[type(op)], one)
        return self._compare(one, type(op), other)

    def _compare(self, column: Any, op: type[ast.cmpop], other: Any) -> Mask:
        if isinstance(column, _Text):
            if isinstance(other, str):
                against: Any = arrays.scalar(other)
            elif isinstance(other, _Text):
                against = other.values
            else:
                raise _OutsideTheSubset
            flags = pc.call_function(_TEXT_COMPARE[op], [column.values, against])
            return arrays.to_numpy(pc.fill_null(flags, arrays.scalar(op is ast.NotEq)))
        if not isinstance(column, np.ndarray):
            raise _OutsideTheSubset
        if column.dtype.kind == "M":
            if isinstance(other, str):
                other = _moment(other)
            elif not isinstance(other, np.ndarray) or other.dtype.kind != "M":
                raise _OutsideTheSubset
        elif isinstance(other, (str, _Text)) or (
            isinstance(other, np.ndarray) and other.dtype.kind == "M"
        ):
            raise _OutsideTheSubset
        result = _COMPARE[op](column, other)
        if not isinstance(result, np.ndarray):
            raise _OutsideTheSubset
        return result

    def _membership(self, column: Any, items: list[Any]) -> Mask:
        if isinstance(column, _Text) and all(isinstance(item, str) for item in items):
            found = pc.is_in(column.values, value_set=arrays.strings(items))
            return arrays.to_numpy(found)
        if not isinstance(column, np.ndarray):
            raise _OutsideTheSubset
        if column.dtype.kind == "M" and all(isinstance(item, str) for item in items):
            moments = [_moment(item) for item in items]
            return np.isin(column, np.array(moments, dtype="datetime64[ns]"))
        numbers = all(isinstance(item, (int, float)) for item in items)
        if column.dtype.kind in "iuf" and items and numbers:
            return np.isin(column, items)
        raise _OutsideTheSubset


def _moment(text: str) -> np.datetime64:
    if _ISO_DATE.fullmatch(text) is None:
        raise _OutsideTheSubset
    return np.datetime64(text.replace(" ", "T"))


def _by_pandas(text: str, table: pa.Table) -> Mask:
    frame = table.to_pandas()
    try:
        kept = frame.eval(text.strip(), engine="python", local_dict={}, global_dict={})
    except Exception as error:
        raise _not_a_query(text, f"{type(error).__name__}: {error}") from None
    dtype = str(getattr(kept, "dtype", type(kept).__name__))
    if dtype not in ("bool", "boolean") or len(kept) != table.num_rows:
        raise _not_a_query(text, f"it gives {dtype}, not true or false for each row")
    mask: Mask = kept.fillna(False).to_numpy(dtype=np.bool_)
    return mask


def _not_a_query(text: str, problem: str) -> UserMistake:
    return UserMistake(
        f"where: {text!r} cannot be evaluated as a pandas query: {problem}. Write it like "
        "\"date >= '1963-07-01' and group == 'value'\".",
        field=FIELD,
    )
