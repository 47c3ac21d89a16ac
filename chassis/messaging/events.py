"""Events: what happened, copied to one queue per subscriber."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from chassis.messaging.message import Announced, in_batches, packed
from chassis.messaging.queues import Queues


@dataclass(frozen=True)
class Event:
    """One thing that happened: `type` as in service.yaml `emits`, `subject` the id of what it happened to.

    `attributes` are further attributes of the CloudEvent; they win over what the platform would set, except what
    travels with the work (tenant, principal, correlation, trace).
    """

    type: str
    subject: str | None
    data: Any = field(default_factory=dict)
    id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


Filter = Callable[[str, bytes], Awaitable[bool]]
"""Whether a subscriber's queue gets an event of this type and body; a service may know that of its own queue."""


class EventTopic:
    """The platform's event topic: Service Bus' own, or over storage queues a copy on each subscriber's queue."""

    def __init__(
        self, queues: Queues, subscriptions: Mapping[str, Sequence[str]], filters: Mapping[str, Filter] | None = None
    ) -> None:
        self._queues = queues
        self._filters = filters or {}
        self._subscriptions = {queue: tuple(types) for queue, types in subscriptions.items()}

    def subscribers(self, event_type: str) -> list[str]:
        """The queues that get events of this type, in name order."""
        return sorted(queue for queue, patterns in self._subscriptions.items() if fits(event_type, patterns))

    async def publish(self, events: Sequence[Announced]) -> None:
        """Copy the events to every subscriber that wants them, several in one message where there is room.

        May be repeated: subscribers drop an event id they have seen.
        Raises DependencyUnavailable when a queue can't be reached; then some subscribers may have them already.
        """
        if await self._queues.publish(events):
            return
        for queue, patterns in sorted(self._subscriptions.items()):
            wanted = [event for event in events if fits(event.type, patterns) and await self._passes(queue, event)]
            for batch in in_batches(wanted):
                await self._queues.put(queue, packed(batch))

    async def _passes(self, queue: str, event: Announced) -> bool:
        passes = self._filters.get(queue)
        return passes is None or await passes(event.type, event.body)


def fits(event_type: str, patterns: Sequence[str]) -> bool:
    """Whether a subscription to these patterns gets events of the type."""
    return any(fnmatchcase(event_type, pattern) for pattern in patterns)
