"""Errors to raise and to catch, and when a failed block is tried again."""

from typing import Annotated, Any, Self

from pydantic import Tag, model_validator

from durable.workflow.dsl.base import DslModel, Expression, Integer, OpenModel, text_or_object
from durable.workflow.dsl.durations import Duration
from durable.workflow.dsl.texts import PointerOrExpression, UriOrExpression


class ErrorDefinition(DslModel):
    """An error to raise (RFC 9457 members)."""

    type: UriOrExpression
    status: Integer
    instance: PointerOrExpression | None = None
    title: str | None = None
    detail: str | None = None


ErrorOrName = Annotated[
    Annotated[ErrorDefinition, Tag("as:object")] | Annotated[str, Tag("as:text")],
    text_or_object("an error"),
]
"""An error, or the name of one in `use.errors`."""


class ErrorFilter(OpenModel):
    """Static values that an error must have to be caught; further members compare the error's own extensions."""

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
    """Limits of the attempts: how many retries, and how long each attempt may take."""

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


RetryOrName = Annotated[
    Annotated[RetryPolicy, Tag("as:object")] | Annotated[str, Tag("as:text")],
    text_or_object("a retry policy"),
]
"""A retry policy, or the name of one in `use.retries`."""
