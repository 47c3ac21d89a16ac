"""The specification's errors: problem details whose `instance` points at the task; and what carries one."""

from typing import Any, Literal

from chassis.models import Contract

ErrorKind = Literal[
    "configuration",
    "validation",
    "expression",
    "authentication",
    "authorization",
    "timeout",
    "communication",
    "runtime",
]
STANDARD = "https://serverlessworkflow.io/spec/1.0.0/errors/"
FORMER = "https://serverlessworkflow.io/dsl/errors/types/"
"""The standard types' former address, which the specification's conformance kit still catches errors by."""


class SpecError(Contract):
    """An error as expressions and callers see it.

    `problem` holds further members of what another service reported, such as the rows that were refused.
    """

    type: str
    status: int
    title: str | None = None
    detail: str | None = None
    instance: str | None = None
    problem: dict[str, Any] | None = None

    def at(self, reference: str) -> "SpecError":
        """The same error with its place, unless it has one."""
        return self if self.instance is not None else self.model_copy(update={"instance": reference})

    def as_json(self) -> dict[str, Any]:
        """Its JSON form, absent members left out."""
        return self.model_dump(mode="json", exclude_none=True)


class Fault(Exception):
    """A task raised an error. `frames` say where: from there the instance can be tried again."""

    def __init__(self, error: SpecError, frames: list[dict[str, Any]] | None = None) -> None:
        super().__init__(error.title or error.type)
        self.error = error
        self.frames = frames


class Cancelled(Exception):
    """The instance, or the branch of a fork, is to stop where it is."""


def spec_error(kind: ErrorKind, status: int, title: str, detail: str, **members: Any) -> SpecError:
    """An error of one of the specification's standard types."""
    return SpecError(type=STANDARD + kind, status=status, title=title, detail=detail, **members)


def standard_type(type: str) -> str:
    """The type, a standard one under its present address."""
    return STANDARD + type.removeprefix(FORMER) if type.startswith(FORMER) else type
