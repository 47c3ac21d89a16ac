"""Event filters, resolved: what an event must have to be taken. Pure, but for the evaluator that is passed in.

`with` names attributes. A text is what the attribute must equal, or a regular expression that all of it must match; an
expression is evaluated once, on the listening task's input, and gives the text to equal. `data` is different: an
expression there is evaluated on the event's data and is a condition when it gives a boolean, what the data must equal
otherwise; any other value is compared with the data, member by member where it is an object.
`correlate.<name>.from` is evaluated on the whole event, `expect` once on the task's input.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from chassis.models import Contract
from durable.workflow.dsl.events import EventFilter
from durable.workflow.dsl.texts import is_runtime_expression
from durable.workflow.eventing.cloudevents import Envelope, attribute_text
from durable.workflow.expressions import Evaluator, ExpressionError, mentioned, program_of

_PATTERN = re.compile(r"[\\^$*+?()\[\]{}|]")
Fill = Callable[[Any], Any]
"""Replaces the expressions of a template, on the listening task's input."""


class Correlate(Contract):
    """A value to take from an event, by a jq program; `expect` is what it must be, as text, None when it is open."""

    name: str
    program: str
    expect: str | None = None


class EventTest(Contract):
    """A filter without anything left to resolve. `arguments` are what its programs mention."""

    equal: dict[str, str] = {}
    match: dict[str, str] = {}
    condition: str | None = None
    data: Any = None
    has_data: bool = False
    correlate: tuple[Correlate, ...] = ()
    arguments: dict[str, Any] = {}

    @property
    def type(self) -> str | None:
        """The one type that an event must have; None when several may do."""
        return self.equal.get("type")


def resolve(filter: EventFilter, fill: Fill, arguments: Mapping[str, Any]) -> EventTest:
    """The filter with its expressions evaluated, except those on the event. Raises what `fill` raises."""
    wanted = filter.with_.model_dump(mode="json", by_alias=True, exclude_unset=True)
    has_data = "data" in wanted
    data = wanted.pop("data", None)
    condition = program_of(data) if isinstance(data, str) and is_runtime_expression(data) else None
    patterns = {name for name, value in wanted.items() if isinstance(value, str) and is_pattern(value)}
    texts = {name: attribute_text(fill(value)) for name, value in wanted.items()}
    correlate = tuple(
        Correlate(
            name=name,
            program=program_of(item.from_),
            expect=None if item.expect is None else attribute_text(fill(item.expect)),
        )
        for name, item in (filter.correlate or {}).items()
    )
    programs = [item.program for item in correlate] + ([condition] if condition else [])
    return EventTest(
        equal={name: text for name, text in texts.items() if name not in patterns},
        match={name: text for name, text in texts.items() if name in patterns},
        condition=condition,
        data=None if condition else fill(data),
        has_data=has_data and condition is None,
        correlate=correlate,
        arguments={name: value for program in programs for name, value in mentioned(program, arguments).items()},
    )


def takes(evaluator: Evaluator, test: EventTest, event: Envelope) -> bool:
    """Whether the event passes the test. A program that fails on this event does not take it."""
    if not all(name in event and attribute_text(event[name]) == text for name, text in test.equal.items()):
        return False
    if not all(name in event and _matches(evaluator, event[name], text) for name, text in test.match.items()):
        return False
    try:
        return _data_fits(evaluator, test, event) and all(
            item.expect is None or correlation_value(evaluator, test, item, event) == item.expect
            for item in test.correlate
        )
    except ExpressionError:
        return False


def correlation_value(evaluator: Evaluator, test: EventTest, item: Correlate, event: Envelope) -> str | None:
    """The value as text; None when the event has none. Raises ExpressionError."""
    found = evaluator.evaluate(item.program, event, mentioned(item.program, test.arguments))
    return None if found is None else attribute_text(found)


def is_pattern(text: str) -> bool:
    """Whether a text of a filter may be a regular expression: it has a character that means something in one.

    A dot and a hyphen alone do not count: every event type has them. Nor is a runtime expression one.
    """
    return _PATTERN.search(text) is not None and not is_runtime_expression(text)


def pattern_schema(pattern: str) -> dict[str, Any]:
    """A JSON Schema that all of a text must match; its engine takes linear time."""
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def _matches(evaluator: Evaluator, value: Any, pattern: str) -> bool:
    text = attribute_text(value)
    return text == pattern or not evaluator.violations(pattern_schema(pattern), text)


def _data_fits(evaluator: Evaluator, test: EventTest, event: Envelope) -> bool:
    if test.condition is not None:
        found = evaluator.evaluate(test.condition, event.get("data"), mentioned(test.condition, test.arguments))
        return found if isinstance(found, bool) else found is not None and found == event.get("data")
    return not test.has_data or _within(test.data, event.get("data"))


def _within(wanted: Any, data: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(data, dict) and all(
            name in data and _within(item, data[name]) for name, item in wanted.items()
        )
    return bool(wanted == data)
