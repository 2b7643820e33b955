"""The base of every document model: camelCase outside, snake_case inside, frozen, nothing unknown.

What a person writes and what the API server stores are the same words, so all documents of the
contract share these settings. This module is not for values that never leave a process: those
are plain dataclasses.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """A document or a part of one."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        protected_namespaces=(),
        use_attribute_docstrings=True,
    )

    def document(self) -> dict[str, Any]:
        """Return the JSON document: camelCase names, nothing that was left at its default None."""
        return self.model_dump(by_alias=True, mode="json", exclude_none=True)


FreeMap = dict[str, Any]
"""Keywords that go through to somebody else's function, under that function's own names."""

Percent = r"^(100|[0-9]{1,2})(\.[0-9]{1,3})?%$"
"""A percentage as text, such as 5% or 0.1%."""

Name = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", max_length=40)]
"""A DNS-1035 label of at most 40 characters: it becomes part of Service names."""

ColumnName = Annotated[str, Field(min_length=1, max_length=128)]
"""The name of a column of the data."""
