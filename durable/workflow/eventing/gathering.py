"""Which of the events that come are consumed, and when there are enough: the strategies one, any, all and until.

A fold without any I/O: the same events in the same order give the same result in every replay.
"""

from dataclasses import dataclass, field
from typing import Literal

from durable.workflow.dsl.events import AllEvents, AnyEvents, EventConsumption, EventFilter, OneEvent, UntilEvents
from durable.workflow.eventing.cloudevents import Envelope
from durable.workflow.eventing.filters import EventTest, correlation_value, takes
from durable.workflow.expressions import Evaluator, ExpressionError

Verdict = Literal["taken", "ends", "ignored"]
EVERY_EVENT = EventTest()
"""What an empty `any` listens to."""

MAX_FILTERS = 20


def filters_of(to: EventConsumption) -> list[EventFilter]:
    """The filters of a strategy and then those that end it, in order."""
    until = to.until if isinstance(to, AnyEvents) and not isinstance(to.until, str) else None
    return _filters(to) + (_filters(until) if until is not None else [])


def takes_first_only(to: EventConsumption) -> bool:
    """Whether the first event that fits is all that is waited for."""
    return isinstance(to, OneEvent) or (isinstance(to, AnyEvents) and to.until is None)


def _filters(to: EventConsumption | UntilEvents) -> list[EventFilter]:
    return [to.one] if isinstance(to, OneEvent) else list(to.all if isinstance(to, AllEvents) else to.any)


@dataclass
class Gathering:
    """What has come so far for one listener. `tests` are the resolved filters in the order of `filters_of`."""

    to: EventConsumption
    tests: list[EventTest]
    evaluator: Evaluator
    keys: dict[str, str] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)
    enough: bool = False

    def __post_init__(self) -> None:
        """A strategy that asks for all of nothing has enough from the start."""
        own = range(self._own)
        self.enough = isinstance(self.to, AllEvents) and not own
        until = self._until
        if isinstance(until, AllEvents) and not until.all:
            self.enough = True

    def offer(self, event: Envelope) -> Verdict:
        """Take an event, end with it, or leave it. An event that can end the listening is used for nothing else."""
        if self._until is not None and (number := self._fitting(event, range(self._own, len(self.tests)))) is not None:
            self._bind(number, event)
            self.met.add(number)
            self.enough = not isinstance(self._until, AllEvents) or self.met >= set(range(self._own, len(self.tests)))
            return "ends"
        wanted = range(self._own)
        number = self._fitting(event, [n for n in wanted if not (isinstance(self.to, AllEvents) and n in self.met)])
        if number is None:
            return "ignored"
        self._bind(number, event)
        self.met.add(number)
        if isinstance(self.to, AllEvents):
            self.enough = self.met >= set(wanted)
        else:
            self.enough = takes_first_only(self.to)
        return "taken"

    @property
    def _until(self) -> UntilEvents | None:
        return self.to.until if isinstance(self.to, AnyEvents) and not isinstance(self.to.until, str) else None

    @property
    def _own(self) -> int:
        """How many of the tests are the strategy's own."""
        until = self._until
        return len(self.tests) - (_tests_of(until) if until is not None else 0)

    def _fitting(self, event: Envelope, numbers: "range | list[int]") -> int | None:
        return next((n for n in numbers if self._fits(self.tests[n], event)), None)

    def _fits(self, test: EventTest, event: Envelope) -> bool:
        if not takes(self.evaluator, test, event):
            return False
        try:
            return all(
                (value := correlation_value(self.evaluator, test, item, event)) is not None
                and (item.expect is not None or self.keys.get(item.name, value) == value)
                for item in test.correlate
            )
        except ExpressionError:
            return False

    def _bind(self, number: int, event: Envelope) -> None:
        test = self.tests[number]
        for item in test.correlate:
            self.keys[item.name] = str(correlation_value(self.evaluator, test, item, event))


def _tests_of(to: EventConsumption | UntilEvents) -> int:
    """A strategy without filters has the one test that every event passes, except `all`, which has none."""
    return len(_filters(to)) or (0 if isinstance(to, AllEvents) else 1)


def tests_for(to: EventConsumption, resolved: list[EventTest]) -> list[EventTest]:
    """The resolved filters, with the test of every event where an empty `any` stands for it."""
    until = to.until if isinstance(to, AnyEvents) and not isinstance(to.until, str) else None
    own = len(_filters(to))
    mine, ending = resolved[:own], resolved[own:]
    if not mine and not isinstance(to, AllEvents):
        mine = [EVERY_EVENT]
    if until is not None and not ending and not isinstance(until, AllEvents):
        ending = [EVERY_EVENT]
    return mine + ending
