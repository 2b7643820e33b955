"""What stands under the fields of a document model, for the JSON schemas that people read.

pydantic would read the source of every model when it is imported, a tenth of a second that only
the makers of schemas have a use for. So the texts are looked up when a schema is made.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

__all__ = ["attribute_docs"]


@cache
def attribute_docs(model: type) -> dict[str, str]:
    """Return the docstring of each field of a class, inherited ones included, by its name."""
    found: dict[str, str] = {}
    for parent in reversed(model.__mro__):
        if parent.__module__.partition(".")[0] == model.__module__.partition(".")[0]:
            found |= _of_class(parent)
    return found


def _of_class(model: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text)
        for field, below in pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(text := below.value.value, str)
    }
