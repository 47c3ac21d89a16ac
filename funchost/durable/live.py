"""Extended sessions: an orchestrator's generator kept between turns and fed the new events only.

The unchanged SDK allows it: `handle.orchestrator_function` is the user's code, and TaskOrchestrationExecutor keeps all
that a replay builds up in itself and its context, so `process_event` goes on where the last turn ended. The engine puts
a `LiveOrchestration` into `current_live` around an invocation; whoever calls the function must have wrapped it with
`keeping`, else the holder stays empty and every turn is a replay.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any

_ANY_START = {"EventType": 12, "EventId": -1, "IsPlayed": False, "Timestamp": "2026-01-01T00:00:00Z"}


class LiveOrchestration:
    """Holds one orchestration's executor; empty before the first turn and after the last."""

    __slots__ = ("_executor",)

    def __init__(self) -> None:
        self._executor: Any = None

    @property
    def is_alive(self) -> bool:
        """Whether the next turn can be fed."""
        return self._executor is not None

    def run(self, handle: Callable[..., Any], body: str) -> Any:
        """Run a turn: `body` is the replay argument for an empty holder, else the JSON array of new events.

        Returns and raises what the SDK's own function does.
        """
        executor, self._executor = self._executor, None
        if executor is None:
            executor, state = _begin(handle, body)
        else:
            state = _feed(executor, body)
        if not executor.has_execution_completed:
            self._executor = executor
        return state


current_live: ContextVar[LiveOrchestration | None] = ContextVar("current_live", default=None)
"""The orchestration whose turn is being invoked; None: replay from the start."""


def keeping(handle: Callable[..., Any]) -> Callable[..., Any]:
    """The SDK's orchestrator function, able to go on from the last turn; anything else as it is."""
    if not hasattr(handle, "orchestrator_function"):
        return handle

    @functools.wraps(handle)
    def step(*arguments: Any, **named: Any) -> Any:
        live = current_live.get()
        if live is None:
            return handle(*arguments, **named)
        context = arguments[0] if arguments else next(iter(named.values()))
        return live.run(handle, context.body)

    return step


def _begin(handle: Callable[..., Any], body: str) -> tuple[Any, Any]:
    """What Orchestrator.create's `handle` does, with the executor kept."""
    context = _context(body)
    context._input_expected_type = getattr(handle, "_df_input_type", None)
    executor = copy.copy(_new_executor())
    executor.initialize()
    return executor, executor.execute(context, context.histories, handle.orchestrator_function)  # type: ignore[attr-defined]


def _context(body: str) -> Any:
    """DurableOrchestrationContext.from_json, but for the history: one event is left for it to parse, not all."""
    from azure.durable_functions.models import DurableOrchestrationContext

    fields = json.loads(body)
    history = [_event(item) for item in fields["history"]]
    context: Any = DurableOrchestrationContext(**{**fields, "history": [_ANY_START]})
    context._histories = history
    context.decision_started_event = next(e for e in history if e.event_type == _ANY_START["EventType"])
    context._current_utc_datetime = context.decision_started_event.timestamp
    context._version = context._extract_version_from_history(history)
    return context


@functools.cache
def _new_executor() -> Any:
    """One to copy: making one makes a class."""
    from azure.durable_functions.models.TaskOrchestrationExecutor import TaskOrchestrationExecutor

    return TaskOrchestrationExecutor()  # type: ignore[no-untyped-call]


def _feed(executor: Any, body: str) -> Any:
    for item in json.loads(body):
        event = _event(item)
        executor.context.histories.append(event)
        executor.process_event(event)
        if executor.has_execution_completed:
            break
    return executor.get_orchestrator_state_str()


def _event(item: dict[str, Any]) -> Any:
    """The SDK's HistoryEvent(**item), made from a pattern: its parsing of the time is most of what a fed turn costs."""
    event = copy.copy(_pattern())
    event._event_type, event._event_id = item.pop("EventType"), item.pop("EventId")
    event._is_played = item.pop("IsPlayed")
    event._timestamp = datetime.fromisoformat(item.pop("Timestamp")).replace(tzinfo=_pattern().timestamp.tzinfo)
    event.__dict__.update(item)
    return event


@functools.cache
def _pattern() -> Any:
    from azure.durable_functions.models.history import HistoryEvent

    make: Any = HistoryEvent
    return make(EventType=0, EventId=0, IsPlayed=False, Timestamp="2026-01-01T00:00:00Z")
