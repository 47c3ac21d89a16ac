"""Events: what happened, copied to one queue per subscriber."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from chassis.messaging.queues import Queues


@dataclass(frozen=True)
class Event:
    """One thing that happened: `type` as in service.yaml `emits`, `subject` the id of what it happened to."""

    type: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    id: str | None = None


class EventTopic:
    """The platform's event topic over storage queues: each subscriber's queue gets a copy."""

    def __init__(self, queues: Queues, subscriptions: Mapping[str, Sequence[str]]) -> None:
        self._queues = queues
        self._subscriptions = {queue: tuple(types) for queue, types in subscriptions.items()}

    def subscribers(self, event_type: str) -> list[str]:
        """The queues that get events of this type, in name order."""
        return sorted(
            queue
            for queue, patterns in self._subscriptions.items()
            if any(fnmatchcase(event_type, pattern) for pattern in patterns)
        )

    async def publish(self, event_type: str, body: bytes) -> None:
        """Copy the event to every subscriber. May be repeated: subscribers drop an event id they have seen.

        Raises DependencyUnavailable when a queue can't be reached; then some subscribers may have it already.
        """
        for queue in self.subscribers(event_type):
            await self._queues.put(queue, body)
