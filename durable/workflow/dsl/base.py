"""The base of the DSL's models: strict, closed, and keyed as the specification keys them."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

RUNTIME_EXPRESSION = re.compile(r"\A\s*\$\{.+\}\s*\Z")
URI_TEMPLATE = re.compile(r"\A[A-Za-z][A-Za-z0-9+\-.]*://.*\Z")


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


def is_runtime_expression(text: str) -> bool:
    """Whether the text is a strict runtime expression: `${ … }`."""
    return RUNTIME_EXPRESSION.match(text) is not None


def _whole_number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _uri_or_expression(text: str) -> str:
    if is_runtime_expression(text) or URI_TEMPLATE.match(text):
        return text
    raise ValueError("must be a URI (scheme://…) or a runtime expression ${ … }")


Integer = Annotated[int, BeforeValidator(_whole_number)]
"""A JSON Schema integer: 1.0 is one."""

UriOrExpression = Annotated[str, AfterValidator(_uri_or_expression)]
Expression = str
"""A field whose whole text is an expression; `${ … }` around it may be left out, as the specification's examples do."""
