"""Events that no change of a row comes with, stored for many callers at once (group commit)."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chassis.messaging.events import Event
from chassis.messaging.message import Announced

if TYPE_CHECKING:
    from chassis.storage.tables import Table

MOST_AT_ONCE = 64
"""Events of one commit; of the usual half KiB as many have room in one row, and in one message."""


class Announcer:
    """Announces in one partition of a table. One event loop.

    While one row is being written, the events of the next one gather: under load many callers share a write, alone
    nobody waits for others.
    """

    def __init__(self, table: "Table", partition: str) -> None:
        self._table, self._partition = table, partition
        self._waiting: list[tuple[Announced, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def announce(self, event: Event) -> None:
        """Return when the event, made in the present call context, is stored; it is published after that.

        Raises as Table.commit does.
        """
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((self._table.announced(event), stored))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await stored

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            failure = await self._committed([event for event, _ in batch])
            for _, stored in batch:
                if stored.done():  # its caller has gone
                    continue
                if failure is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(failure)
        self._writing = None

    async def _committed(self, events: Sequence[Announced]) -> Exception | None:
        try:
            await self._table.commit(self._partition, [], events)
        except Exception as error:  # noqa: BLE001 - every caller hears of it
            return error
        return None
