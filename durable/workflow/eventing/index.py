"""Where a subscription is found: by the event's type and, where values are known in advance, by those.

A test whose correlations are known (`expect`), or that names a subject, has a *shape*: the programs and attributes
that are to be looked at, and a key of their values. An event's key under each shape of its type leads to the few
subscriptions that can want it, however many there are. A test without such values has the empty shape.
"""

import hashlib
import json
from typing import Any

from chassis.models import Contract
from durable.workflow.eventing.cloudevents import Envelope, attribute_text
from durable.workflow.eventing.filters import EventTest
from durable.workflow.expressions import Evaluator, ExpressionError

ANY_TYPE = "any"
NO_SHAPE = "-"


class Shape(Contract):
    """What is looked at in an event, in order: a context attribute's name, or a jq program on the whole event."""

    attributes: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The shape's name in keys of rows."""
        return _digest([self.attributes, self.programs]) if self.attributes or self.programs else NO_SHAPE


class Place(Contract):
    """Where the row of a test lies: type, shape and value, each as a part of its key."""

    type_key: str
    shape: Shape
    value_key: str

    @property
    def prefix(self) -> str:
        """The beginning of the keys of all rows at this place."""
        return f"s!{self.type_key}!{self.shape.key}!{self.value_key}!"


def type_key(type: str | None) -> str:
    """An event type, or every type, as a part of a key."""
    return ANY_TYPE if type is None else _digest(type)


def place_of(test: EventTest) -> Place:
    """Where the test's subscription is stored."""
    known = sorted(
        (item.program, item.expect) for item in test.correlate if item.expect is not None and "$" not in item.program
    )
    subject = [test.equal["subject"]] if "subject" in test.equal else []
    shape = Shape(attributes=("subject",) if subject else (), programs=tuple(program for program, _ in known))
    values = subject + [str(expect) for _, expect in known]
    return Place(type_key=type_key(test.type), shape=shape, value_key=_value_key(shape, values))


def places_for(evaluator: Evaluator, event: Envelope, shapes: dict[str, list[Shape]]) -> list[str]:
    """The prefixes under which subscriptions that can want the event lie; `shapes` by type key."""
    found = []
    for key, known in shapes.items():
        for shape in known:
            values = _values(evaluator, shape, event)
            if values is not None:
                found.append(Place(type_key=key, shape=shape, value_key=_value_key(shape, values)).prefix)
    return found


def _values(evaluator: Evaluator, shape: Shape, event: Envelope) -> list[str] | None:
    """None when the event lacks one of them: then no subscription of this shape can want it."""
    try:
        found: list[Any] = [event.get(name) for name in shape.attributes]
        found += [evaluator.evaluate(program, event, {}) for program in shape.programs]
    except ExpressionError:
        return None
    return None if any(value is None for value in found) else [attribute_text(value) for value in found]


def _value_key(shape: Shape, values: list[Any]) -> str:
    return NO_SHAPE if shape.key == NO_SHAPE else _digest(values)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()[:20]
