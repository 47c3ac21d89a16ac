"""What a stream is: its fields, key, event time, windows, query, triggers and sink, as a caller puts it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from chassis.models import Contract, example
from functions.processing.schemas import SchemaReference

StreamName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]{0,62}$")]
FIELD_NAME = re.compile(r"^([A-Za-z]|_[A-Za-z0-9])[A-Za-z0-9_]{0,60}$")
FieldName = Annotated[str, Field(pattern=FIELD_NAME.pattern)]
FieldKind = Literal["string", "integer", "number", "boolean", "timestamp"]
Seconds = Annotated[float, Field(ge=0.001, le=31 * 86_400)]
Tolerance = Annotated[float, Field(ge=0, le=31 * 86_400)]

MAX_OVERLAP = 200
"""Most windows that one message may lie in: each costs a row of every micro-batch."""


class Tumbling(Contract):
    """Windows one after the other, aligned to the epoch."""

    type: Literal["tumbling"]
    size_s: Seconds


class Sliding(Contract):
    """Windows of `size_s` that begin every `every_s`, aligned to the epoch."""

    type: Literal["sliding"]
    size_s: Seconds
    every_s: Seconds

    @model_validator(mode="after")
    def _overlap_is_bounded(self) -> Self:
        if self.every_s > self.size_s:
            raise ValueError("everySeconds is greater than the size: messages between two windows would be lost")
        if self.size_s / self.every_s > MAX_OVERLAP:
            raise ValueError(f"a message would lie in more than {MAX_OVERLAP} windows")
        return self


class Session(Contract):
    """Windows of one key's messages with less than `gap_s` between each and the next."""

    type: Literal["session"]
    gap_s: Seconds


Window = Annotated[Tumbling | Sliding | Session, Field(discriminator="type")]


class Trigger(Contract):
    """When a window's result is given: when the watermark passes its end, and early every so many seconds.

    The early result of a session is the session as far as it is known; its bounds may grow until it is closed.
    """

    early_every_s: Seconds | None = None


Fields = Annotated[dict[FieldName, FieldKind], Field(min_length=1, max_length=200)]


def _form_of(value: Any) -> str:
    if isinstance(value, SchemaReference):
        return "reference"
    named = isinstance(value, Mapping) and "name" in value and value.keys() <= {"name", "version"}
    return "reference" if named and value.get("version") not in get_args(FieldKind) else "fields"


class _Stream(Contract):
    """What a stream is, but for its fields.

    `query` is one SELECT of aggregates over `input`, without GROUP BY: it runs per window and key. Every message's
    data is an object with the fields of `schema`; those in `required` (and the event time and key) must be there.
    The watermark of a partition is its latest event time less `watermark_delay_s`; a window's result is given when
    the watermark passes its end, again for what comes within `allowed_lateness_s`, and what comes later goes to the
    late messages. A partition where nothing comes for `idle_after_s` goes on by the clock (None: never). A message
    whose event time is more than `max_ahead_s` ahead of the clock is refused: it would make all others late.
    `deduplicate_s` is how long, in event time, ids are remembered after they can't be counted any more.
    """

    key: FieldName | None = None
    event_time: FieldName
    required: tuple[FieldName, ...] = Field(default=(), max_length=200)
    window: Window
    query: Annotated[str, Field(min_length=1, max_length=20_000)]
    watermark_delay_s: Tolerance = 0
    allowed_lateness_s: Tolerance = 0
    idle_after_s: Seconds | None = 60
    max_ahead_s: Tolerance = 3600
    deduplicate_s: Tolerance = 600
    trigger: Trigger = Trigger()
    sink: Literal["table", "event", "dataset"] = "table"

    @property
    def has_many_panes(self) -> bool:
        """Whether a window may be given more than once, each time in place of the time before."""
        is_refined = self.allowed_lateness_s > 0 and not isinstance(self.window, Session)
        return self.trigger.early_every_s is not None or is_refined

    @property
    def has_early_sessions(self) -> bool:
        """Whether a result may have other bounds than an earlier one of the same window, and take its place."""
        return self.trigger.early_every_s is not None and isinstance(self.window, Session)


class StreamRequest(_Stream):
    """A stream, as `PUT /processing/streams/{name}` takes it: `schema` names a schema of metadata, or has the fields.

    A schema with the one field `name` could not hold an event time: that is the name of a schema.
    """

    model_config = example(
        key="carrier",
        eventTime="time",
        schema={"carrier": "string", "time": "timestamp", "delay": "number"},
        window={"type": "tumbling", "sizeS": 60},
        query="SELECT COUNT(*) AS flights, AVG(delay) AS meanDelay FROM input",
        watermarkDelayS=30,
    )

    schema_: Annotated[
        Annotated[SchemaReference, Tag("reference")] | Annotated[Fields, Tag("fields")], Discriminator(_form_of)
    ] = Field(alias="schema")


class StreamDefinition(_Stream):
    """A stream whose fields are known; so it is stored.

    `reference` is the schema of metadata that it was put with, `asked_version` the version that was named, and
    `document` the schema itself, by which every message is checked.
    """

    schema_: Fields = Field(alias="schema")
    reference: SchemaReference | None = None
    asked_version: int | Literal["latest"] | None = None
    document: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _names_are_fields(self) -> Self:
        for name in (self.event_time, *([self.key] if self.key else []), *self.required):
            if name not in self.schema_:
                raise ValueError(f"'{name}' is not a field of the schema")
        if len({name.casefold() for name in self.schema_}) < len(self.schema_):
            raise ValueError("two fields differ by case only, which SQL does not tell apart")
        if self.schema_[self.event_time] not in {"timestamp", "integer"}:
            raise ValueError("the event time is a timestamp, or an integer of milliseconds since the epoch")
        if self.key is not None and self.schema_[self.key] not in {"string", "integer", "boolean"}:
            raise ValueError("a key is a string, an integer or a boolean: other values have more than one spelling")
        return self
