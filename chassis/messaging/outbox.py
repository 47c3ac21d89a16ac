"""The outbox: events stored in the transaction that makes them true, published afterwards, at least once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chassis.errors import PlatformError
from chassis.messaging.events import Event, EventTopic
from chassis.messaging.message import new_event, to_json

if TYPE_CHECKING:
    from chassis.storage.tables import Table

OUTBOX_PREFIX = "~outbox"
"""Row keys of events; `~` sorts after every other character that a key may have."""

SETTLE_S = 2
"""Younger rows, in seconds, are left to the process that has just written them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PendingEvent:
    """An event's row: its key (time order) and columns `type` and `event`.

    `event` is the CloudEvent's JSON as bytes, of which a column takes twice as many as it takes characters of text.
    """

    key: str
    values: Mapping[str, Any]


class Outbox:
    """Turns events into rows beside the state they tell of, and publishes rows."""

    def __init__(self, topic: EventTopic, source: str) -> None:
        self._topic = topic
        self._source = source
        self._running: set[asyncio.Task[None]] = set()

    def row(self, event: Event) -> PendingEvent:
        """The row of an event, made in the present call context."""
        cloud_event = new_event(
            event.type, event.data, source=self._source, id=event.id, subject=event.subject, attributes=event.attributes
        )
        key = f"{OUTBOX_PREFIX}~{datetime.now(UTC):%Y%m%dT%H%M%S%f}~{cloud_event.get_id()}"
        return PendingEvent(key, {"type": event.type, "event": to_json(cloud_event)})

    def publish_soon(self, table: "Table", partition: str, pending: Sequence[PendingEvent]) -> None:
        """Publish just committed rows in the background; what fails stays for the relay."""
        task = asyncio.get_running_loop().create_task(self._publish_quietly(table, partition, pending))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def relay(self, table: "Table") -> int:
        """Publish what is left in a table (a crash, or a queue that was away) and return how many."""
        published = 0
        written_before = datetime.now(UTC) - timedelta(seconds=SETTLE_S)
        youngest = f"{OUTBOX_PREFIX}~{written_before:%Y%m%dT%H%M%S%f}"
        for row in await table.outbox_rows():
            if row.key < youngest:
                await self._publish(table, row.partition, row.key, row.values)
                published += 1
        return published

    async def settle(self) -> None:
        """Wait for what is being published in the background."""
        while self._running:
            await asyncio.gather(*self._running)

    async def _publish_quietly(self, table: "Table", partition: str, pending: Sequence[PendingEvent]) -> None:
        published = []
        try:
            for row in pending:
                await self._topic.publish(row.values["type"], row.values["event"])
                published.append(row.key)
        except PlatformError as error:
            log.warning("%d events stay in the outbox of %s: %s", len(pending) - len(published), table.name, error)
        try:
            await table.remove_outbox_rows(partition, published)
        except PlatformError as error:
            log.warning("published events stay in the outbox of %s: %s", table.name, error)

    async def _publish(self, table: "Table", partition: str, key: str, values: Mapping[str, Any]) -> None:
        await self._topic.publish(values["type"], values["event"])
        await table.remove_outbox_row(partition, key)
