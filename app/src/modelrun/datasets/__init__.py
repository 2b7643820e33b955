"""Where rows come from: files anywhere, a mounted volume, and data that come with packages.

`schema` tells names and types without reading rows, `read` reads only the columns asked for and
applies `where`; `in_file` leaves rows that are too many for memory where they are. What happens to
the rows afterwards is for `modelrun.plan`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelrun.datasets.bundled import Description, describe, names
    from modelrun.datasets.source import ROW, in_file, read, schema

__all__ = ["ROW", "Description", "catalog", "describe", "in_file", "names", "read", "schema"]


def catalog() -> tuple[Description, ...]:
    """Describe all bundled sets."""
    from modelrun.datasets import bundled

    return tuple(bundled.describe(name) for name in bundled.names())


def __getattr__(name: str) -> Any:
    """Import the public names when they are first asked for: reading ahead needs none of them."""
    if name in {"Description", "describe", "names"}:
        from modelrun.datasets import bundled

        return getattr(bundled, name)
    if name in {"ROW", "in_file", "read", "schema"}:
        from modelrun.datasets import source

        return getattr(source, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {__all__}")
