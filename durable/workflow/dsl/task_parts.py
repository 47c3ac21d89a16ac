"""What stands under the keys of single tasks: what is emitted, gone through, listened to, raised, chosen, caught."""

from typing import Literal

from durable.workflow.dsl.base import DslModel, Expression, OpenModel
from durable.workflow.dsl.events import EmittedProperties, EventConsumption
from durable.workflow.dsl.failures import ErrorFilter, ErrorOrName


class EmitDefinition(OpenModel):
    """The event to emit."""

    with_: EmittedProperties | None = None


class Emit(DslModel):
    """What to emit."""

    event: EmitDefinition


class ForEach(DslModel):
    """What to go through, and under which names the item and its index are seen."""

    each: str = "item"
    in_: Expression
    at: str = "index"


class Listen(DslModel):
    """What to listen to, and what of each event is the output: its data, or the whole of it."""

    to: EventConsumption
    read: Literal["data", "envelope", "raw"] = "data"


class Raise(DslModel):
    """The error to raise, or the name of one in `use.errors`."""

    error: ErrorOrName


class SwitchCase(DslModel):
    """Where to go when the condition holds; without a condition it is the default."""

    when: Expression | None = None
    then: str


class CatchErrors(OpenModel):
    """Which errors to catch, by static values."""

    with_: ErrorFilter | None = None
