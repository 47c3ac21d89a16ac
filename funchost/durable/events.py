"""History events: what happened to an orchestration, in the vocabulary of the replay protocol.

Names, numbers and fields are those that azure-functions-durable reads (models/history). Fields that start with
`_` are the engine's own notes; they are stored and never sent to a function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import orjson


class EventType(IntEnum):
    """The kinds of history event, numbered as on the wire."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_FAILED = 2
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_CREATED = 7
    SUB_ORCHESTRATION_COMPLETED = 8
    SUB_ORCHESTRATION_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC_EVENT = 17
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


# What TaskOrchestrationExecutor.process_event does nothing with. Parsing an event's time is most of the price of a
# replay, so these are left out of what it gets; the stored history has them.
_NOT_REPLAYED = frozenset(
    {
        EventType.TASK_SCHEDULED,
        EventType.SUB_ORCHESTRATION_CREATED,
        EventType.TIMER_CREATED,
        EventType.ORCHESTRATOR_COMPLETED,
        EventType.GENERIC_EVENT,
        EventType.EXECUTION_SUSPENDED,
        EventType.EXECUTION_RESUMED,
    }
)


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One thing that happened; `event_id` is the sequence number of scheduled work and -1 otherwise."""

    type: EventType
    timestamp: str
    event_id: int = -1
    fields: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """The field `name`, or None."""
        return self.fields.get(name)

    def to_json(self) -> bytes:
        """The stored form: one JSON object, notes included."""
        return orjson.dumps(self._object(dict(self.fields)))

    def to_wire(self, *, played: bool) -> bytes:
        """The form that an orchestrator function reads: without notes, with IsPlayed."""
        shown = {key: value for key, value in self.fields.items() if not key.startswith("_")}
        return orjson.dumps(self._object(shown) | {"IsPlayed": played})

    def _object(self, fields: dict[str, Any]) -> dict[str, Any]:
        head = {"EventType": int(self.type), "EventId": self.event_id, "Timestamp": self.timestamp}
        return head | fields

    @classmethod
    def from_object(cls, stored: dict[str, Any]) -> HistoryEvent:
        """Read the parsed stored form; consumes the dict."""
        kind = EventType(stored.pop("EventType"))
        return cls(kind, stored.pop("Timestamp"), stored.pop("EventId"), stored)


def encode_replay(events: Iterable[HistoryEvent], *, played: bool) -> bytes:
    """The events that a replay reads, in wire form, joined by commas."""
    return b",".join(event.to_wire(played=played) for event in events if event.type not in _NOT_REPLAYED)


def encode_events(events: list[HistoryEvent]) -> bytes:
    """Events as one JSON array, in order."""
    return b"[" + b",".join(event.to_json() for event in events) + b"]"


def decode_events(stored: bytes) -> list[HistoryEvent]:
    """The inverse of encode_events."""
    return [HistoryEvent.from_object(item) for item in orjson.loads(stored)]


def format_time(when: datetime) -> str:
    """RFC 3339 in UTC with seven digits of a second, as the Durable extension writes it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def parse_time(text: str) -> datetime:
    """Read a time of the wire; without an offset it means UTC."""
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
