"""The base of the DSL's models: strict, closed, and keyed as the specification keys them."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, model_validator
from pydantic.alias_generators import to_camel


def dsl_key(field: str) -> str:
    """The DSL's key of a field: `if_` is `if`, `except_when` is `exceptWhen`."""
    return to_camel(field.rstrip("_"))


class DslModel(BaseModel):
    """A part of a definition.

    Strict: a number is not a string, an explicit null is not an absent key (except in `nullable` fields), an unknown
    key is a mistake. That is how the official JSON Schema reads.
    """

    nullable: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=dsl_key)

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_absent(cls, value: Any) -> Any:
        if isinstance(value, dict):
            known = {field.alias for field in cls.model_fields.values()} - cls.nullable
            nulls = sorted(key for key, item in value.items() if item is None and key in known)
            if nulls:
                raise ValueError(f"null is not allowed for {', '.join(nulls)}")
        return value


class OpenModel(DslModel):
    """A part of a definition that may have further members, which mean nothing to the runtime."""

    model_config = ConfigDict(extra="allow")


def _whole_number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_whole_number)]
"""A JSON Schema integer: 1.0 is one."""

Expression = str
"""A field whose whole text is an expression; `${ … }` around it may be left out, as the specification's examples do."""


def told_apart_by(*keys: str, what: str) -> Discriminator:
    """Tells the members of a union apart by which of the keys is there; the tags are `by:<key>`."""

    def tag(value: Any) -> str | None:
        if isinstance(value, dict):
            return next((f"by:{key}" for key in keys if key in value), None)
        return getattr(type(value), "tag", None)

    message = f"{what} has one of the keys {', '.join(keys)}"
    return Discriminator(tag, custom_error_type="key_missing", custom_error_message=message)


def text_or_object(what: str) -> Discriminator:
    """Tells a union of a text and an object apart; the tags are `as:text` and `as:object`."""

    def tag(value: Any) -> str | None:
        if isinstance(value, str):
            return "as:text"
        return "as:object" if isinstance(value, dict | BaseModel) else None

    message = f"{what} is a text or an object"
    return Discriminator(tag, custom_error_type="neither", custom_error_message=message)
