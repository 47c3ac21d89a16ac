"""What goes into tasks and workflows and what comes out: schemas, input, output, export."""

from typing import Any, ClassVar, Self

from pydantic import model_validator

from durable.workflow.dsl.base import DslModel
from durable.workflow.dsl.resources import ExternalResource


class Schema(DslModel):
    """A schema, inline (`document`) or elsewhere (`resource`)."""

    nullable: ClassVar[frozenset[str]] = frozenset({"document"})
    format: str = "json"
    document: Any = None
    resource: ExternalResource | None = None

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
