"""Designs that are built once for the whole panel, where that is exact.

Exact means: every value depends on its own row alone, so that the rows of a slice are the design
of the slice. Numeric columns, arithmetic and elementwise functions are like that (a whitelist: what
is not known to be is built per slice); ranks, shifts, means and splines are not, nor are text and
booleans, whose columns depend on the levels that a slice holds.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelrun import arrays
from modelrun.plan.formula import Formula, NotPlain
from modelrun.plan.study import Design, DesignColumn

_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in [
        "abs",
        "absolute",
        "arctan",
        "cbrt",
        "ceil",
        "cos",
        "cosh",
        "exp",
        "exp2",
        "expm1",
        "fabs",
        "floor",
        "log",
        "log10",
        "log1p",
        "log2",
        "maximum",
        "minimum",
        "power",
        "rint",
        "sign",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "tan",
        "tanh",
        "where",
    ]
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.true_divide,
    ast.Pow: np.power,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_TAKEN = frozenset(("np", "numpy", "I", "Q", "abs"))


def build(formula: Formula, panel: pa.Table) -> Design:
    """Build the design of a plain formula for all rows.

    Args:
        formula: The formula, taken apart.
        panel: The sorted rows.

    Returns:
        The design; a row with a missing factor has NaN there, one with an infinite factor inf.

    Raises:
        NotPlain: A factor is not known to depend on its own row alone.
    """
    evaluation = Evaluation(panel)
    response = evaluation.column(formula.response, (formula.response,))
    for factor in formula.factors:
        evaluation.factor(factor)
    names = iter(formula.names)
    ones = [DesignColumn(next(names), None)] if formula.intercept else []
    terms = [evaluation.column(name, term) for name, term in zip(names, formula.terms, strict=True)]
    return Design(response, (*ones, *terms))


def _product(values: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    product = values[0]
    if len(values) == 1:
        return product
    with np.errstate(all="ignore"):
        for other in values[1:]:
            product = product * other
    # Zero times infinity is not a missing value: the row must stay and be refused.
    lost = np.isnan(product)
    if lost.any():
        for one in values:
            lost &= ~np.isnan(one)
        product[lost] = np.inf
    return product


class Evaluation:
    """Evaluates factors on the columns of the panel, each once."""

    def __init__(self, panel: pa.Table) -> None:
        self._panel = panel
        self._names = set(panel.column_names)
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self._factors: dict[str, npt.NDArray[np.float64]] = {}

    def column(self, name: str, factors: Sequence[str]) -> DesignColumn:
        """Return the product of factors as a column of a design.

        Raises:
            NotPlain: One of them is no number, or not known to depend on its own row alone.
        """
        values = np.ascontiguousarray(_product([self.factor(factor) for factor in factors]))
        first = factors[0]
        if values is self._columns.get(first) and self._panel.column(first).null_count == 0:
            return DesignColumn(name, values, source=first)
        return DesignColumn(name, values)

    def factor(self, code: str) -> npt.NDArray[np.float64]:
        """Return a numeric factor's values, shape (n,).

        Raises:
            NotPlain: It is not a number, or not known to depend on its own row alone.
        """
        if code not in self._factors:
            value = self.value(code)
            if value.dtype.kind == "b":
                raise NotPlain(f"{code} is true or false, which patsy treats as a category")
            self._factors[code] = value.astype(np.float64, copy=False)
        return self._factors[code]

    def is_number(self, code: str) -> bool:
        """Return whether an expression is a numeric factor."""
        try:
            self.factor(code)
        except NotPlain:
            return False
        return True

    def value(self, code: str) -> npt.NDArray[Any]:
        """Return the values of an expression, numbers or booleans, shape (n,).

        Raises:
            NotPlain: It is not known to depend on its own row alone.
        """
        try:
            tree = ast.parse(code, mode="eval").body
        except SyntaxError:
            raise NotPlain(f"{code} cannot be read") from None
        try:
            with np.errstate(all="ignore"):
                value = self._value(tree)
        except (TypeError, ValueError, OverflowError) as error:
            raise NotPlain(f"{code} cannot be computed: {error}") from None
        if not isinstance(value, np.ndarray) or value.shape != (self._panel.num_rows,):
            raise NotPlain(f"{code} is not a column")
        if value.dtype.kind not in "biuf":
            raise NotPlain(f"{code} is not a number")
        return value

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self._column(name)
            case ast.Constant(value=value) if type(value) in (int, float, bool):
                return value
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _BINARY[type(op)](self._value(left), self._value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return +self._value(operand)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return _COMPARE[type(op)](self._value(left), self._value(right))
            case ast.Call(func=function, args=arguments, keywords=[]):
                return self._call(function, arguments)
        raise NotPlain(f"{ast.unparse(node)} is not plain arithmetic")

    def _call(self, function: ast.expr, arguments: list[ast.expr]) -> Any:
        if self._names & _TAKEN:
            raise NotPlain("a column has the name of a function")
        match function, arguments:
            case ast.Name(id="I"), [inner]:
                return self._value(inner)
            case ast.Name(id="Q"), [ast.Constant(value=str(name))]:
                return self._column(name)
            case ast.Name(id="abs"), [inner]:
                return np.abs(self._value(inner))
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name), _ if (
                name in _ELEMENTWISE
            ):
                return _ELEMENTWISE[name](*(self._value(argument) for argument in arguments))
        raise NotPlain(f"{ast.unparse(function)}() may look at more than one row")

    def _column(self, name: str) -> npt.NDArray[Any]:
        if name not in self._names:
            raise NotPlain(f"{name} is not a column")
        if name not in self._columns:
            array = arrays.single(self._panel.column(name))
            kind = array.type
            if pa.types.is_boolean(kind) and array.null_count == 0:
                self._columns[name] = arrays.to_numpy(array)
            elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
                values = arrays.to_numpy(array)
                self._columns[name] = arrays.floats(array) if array.null_count else values
            elif pa.types.is_string(kind) or pa.types.is_dictionary(kind):
                raise NotPlain(f"{name} is text, so its columns depend on the values in a slice")
            else:
                raise NotPlain(f"{name} is of type {kind}, not a number")
        return self._columns[name]
