"""What an orchestrator function is given at each turn of a chain (replay schema V3), without any engine."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson

from funchost.durable.events import EventType, format_time

Event = dict[str, Any]
IGNORED = frozenset({EventType.TASK_SCHEDULED, EventType.ORCHESTRATOR_COMPLETED})
"""Events of a chain that the SDK reads and does nothing with; the official extension sends them."""


def turns_of_chain(orchestrator: str, activity: str, results: Sequence[Any], *, lean: bool) -> list[str]:
    """The JSON of each turn: the first, then one after each result. `lean` leaves out what the SDK ignores."""
    return [_argument(orchestrator, activity, results[:done], lean=lean) for done in range(len(results) + 1)]


def _argument(orchestrator: str, activity: str, results: Sequence[Any], *, lean: bool) -> str:
    events = [
        event for event in _history(orchestrator, activity, results) if not lean or event["EventType"] not in IGNORED
    ]
    for number, event in enumerate(events):
        event["IsPlayed"] = number < len(events) - 2  # what is new in a turn: its start and one result
    turn = {
        "instanceId": uuid4().hex,
        "isReplaying": False,
        "parentInstanceId": None,
        "upperSchemaVersion": 2,
        "upperSchemaVersionNew": 3,
        "input": None,
        "history": events,
    }
    return orjson.dumps(turn).decode()


def _history(orchestrator: str, activity: str, results: Sequence[Any]) -> Iterator[Event]:
    now = datetime.now(UTC)
    yield _event(EventType.ORCHESTRATOR_STARTED, now)
    yield _event(EventType.EXECUTION_STARTED, now, Name=orchestrator, Version=None, Input=None)
    for number, result in enumerate(results):
        now += timedelta(milliseconds=5)
        yield {**_event(EventType.TASK_SCHEDULED, now, Name=activity, Version="", Input=None), "EventId": number}
        yield _event(EventType.ORCHESTRATOR_COMPLETED, now)
        yield _event(EventType.ORCHESTRATOR_STARTED, now)
        yield _event(EventType.TASK_COMPLETED, now, TaskScheduledId=number, Result=orjson.dumps(result).decode())


def _event(kind: EventType, now: datetime, **fields: Any) -> Event:
    return {"EventType": int(kind), "EventId": -1, "Timestamp": format_time(now), **fields}
