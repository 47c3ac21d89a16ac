"""The parts that tasks and documents are made of: durations, errors, retries, schemas, data flow, events."""

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, model_validator

from durable.workflow.dsl.base import DslModel, Expression, Integer, UriOrExpression, is_runtime_expression

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
ISO_DURATION = re.compile(
    rf"\AP(?!\Z)(?:({_NUMBER})Y)?(?:({_NUMBER})M)?(?:({_NUMBER})W)?(?:({_NUMBER})D)?"
    rf"(?:T(?=[0-9])(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?\Z"
)
_RFC3339 = re.compile(r"\A\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z")


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


def _duration_text(text: str) -> str:
    if is_runtime_expression(text) or ISO_DURATION.match(text):
        return text
    raise ValueError("must be an ISO 8601 duration or a runtime expression ${ … }")


Duration = DurationInline | Annotated[str, AfterValidator(_duration_text)]


def _pointer_or_expression(text: str) -> str:
    if not text or text.startswith("/") or is_runtime_expression(text):
        return text
    raise ValueError("must be a JSON Pointer or a runtime expression ${ … }")


class ErrorDefinition(DslModel):
    """An error to raise (RFC 9457 members)."""

    type: UriOrExpression
    status: Integer
    instance: Annotated[str, AfterValidator(_pointer_or_expression)] | None = None
    title: str | None = None
    detail: str | None = None


class ErrorFilter(DslModel):
    """Static values that an error must have to be caught; further members compare the error's own extensions."""

    model_config = ConfigDict(extra="allow")
    type: str | None = None
    status: Integer | None = None
    instance: str | None = None
    title: str | None = None
    details: str | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("an error filter needs at least one member")
        return self


class Backoff(DslModel):
    """How the delay grows; exactly one of the three."""

    constant: dict[str, Any] | None = None
    exponential: dict[str, Any] | None = None
    linear: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("a backoff is exactly one of constant, exponential, linear")
        return self


class AttemptLimit(DslModel):
    """Limits of the attempts: how many retries, and how long each may take."""

    count: Integer | None = None
    duration: Duration | None = None


class RetryLimit(DslModel):
    """When to stop retrying: by attempts, or by the time since the first one."""

    attempt: AttemptLimit | None = None
    duration: Duration | None = None


class Jitter(DslModel):
    """The range of what is added to each delay."""

    from_: Duration
    to: Duration


class RetryPolicy(DslModel):
    """Whether, how often and after what delay a failed block is tried again."""

    when: Expression | None = None
    except_when: Expression | None = None
    delay: Duration | None = None
    backoff: Backoff | None = None
    limit: RetryLimit | None = None
    jitter: Jitter | None = None


class Schema(DslModel):
    """A JSON Schema, inline (`document`) or elsewhere (`resource`)."""

    nullable: ClassVar[frozenset[str]] = frozenset({"document"})
    format: str = "json"
    document: Any = None
    resource: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _inline_or_external(self) -> Self:
        if ("document" in self.model_fields_set) == ("resource" in self.model_fields_set):
            raise ValueError("a schema is either a document or a resource")
        return self


class Input(DslModel):
    """What a task or workflow takes: the schema of its raw input, and what is made of it."""

    schema_: Schema | None = None
    from_: str | dict[str, Any] | None = None


class Output(DslModel):
    """What a task or workflow gives: what is made of its raw output, and the schema of that."""

    schema_: Schema | None = None
    as_: str | dict[str, Any] | None = None


class Export(DslModel):
    """What becomes the workflow's context."""

    schema_: Schema | None = None
    as_: str | dict[str, Any] | None = None


class Timeout(DslModel):
    """How long something may take."""

    after: Duration


def _time_or_expression(text: str) -> str:
    if _RFC3339.match(text) or is_runtime_expression(text):
        return text
    raise ValueError("must be an RFC 3339 time or a runtime expression ${ … }")


class EventProperties(DslModel):
    """The attributes of a CloudEvent to emit; extension attributes are further members."""

    model_config = ConfigDict(extra="allow")
    nullable: ClassVar[frozenset[str]] = frozenset({"data"})
    id: str | None = None
    source: UriOrExpression
    type: str
    time: Annotated[str, AfterValidator(_time_or_expression)] | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: UriOrExpression | None = None
    data: Any = None
