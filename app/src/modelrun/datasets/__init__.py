"""Where rows come from: files anywhere, a mounted volume, and data that come with packages.

`schema` tells names and types without reading rows, `read` reads only the columns asked for and
applies `where`. What happens to the rows afterwards is for `modelrun.plan`.
"""

from __future__ import annotations

from modelrun.datasets.bundled import Description, describe, names
from modelrun.datasets.source import ROW, read, schema, settle

__all__ = ["ROW", "Description", "catalog", "describe", "names", "read", "schema", "settle"]


def catalog() -> tuple[Description, ...]:
    """Describe all bundled sets."""
    return tuple(describe(name) for name in names())
