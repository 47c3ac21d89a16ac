"""The outbox: events stored in the transaction that makes them true, published afterwards, at least once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from chassis.errors import PlatformError
from chassis.messaging.events import Event, EventTopic
from chassis.messaging.message import Announced, in_batches, new_event, packed, to_json, unpacked

if TYPE_CHECKING:
    from chassis.storage.tables import Table

OUTBOX_PREFIX = "~outbox"
"""Row keys of events; `~` sorts after every other character that a key may have."""

SETTLE_S = 2
"""Younger rows, in seconds, are left to the process that has just written them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PendingEvents:
    """A row of events: its key (time order), and columns `type` (one, or a JSON array) and `event`.

    `event` is the CloudEvent's JSON, or a batch of several, as bytes, of which a column takes twice as many as it takes
    characters of text.
    """

    key: str
    values: Mapping[str, Any]


class Outbox:
    """Turns events into rows beside the state they tell of, and publishes rows."""

    def __init__(self, topic: EventTopic, source: str) -> None:
        self._topic = topic
        self._source = source
        self._running: set[asyncio.Task[None]] = set()

    def announced(self, event: Event) -> Announced:
        """The event as it will travel, made in the present call context."""
        made = new_event(
            event.type, event.data, source=self._source, id=event.id, subject=event.subject, attributes=event.attributes
        )
        return Announced(event.type, to_json(made))

    def rows(self, events: Sequence[Event | Announced]) -> list[PendingEvents]:
        """As few rows as have room for the events, made in the present call context where they are not made yet."""
        made = [event if isinstance(event, Announced) else self.announced(event) for event in events]
        return [_row(batch) for batch in in_batches(made)]

    def publish_soon(self, table: "Table", partition: str, pending: Sequence[PendingEvents]) -> None:
        """Publish just committed rows in the background; what fails stays for the relay."""
        task = asyncio.get_running_loop().create_task(self._publish_quietly(table, partition, pending))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def relay(self, table: "Table") -> int:
        """Publish what is left in a table (a crash, or a queue that was away) and return how many rows."""
        published = 0
        written_before = datetime.now(UTC) - timedelta(seconds=SETTLE_S)
        youngest = f"{OUTBOX_PREFIX}~{written_before:%Y%m%dT%H%M%S%f}"
        for row in await table.outbox_rows():
            if row.key < youngest:
                await self._topic.publish(_stored(row.values))
                await table.remove_stored(row.partition, [row.key])
                published += 1
        return published

    async def settle(self) -> None:
        """Wait for what is being published in the background."""
        while self._running:
            await asyncio.gather(*self._running)

    async def _publish_quietly(self, table: "Table", partition: str, pending: Sequence[PendingEvents]) -> None:
        try:
            for row in pending:
                await self._topic.publish(_stored(row.values))
                table.remove_event_soon(partition, row.key)
        except PlatformError as error:
            log.warning("events stay in the outbox of %s: %s", table.name, error)


def _row(batch: Sequence[Announced]) -> PendingEvents:
    types = [event.type for event in batch]
    type = types[0] if len(types) == 1 else orjson.dumps(types).decode()
    key = f"{OUTBOX_PREFIX}~{datetime.now(UTC):%Y%m%dT%H%M%S%f}~{uuid4().hex}"
    return PendingEvents(key, {"type": type, "event": packed(batch)})


def _stored(values: Mapping[str, Any]) -> list[Announced]:
    bodies = unpacked(values["event"])
    types = orjson.loads(values["type"]) if len(bodies) > 1 else [values["type"]]
    return [Announced(type, body) for type, body in zip(types, bodies, strict=True)]
