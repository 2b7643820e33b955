"""The base of every document model: camelCase outside, snake_case inside, frozen, nothing unknown.

What a person writes and what the API server stores are the same words, so all documents of the
contract share these settings. This module is not for values that never leave a process: those
are plain dataclasses.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError

from modelrun_api.attribute_docs import attribute_docs

RULES_KEY = "x-kubernetes-validations"
MEANING_KEY = "patternErrorMessage"
"""Says in words what a pattern allows; editors and our own messages show it."""


class Rule(NamedTuple):
    """A rule that the API server checks, in the Common Expression Language."""

    rule: str
    """The expression; `self` is the object."""

    message: str
    """What people read when it does not hold."""

    field_path: str | None = None
    """The field that the refusal points at, such as `.models`."""

    reason: str | None = None
    """The machine's word for the refusal, such as FieldValueForbidden."""


class Wire(BaseModel):
    """A document or a part of one."""

    rules: ClassVar[tuple[Rule, ...]] = ()
    """What the API server checks about the object as a whole. Every such rule has a validator of
    the same meaning in Python, so that a laptop refuses what the cluster refuses."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,  # a command builds the validators that it uses, not all of the contract
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        protected_namespaces=(),
    )

    def document(self) -> dict[str, Any]:
        """Return the JSON document: camelCase names, nothing that was left at its default None."""
        return self.model_dump(by_alias=True, mode="json", exclude_none=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add descriptions, and the rules, which the CRD generator finds there."""
        schema = handler(core_schema)
        resolved = handler.resolve_ref_schema(schema)
        fields = resolved.get("properties", {})
        texts = attribute_docs(cls)
        for name, info in cls.model_fields.items():
            if (key := info.alias or name) in fields and name in texts:
                said = handler.resolve_ref_schema(fields[key]).get("description")
                if said != texts[name]:
                    fields[key] = {"description": texts[name], **fields[key]}
        if cls.rules:
            resolved[RULES_KEY] = [
                {
                    key: value
                    for key, value in (
                        ("rule", rule.rule),
                        ("message", rule.message),
                        ("fieldPath", rule.field_path),
                        ("reason", rule.reason),
                    )
                    if value is not None
                }
                for rule in cls.rules
            ]
        return schema


def refused(message: str, *at: str | int) -> PydanticCustomError:
    """Return the error that a validator of a section raises.

    Args:
        message: what is wrong.
        *at: the place within the section, by the names of the document: ("models", 3, "name").
    """
    return PydanticCustomError("refused", "{message}", {"message": message, "at": at})


def exactly_one(*names: str) -> Rule:
    """Return the rule that exactly one of some members is given."""
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    members = ",".join(f"has(self.{name})" for name in names)
    return Rule(f"[{members}].exists_one(x,x)", f"give exactly one of {listed}")


def unchangeable(*names: str) -> tuple[Rule, ...]:
    """Return rules that members never change, appear or vanish after creation.

    They stand on the parent: a rule on the member itself sees neither its appearing nor its
    vanishing.
    """
    return tuple(
        Rule(
            f"has(self.{name}) == has(oldSelf.{name}) && "
            f"(!has(self.{name}) || self.{name} == oldSelf.{name})",
            f"{name} cannot change: create a run of another name, which reuses finished fits "
            "through results.reuseFrom",
            f".{name}",
            "FieldValueForbidden",
        )
        for name in names
    )


def check_exactly_one(section: Wire, *names: str) -> None:
    """Refuse a section in which not exactly one of some members is given."""
    fields = {info.alias or name: name for name, info in type(section).model_fields.items()}
    given = [name for name in names if getattr(section, fields[name]) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        message = f"{exactly_one(*names).message}; found {found}"
        raise refused(message, *given[1:2])


def words(pattern: str, meaning: str, **more: Any) -> Any:
    """Return a field of text with a pattern, and the words that say what it allows."""
    return Field(pattern=pattern, json_schema_extra={MEANING_KEY: meaning}, **more)


FreeMap = dict[str, Any]
"""Keywords that go through to somebody else's function, under that function's own names."""

Percent = r"^(100|[0-9]{1,2})(\.[0-9]{1,3})?%$"
"""A percentage as text, such as 5% or 0.1%."""

Share = Annotated[
    str, words(Percent, "a percentage with at most three decimals, such as 5% or 0.1%")
]

Decimal = Annotated[
    str,
    words(
        r"^[0-9]{1,9}(\.[0-9]{1,4})?$",
        'a decimal number as text, such as "4.08", with at most four decimals',
    ),
]
"""A decimal number as text: our own fields hold no floats."""

Currency = Annotated[str, words(r"^[A-Z]{3}$", "three capital letters, such as USD")]

NAME_PATTERN = r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"

Name = Annotated[
    str,
    words(
        NAME_PATTERN,
        "at most 40 lower-case letters, digits and hyphens, a letter first, no hyphen last",
        max_length=40,
    ),
]
"""A DNS-1035 label of at most 40 characters: it becomes part of Service names."""

ColumnName = Annotated[str, Field(min_length=1, max_length=128)]
"""The name of a column of the data."""


def whole_second(moment: datetime) -> datetime:
    """Return a time as Kubernetes keeps it: in UTC, without fractions of a second."""
    return moment.astimezone(UTC).replace(microsecond=0)


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(whole_second),
    PlainSerializer(
        lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"), return_type=str, when_used="json"
    ),
]
"""A time as Kubernetes writes it, in whole seconds of UTC."""
