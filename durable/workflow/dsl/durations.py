"""Durations and what may time out."""

from typing import Annotated, Self

from pydantic import Tag, model_validator

from durable.workflow.dsl.base import DslModel, Integer, text_or_object
from durable.workflow.dsl.texts import DurationText


class DurationInline(DslModel):
    """A duration by its parts; at least one is given."""

    days: Integer | None = None
    hours: Integer | None = None
    minutes: Integer | None = None
    seconds: Integer | None = None
    milliseconds: Integer | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a duration needs at least one of days, hours, minutes, seconds, milliseconds")
        return self


Duration = Annotated[
    Annotated[DurationInline, Tag("as:object")] | Annotated[DurationText, Tag("as:text")],
    text_or_object("a duration"),
]


class Timeout(DslModel):
    """How long something may take."""

    after: Duration


TimeoutOrName = Annotated[
    Annotated[Timeout, Tag("as:object")] | Annotated[str, Tag("as:text")],
    text_or_object("a timeout"),
]
"""A timeout, or the name of one in `use.timeouts`."""
