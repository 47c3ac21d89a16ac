"""What a choice of events must also hold: its expressions compile, its patterns are ones, it is not too long."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from durable.workflow.dsl.events import AnyEvents, EventConsumption, EventFilter
from durable.workflow.dsl.mistakes import Mistake, pointer
from durable.workflow.dsl.texts import is_runtime_expression
from durable.workflow.dsl.walk import Path
from durable.workflow.eventing.filters import is_pattern, pattern_schema
from durable.workflow.eventing.gathering import MAX_FILTERS, filters_of
from durable.workflow.expressions import Evaluator, expressions_in, program_of, reads_clock

Expression = Callable[[str | None, Path], Iterator[Mistake]]
"""Checks one expression at its place."""


@dataclass(frozen=True)
class EventChecks:
    """Checks of event filters. `expression` knows what the expressions of this place may see."""

    evaluator: Evaluator
    expression: Expression

    def consumption(self, to: EventConsumption, path: Path) -> Iterator[Mistake]:
        """Every mistake in a choice of events."""
        if len(filters_of(to)) > MAX_FILTERS:
            yield Mistake(pointer(*path), f"at most {MAX_FILTERS} event filters are listened to at once")
        yield from self._strategy(to, path)
        if isinstance(to, AnyEvents) and to.until is not None:
            if isinstance(to.until, str):
                yield from self.expression(to.until, (*path, "until"))
            else:
                yield from self._strategy(to.until, (*path, "until"))

    def _strategy(self, to: object, path: Path) -> Iterator[Mistake]:
        for key in ("one", "any", "all"):
            found = getattr(to, key, None)
            if isinstance(found, EventFilter):
                yield from self._filter(found, (*path, key))
            for index, item in enumerate(found if isinstance(found, list) else ()):
                yield from self._filter(item, (*path, key, index))

    def _filter(self, item: EventFilter, path: Path) -> Iterator[Mistake]:
        for name, value in item.with_.model_dump(mode="json", by_alias=True, exclude_unset=True).items():
            here = (*path, "with", name)
            for text in expressions_in(value):
                yield from self.expression(text, here)
            if name == "data" and isinstance(value, str) and is_runtime_expression(value):
                yield from self._timeless(value, here)
            elif name != "data" and isinstance(value, str) and is_pattern(value):
                yield from self._pattern(value, here)
        for name, link in (item.correlate or {}).items():
            here = (*path, "correlate", name)
            yield from self.expression(link.from_, (*here, "from"))
            yield from self._timeless(link.from_, (*here, "from"))
            if link.expect is not None and is_runtime_expression(link.expect):
                yield from self.expression(link.expect, (*here, "expect"))

    def _pattern(self, text: str, path: Path) -> Iterator[Mistake]:
        try:
            self.evaluator.check_schema(pattern_schema(text))
            self.evaluator.violations(pattern_schema(text), "")
        except ValueError:
            yield Mistake(pointer(*path), f"not a usable regular expression: {text[:200]}")

    def _timeless(self, text: str, path: Path) -> Iterator[Mistake]:
        """What is evaluated on an event has no clock: it must give the same wherever and whenever that is."""
        if reads_clock(program_of(text)):
            yield Mistake(pointer(*path), "not supported: now in an expression on an event", "not-supported")
