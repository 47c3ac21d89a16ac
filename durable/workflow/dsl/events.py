"""CloudEvents in definitions: what to emit, what to listen to, and how events belong together."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Tag, model_validator

from durable.workflow.dsl.base import DslModel, Expression, OpenModel, text_or_object, told_apart_by
from durable.workflow.dsl.texts import TimeOrExpression, UriOrExpression


class EventProperties(OpenModel):
    """Attributes of a CloudEvent; extension attributes are further members."""

    nullable: ClassVar[frozenset[str]] = frozenset({"data"})
    id: str | None = None
    source: UriOrExpression | None = None
    type: str | None = None
    time: TimeOrExpression | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: UriOrExpression | None = None
    data: Any = None


class EmittedProperties(EventProperties):
    """The attributes of an event to emit: it needs a source and a type."""

    source: UriOrExpression
    type: str


class WantedProperties(EventProperties):
    """Attributes that an event must have to be taken; at least one."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.model_fields_set or self.model_extra):
            raise ValueError("an event filter needs at least one attribute")
        return self


class Correlation(OpenModel):
    """A value taken from an event, and what it must be; without `expect` what the first event has."""

    from_: Expression
    expect: str | None = None


class EventFilter(DslModel):
    """Which events are taken, and which of them belong together."""

    with_: WantedProperties
    correlate: dict[str, Correlation] | None = None


class AllEvents(DslModel):
    """One event for each filter."""

    tag: ClassVar[str] = "by:all"
    all: list[EventFilter]


class OneEvent(DslModel):
    """The first event that the filter takes."""

    tag: ClassVar[str] = "by:one"
    one: EventFilter


class AnyEvent(DslModel):
    """An event that any of the filters takes; no filter takes every event."""

    tag: ClassVar[str] = "by:any"
    any: list[EventFilter]


_STRATEGY = told_apart_by("all", "any", "one", what="a choice of events")
UntilEvents = Annotated[
    Annotated[AllEvents, Tag("by:all")] | Annotated[AnyEvent, Tag("by:any")] | Annotated[OneEvent, Tag("by:one")],
    _STRATEGY,
]
Until = Annotated[
    Annotated[UntilEvents, Tag("as:object")] | Annotated[Expression, Tag("as:text")],
    text_or_object("until"),
]


class AnyEvents(AnyEvent):
    """Events that any of the filters takes: one, or all `until` a condition holds or other events came."""

    until: Until | None = None


EventConsumption = Annotated[
    Annotated[AllEvents, Tag("by:all")] | Annotated[AnyEvents, Tag("by:any")] | Annotated[OneEvent, Tag("by:one")],
    _STRATEGY,
]
"""Which events a listener takes."""
